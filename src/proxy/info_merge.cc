#include "proxy/info_merge.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::proxy {

namespace {

// Fields that add up.
constexpr auto kSums = std::to_array<std::string_view>({
    "blocked_clients",
    "connected_clients",
    "evicted_keys",
    "expired_keys",
    "instantaneous_ops_per_sec",
    "keyspace_hits",
    "keyspace_misses",
    "maxmemory",
    "mem_clients_normal",
    "rejected_connections",
    "total_commands_processed",
    "total_connections_received",
    "total_error_replies",
    "total_net_input_bytes",
    "total_net_output_bytes",
    "total_reads_processed",
    "total_system_memory",
    "total_writes_processed",
    "used_memory",
    "used_memory_dataset",
    "used_memory_lua",
    "used_memory_overhead",
    "used_memory_peak",
    "used_memory_rss",
    "used_memory_scripts",
});
static_assert(std::ranges::is_sorted(kSums));

// Without its length, and without the "txt:" of a verbatim string.
std::string_view text_of(std::string_view reply) {
  size_t begin = reply.find("\r\n");
  if (begin == std::string_view::npos) return {};
  std::string_view text = reply.substr(begin + 2);
  if (text.ends_with("\r\n")) text.remove_suffix(2);
  return reply.starts_with('=') ? text.substr(std::min<size_t>(4, text.size())) : text;
}

std::map<std::string_view, std::string_view> fields_of(std::string_view text) {
  std::map<std::string_view, std::string_view> fields;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    size_t colon = line.find(':');
    if (colon != std::string_view::npos && !line.starts_with('#'))
      fields.emplace(line.substr(0, colon), line.substr(colon + 1));
  }
  return fields;
}

// "keys=3,expires=1,avg_ttl=0": the first two add up.
void add_keyspace(std::string_view value, std::array<int64_t, 2>& sums) {
  size_t i = 0;
  for (std::string_view part : split(value, ',')) {
    size_t equals = part.find('=');
    if (i < sums.size() && equals != std::string_view::npos)
      sums[i] += parse_int(part.substr(equals + 1)).value_or(0);
    ++i;
  }
}

}  // namespace

std::string merge_info(const std::vector<Slice>& replies, int64_t held_clients) {
  std::string_view first = replies.front().text();
  std::vector<std::map<std::string_view, std::string_view>> all;
  for (const Slice& reply : replies) all.push_back(fields_of(text_of(reply.text())));
  std::string merged;
  auto keyspace = [&] {
    std::array<int64_t, 2> sums{};
    bool any = false;
    for (const auto& fields : all) {
      auto found = fields.find("db0");
      if (found == fields.end()) continue;
      any = true;
      add_keyspace(found->second, sums);
    }
    if (any) merged += fmt::format("db0:keys={},expires={},avg_ttl=0\r\n", sums[0], sums[1]);
  };
  for (std::string_view line : split(text_of(first), '\n')) {
    line = trim(line);
    std::string_view name = line.substr(0, line.find(':'));
    if (name == "db0") continue;
    if (std::ranges::binary_search(kSums, name)) {
      int64_t sum = name == "blocked_clients" ? held_clients : 0;
      for (const auto& fields : all) {
        auto found = fields.find(name);
        if (found != fields.end()) sum += parse_int(found->second).value_or(0);
      }
      merged += fmt::format("{}:{}\r\n", name, sum);
      continue;
    }
    merged += fmt::format("{}\r\n", line);
    if (line == "# Keyspace") keyspace();
  }
  if (first.starts_with('=')) return fmt::format("={}\r\ntxt:{}\r\n", merged.size() + 4, merged);
  return fmt::format("${}\r\n{}\r\n", merged.size(), merged);
}

}  // namespace keyway::proxy
