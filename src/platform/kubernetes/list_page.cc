#include "platform/kubernetes/list_page.h"

#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/json_scan.h"

namespace keyway::platform::kubernetes {

namespace {

// etcd takes objects of up to 1.5 MiB, which JSON's escapes may make several times as long.
constexpr size_t kMaxLineBytes = size_t{16} << 20;
constexpr size_t kKeptLineBytes = 64 << 10;
constexpr size_t kToldBytes = 80;

}  // namespace

Result<ListPage> cut_list(std::string_view body) {
  ListPage page;
  bool has_metadata = false;
  Status cut = for_each_member(body, [&](std::string_view name, std::string_view value) -> Status {
    if (name == "metadata") {
      has_metadata = true;
      page.resource_version = json_string(find_json(value, "resourceVersion"));
      page.continue_token = json_string(find_json(value, "continue"));
    }
    if (name != "items" || value == "null") return {};
    return for_each_element(value, [&](std::string_view item) {
      page.items.push_back(item);
      return Status();
    });
  });
  if (!cut) return fail(ErrorCode::kCorrupt, "what it answered is no list: " + cut.error().message);
  if (!has_metadata) return fail(ErrorCode::kCorrupt, "what it answered is no list: it has no metadata");
  return page;
}

Result<WatchEvent> read_watch_event(std::string_view line) {
  WatchEvent event;
  std::string type;
  Status read = for_each_member(line, [&](std::string_view name, std::string_view value) {
    if (name == "type") type = json_string(value);
    if (name == "object") event.object = value;
    return Status();
  });
  auto bad = [&] {
    return fail(ErrorCode::kCorrupt,
                fmt::format("this is no event of a watch: {}", line.substr(0, kToldBytes)));
  };
  if (!read || event.object.empty()) return bad();
  using Kind = WatchEvent::Kind;
  constexpr std::pair<std::string_view, Kind> kinds[] = {{"ADDED", Kind::kAdded},
                                                         {"MODIFIED", Kind::kModified},
                                                         {"DELETED", Kind::kDeleted},
                                                         {"BOOKMARK", Kind::kBookmark},
                                                         {"ERROR", Kind::kError}};
  bool known = false;
  for (const auto& [name, kind] : kinds) {
    if (name != type) continue;
    known = true;
    event.kind = kind;
  }
  if (!known) return bad();
  if (event.kind != Kind::kError)
    event.resource_version = json_string(find_json(event.object, "metadata.resourceVersion"));
  return event;
}

Status WatchLines::feed(std::string_view bytes, const std::function<Status(std::string_view line)>& take) {
  while (!bytes.empty()) {
    size_t end = bytes.find('\n');
    std::string_view part = bytes.substr(0, end);
    if (line_.size() + part.size() > kMaxLineBytes)
      return fail(ErrorCode::kExhausted, "a line of the watch is longer than any object may be");
    bool whole = end != std::string_view::npos;
    bytes.remove_prefix(whole ? end + 1 : bytes.size());
    if (!whole || !line_.empty()) line_ += part;
    if (!whole) return {};
    std::string_view line = trim(line_.empty() ? part : std::string_view(line_));
    if (!line.empty()) {
      if (Status taken = take(line); !taken) return taken;
    }
    if (line_.capacity() > kKeptLineBytes)
      std::string().swap(line_);
    else
      line_.clear();
  }
  return {};
}

}  // namespace keyway::platform::kubernetes
