// Any bytes, cut into pieces anywhere, are answers of HTTP, lists and events of watches, or are refused; how
// they were cut makes no difference.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "platform/http_response.h"
#include "platform/kubernetes/list_page.h"
#include "platform/kubernetes/object_meta.h"

namespace {

using namespace keyway;
using namespace keyway::platform::kubernetes;

void require(bool holds) {
  if (!holds) std::abort();
}

bool within(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// The body of the answer with the outcome behind it.
std::string read_http(std::string_view bytes, size_t piece) {
  platform::HttpResponse response;
  std::string body;
  while (!bytes.empty()) {
    Status fed = response.feed(bytes.substr(0, piece), [&](std::string_view part) {
      body += part;
      return Status();
    });
    if (!fed) return body + " refused";
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return body + (response.finish() ? " whole" : " cut");
}

// All lines, as they are read, and what becomes of them.
std::string read_watch(std::string_view bytes, size_t piece) {
  WatchLines lines;
  std::string seen;
  while (!bytes.empty()) {
    Status fed = lines.feed(bytes.substr(0, piece), [&](std::string_view line) -> Status {
      Result<WatchEvent> event = read_watch_event(line);
      if (!event) return fail(event.error());
      require(within(event->object, line) && !event->object.empty());
      seen += std::string(event->object) + event->resource_version + "\n";
      (void)parse_pod(event->object);
      return {};
    });
    if (!fed) return seen + "refused";
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = 1 + data[0] % 16;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  require(read_http(text, piece) == read_http(text, size));
  require(read_watch(text, piece) == read_watch(text, size));
  if (const Result<ListPage> page = cut_list(text)) {
    for (std::string_view item : page->items) require(within(item, text) && !item.empty());
  }
  return 0;
}
