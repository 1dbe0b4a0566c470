// Finds where a server's reply ends, in bytes as they come, without keeping any of them. Pure, without
// allocation. RESP2 and RESP3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keyway::proxy {

class ReplyScanner {
 public:
  enum class State { kMore, kWhole, kBroken };

  struct Step {
    State state = State::kMore;
    size_t taken_bytes = 0;   // of what was given: they belong to this reply
    bool error_line = false;  // of scan_to_errors: what was taken is one error, at whatever depth
  };

  // Goes on with a reply, or begins one. With kMore all bytes were taken but the start of an unfinished line
  // (kMaxLineBytes at most), which must be given again with what follows it. kWhole: the next call begins the
  // next reply.
  Step scan(std::string_view bytes) { return scan_on<false>(bytes); }
  // The same, but each error line is a step of its own. With kMore, what follows may be whole: go on as long
  // as something is taken.
  Step scan_to_errors(std::string_view bytes) { return scan_on<true>(bytes); }

  // Nothing of a reply has been taken yet.
  bool at_start() const { return missing_ == 1 && skip_bytes_ == 0 && !begun_; }

  static constexpr size_t kMaxLineBytes = size_t{16} << 10;

 private:
  template <bool stop_at_errors>
  Step scan_on(std::string_view bytes);
  bool take_line(std::string_view line);

  uint64_t missing_ = 1;     // elements that are still to come, the reply itself included
  uint64_t skip_bytes_ = 0;  // of a bulk, with its line end
  bool begun_ = false;
};

}  // namespace keyway::proxy
