// Follows the commands that a client sends to a server, in bytes as they come, only so far as to know which
// replies will come in which order. Keeps no bytes. Pure, without allocation; one thread. Formats: RESP
// arrays of bulk strings and inline commands.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keyway::proxy {

// What the server will say to a command.
enum class Expect : uint8_t {
  kReply,     // one reply
  kSlots,     // one, which is that of CLUSTER SLOTS
  kShards,    // CLUSTER SHARDS
  kNodes,     // CLUSTER NODES
  kReplicas,  // CLUSTER REPLICAS
  kChannels,  // a word for each channel, or one error
  kStream,    // MONITOR: a reply, then lines without end
  kRaw,       // PSYNC: what follows is no protocol
  kNothing,   // its reply is turned off
};

struct Expected {
  Expect what = Expect::kReply;
  uint32_t channels = 0;  // kChannels: how many
};

class RequestTracker {
 public:
  // Calls on_command(Expected) for each command that ends within `bytes`.
  template <typename OnCommand>
  void take(std::string_view bytes, OnCommand on_command) {
    while (!bytes.empty() && !lost_) {
      bytes.remove_prefix(step(bytes));
      if (!whole_) continue;
      whole_ = false;
      on_command(classify());
      begin();
    }
  }

  // These are no commands: the server will say so and hang up. Nothing is known from there on.
  bool lost() const { return lost_; }

 private:
  enum class At : uint8_t { kStart, kCount, kBulkHeader, kBulk, kInline };

  // The first words of a command, in lower case, as far as they matter.
  struct Word {
    static constexpr size_t kMaxBytes = 16;
    std::array<char, kMaxBytes> bytes{};
    size_t size = 0;

    void add(char c);
    std::string_view text() const { return {bytes.data(), size}; }
  };
  static constexpr size_t kWords = 3;
  static constexpr size_t kMaxInlineBytes = size_t{64} << 10;

  size_t step(std::string_view bytes);
  size_t step_line(std::string_view bytes);
  size_t step_bulk(std::string_view bytes);
  size_t step_inline(std::string_view bytes);
  void end_line();
  void begin();
  Expected classify();
  Expected reply_mode();
  Expected of_words() const;

  At at_ = At::kStart;
  bool whole_ = false;
  bool lost_ = false;
  bool any_digit_ = false;
  bool negative_ = false;
  bool replies_off_ = false;
  bool skips_next_ = false;
  bool in_word_ = false;     // of an inline command
  int64_t number_ = 0;       // of the line that is being read
  size_t line_bytes_ = 0;    // of that line
  int64_t missing_ = 0;      // arguments that are still to come
  size_t left_bytes_ = 0;    // of a bulk, with its line end
  size_t payload_left_ = 0;  // of it, without
  uint32_t arguments_ = 0;   // that have come
  std::array<Word, kWords> words_{};
};

}  // namespace keyway::proxy
