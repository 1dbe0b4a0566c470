// Finds where something that has a shape (format.h) ends, in bytes that come bit by bit; nothing is read
// twice. Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "rdb/format.h"

namespace keyway::rdb {

class ShapeWalk {
 public:
  ShapeWalk() = default;
  // `shape` is one of format.h's, and stays.
  explicit ShapeWalk(Shape shape) : shape_(shape) {}

  // `bytes` are those from its beginning on, each time more of them. True: it has been passed, used_bytes()
  // of them belong to it. False: more are needed, wanted_bytes() at least. kCorrupt.
  Result<bool> advance(std::string_view bytes);

  size_t used_bytes() const { return used_; }
  uint64_t wanted_bytes() const { return wanted_; }  // from the beginning on
  // The number that the first L stands for; 0 before it has been passed.
  uint64_t first_length() const { return first_length_; }
  // Where its first string ends.
  size_t first_string_end() const { return first_string_end_; }

 private:
  // A group in parentheses that is gone through.
  struct Loop {
    size_t begin = 0;  // of what is in it, in shape_
    uint64_t left = 0;
  };
  static constexpr size_t kMaxDepth = 3;

  Result<bool> pass(char piece, std::string_view rest);
  Result<bool> pass_length(std::string_view rest, uint64_t& value);
  Result<bool> pass_string(std::string_view rest);
  Result<bool> pass_bytes(std::string_view rest, uint64_t count);
  Result<bool> pass_old_number(std::string_view rest);
  Result<bool> pass_module_part(std::string_view rest);
  void end_groups();
  void begin_group(uint64_t count);

  Shape shape_;
  size_t at_ = 0;  // in shape_
  size_t used_ = 0;
  uint64_t wanted_ = 1;
  std::array<Loop, kMaxDepth> loops_{};
  size_t depth_ = 0;
  char module_part_ = 0;  // what follows in a module's value; 0: the mark of the next part
  bool had_length_ = false;
  uint64_t first_length_ = 0;
  size_t first_string_end_ = 0;
};

}  // namespace keyway::rdb
