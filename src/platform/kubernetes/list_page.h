// A page of a list, and the events of a watch, cut into objects without reading these. Pure; one thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyway::platform::kubernetes {

struct ListPage {
  std::string resource_version;         // of the list: where a watch goes on
  std::string continue_token;           // empty: the last page
  std::vector<std::string_view> items;  // into the text that it was cut from
};

// kCorrupt: it is no list.
Result<ListPage> cut_list(std::string_view body);

struct WatchEvent {
  enum class Kind { kAdded, kModified, kDeleted, kBookmark, kError };

  Kind kind = Kind::kError;
  std::string_view object;       // of kError: a Status
  std::string resource_version;  // of the object
};

// One line of a watch. kCorrupt: it is no event.
Result<WatchEvent> read_watch_event(std::string_view line);

// Lines from pieces of any size.
class WatchLines {
 public:
  // Calls `take` for each whole line that is not blank. kExhausted: a line is longer than any object may be;
  // or what `take` fails with.
  Status feed(std::string_view bytes, const std::function<Status(std::string_view line)>& take);

 private:
  std::string line_;  // that is not whole yet
};

}  // namespace keyway::platform::kubernetes
