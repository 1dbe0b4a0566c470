#include "rdb/shape_walk.h"

#include <cassert>

#include "base/format.h"
#include "rdb/text.h"

namespace keyway::rdb {

Result<bool> ShapeWalk::advance(std::string_view bytes) {
  while (at_ < shape_.size()) {
    char piece = shape_[at_];
    if (piece == ')') {
      end_groups();
      continue;
    }
    Result<bool> passed = pass(piece, bytes.substr(used_));
    if (!passed || !*passed) return passed;
  }
  return true;
}

// At a parenthesis that closes: once more, or on.
void ShapeWalk::end_groups() {
  Loop& loop = loops_[depth_ - 1];
  loop.left -= 1;
  if (loop.left > 0) {
    at_ = loop.begin;
    return;
  }
  depth_ -= 1;
  at_ += 1;
}

// At an N whose number has been read.
void ShapeWalk::begin_group(uint64_t count) {
  assert(shape_[at_ + 1] == '(' && depth_ < kMaxDepth);
  size_t begin = at_ + 2;
  if (count > 0) {
    loops_[depth_] = {begin, count};
    depth_ += 1;
    at_ = begin;
    return;
  }
  int open = 1;
  for (at_ = begin; open > 0; at_ += 1) open += shape_[at_] == '(' ? 1 : shape_[at_] == ')' ? -1 : 0;
}

Result<bool> ShapeWalk::pass(char piece, std::string_view rest) {
  uint64_t count = 0;
  Result<bool> passed = false;
  switch (piece) {
    case 'N':
      passed = pass_length(rest, count);
      if (passed && *passed) begin_group(count);
      return passed;
    case 'L':
      passed = pass_length(rest, count);
      break;
    case 'S':
      passed = pass_string(rest);
      break;
    case '1':
      passed = pass_bytes(rest, 1);
      break;
    case '4':
      passed = pass_bytes(rest, 4);
      break;
    case '8':
      passed = pass_bytes(rest, 8);
      break;
    case 'G':
      passed = pass_bytes(rest, 16);
      break;
    case 'D':
      passed = pass_old_number(rest);
      break;
    default:
      return pass_module_part(rest);
  }
  if (passed && *passed) at_ += 1;
  return passed;
}

Result<bool> ShapeWalk::pass_bytes(std::string_view rest, uint64_t count) {
  if (rest.size() < count) {
    wanted_ = used_ + count;
    return false;
  }
  used_ += count;
  return true;
}

Result<bool> ShapeWalk::pass_length(std::string_view rest, uint64_t& value) {
  Result<std::optional<Length>> length = read_length(rest);
  if (!length) return fail(length.error());
  if (!*length) return pass_bytes(rest, rest.size() + 1);
  if ((*length)->packed) return fail(ErrorCode::kCorrupt, "a packed string stands where a length should be");
  value = (*length)->value;
  if (!had_length_) first_length_ = value;
  had_length_ = true;
  return pass_bytes(rest, (*length)->header_bytes);
}

Result<bool> ShapeWalk::pass_string(std::string_view rest) {
  Result<std::optional<uint64_t>> size = string_bytes(rest);
  if (!size) return fail(size.error());
  Result<bool> passed = pass_bytes(rest, *size ? **size : rest.size() + 1);
  if (passed && *passed && first_string_end_ == 0) first_string_end_ = used_;
  return passed;
}

Result<bool> ShapeWalk::pass_old_number(std::string_view rest) {
  constexpr unsigned least_special = 253;
  if (rest.empty()) return pass_bytes(rest, 1);
  unsigned size = static_cast<unsigned char>(rest.front());
  return pass_bytes(rest, size >= least_special ? 1 : 1 + size);
}

// A part is a mark, which says what follows, and that.
Result<bool> ShapeWalk::pass_module_part(std::string_view rest) {
  uint64_t mark = 0;
  if (module_part_ != 0) {
    uint64_t number = 0;
    Result<bool> passed = module_part_ == 'S'   ? pass_string(rest)
                          : module_part_ == 'L' ? pass_length(rest, number)
                                                : pass_bytes(rest, module_part_ == '4' ? 4 : 8);
    if (passed && *passed) module_part_ = 0;
    return passed;
  }
  Result<bool> passed = pass_length(rest, mark);
  if (!passed || !*passed) return passed;
  constexpr std::string_view follows = "LL48S";  // numbers with and without sign, float, double, string
  if (mark > follows.size()) {
    return fail(ErrorCode::kCorrupt, fmt::format("a module's value has a part of the unknown kind {}", mark));
  }
  if (mark == 0) {
    at_ += 1;
  } else {
    module_part_ = follows[mark - 1];
  }
  return true;
}

}  // namespace keyway::rdb
