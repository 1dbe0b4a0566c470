// How many keys an RDB file holds, as its beginning tells (RESIZEDB, which servers write before the keys of a
// database), without going through it. Pure; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keyway::backup {

class KeyCount {
 public:
  // The next bytes of the file; they are of no interest any more once it is known or cannot be.
  void add(std::string_view bytes);

  // Of the first database in the file; -1: not known (yet).
  int64_t keys() const { return keys_; }

 private:
  enum class State { kLooking, kOver };

  void look();

  State state_ = State::kLooking;
  std::string head_;
  int64_t keys_ = -1;
};

}  // namespace keyway::backup
