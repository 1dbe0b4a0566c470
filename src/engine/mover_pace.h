// How much of a move goes into one pipeline. A server works off a whole pipeline before it serves anybody
// else, so its sum counts: all MIGRATEs of it together. What a pipeline may hold is learnt from how long
// earlier ones took. Values; one thread at a time.
#pragma once

#include <cstdint>
#include <string>

namespace keyway::engine {

// A key on its way. What it takes to move is its bytes and a constant for the key itself.
struct SizedKey {
  std::string name;
  int64_t size_bytes = 0;  // in the server's memory

  int64_t weight() const { return kKeyWeight + static_cast<int64_t>(name.size()) + size_bytes; }

  // A small key takes about as long as so many bytes of a big one.
  static constexpr int64_t kKeyWeight = 400;
};

// What one pipeline holds.
struct MoveLoad {
  int64_t calls = 0;  // MIGRATEs
  int64_t weight = 0;
  int64_t keys = 0;
  bool out_of_weight = false;  // more keys were ready, but there was no room for their weight
  bool out_of_calls = false;   // likewise, but no call was left
  bool weighed = true;         // the keys' sizes are known
};

class MovePace {
 public:
  int64_t max_weight() const { return max_weight_; }
  int64_t max_calls() const { return max_calls_; }

  // How long a server is busy with so much.
  int64_t estimate_us(int64_t weight) const;
  // For how long a server may be busy with one pipeline if a single call may take `max_call_us`: much less,
  // since what comes in between adds up. With a long way to the server more of its time must be asked for at
  // once, lest it waits for us most of the time.
  int64_t budget_us(int64_t max_call_us) const;

  // A pipeline that held `load` and nothing else of weight was answered after `elapsed_us`.
  void learn(const MoveLoad& load, int64_t elapsed_us, int64_t max_call_us);
  // Anything was answered after `elapsed_us`: the way there and back takes no longer.
  void learn_way(int64_t elapsed_us);

 private:
  int64_t max_weight_ = 32 * SizedKey::kKeyWeight;  // nothing is known yet: a few big keys must not take long
  int64_t max_calls_ = 1;
  int64_t way_us_ = -1;      // there and back; -1: unknown
  double weight_a_us_ = 80;  // 64 MiB of text took a server 0.8 s to hand over
};

}  // namespace keyway::engine
