// Rules for single values of a spec.
#include <arpa/inet.h>

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/spec_rules.h"
#include "cluster/suggest.h"

namespace keyway::cluster {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<std::string> label_problem(std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= kMaxNameLength && is_lower(name.front()) && name.back() != '-' &&
      std::all_of(name.begin(), name.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
  if (good) return std::nullopt;
  return fmt::format(
      "\"{}\" is no name for a cluster or shard; use up to {} lower-case letters, digits and \"-\", a letter "
      "first "
      "and no \"-\" last",
      excerpt(name), kMaxNameLength);
}

std::optional<std::string> shard_count_problem(int64_t count) {
  if (1 <= count && count <= kMaxShards) return std::nullopt;
  return fmt::format("{} is no number of shards; choose 1 to {}", count, kMaxShards);
}

std::optional<std::string> replicas_problem(int64_t replicas) {
  if (0 <= replicas && replicas <= kMaxReplicas) return std::nullopt;
  return fmt::format(
      "{} is no number of replicas; choose 0 to {} (each one more makes every write cost more and adds "
      "little "
      "safety)",
      replicas, kMaxReplicas);
}

std::optional<std::string> memory_problem(int64_t memory_bytes) {
  if (memory_bytes >= kMinMemoryBytes) return std::nullopt;
  return fmt::format("{} is too little for a server; give it {} or more, or leave the field out for no limit",
                     human_bytes(memory_bytes), human_bytes(kMinMemoryBytes));
}

std::optional<std::string> host_problem(const std::string& host) {
  in6_addr address = {};
  const bool v4 = inet_pton(AF_INET, host.c_str(), &address) == 1;
  const bool v6 = inet_pton(AF_INET6, host.c_str(), &address) == 1;
  if (host.find('\0') != std::string::npos || (!v4 && !v6)) {
    return fmt::format("\"{}\" is no IP address; write one of this machine's, such as 127.0.0.1",
                       excerpt(host));
  }
  if (host == "0.0.0.0" || (v6 && IN6_IS_ADDR_UNSPECIFIED(&address))) {
    return fmt::format(
        "{} stands for all addresses, but servers tell each other a single one; write that one", host);
  }
  return std::nullopt;
}

}  // namespace keyway::cluster
