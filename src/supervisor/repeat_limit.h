// Keeps repetitions out of a log: the first of its kind passes, the next ones at growing intervals. Owned by
// the reporter; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace keyway::supervisor {

class RepeatLimit {
 public:
  // Nothing: hold it back. Else: tell it; so many of its kind were held back since the last one told. Three
  // pass freely; then the interval doubles with each one told. After two minutes of peace it is all anew.
  std::optional<int> admit(const std::string& kind, int64_t now_ms);

  size_t size() const { return kinds_.size(); }

 private:
  struct Kind {
    int64_t told_ms = 0;
    int64_t seen_ms = 0;
    int told = 0;
    int64_t interval_ms = 0;  // before the next one passes
    int held_back = 0;
  };

  void make_room(int64_t now_ms);

  std::map<std::string, Kind> kinds_;
};

}  // namespace keyway::supervisor
