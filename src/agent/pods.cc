#include "agent/pods.h"

#include "base/strings.h"

namespace keyway::agent {

std::optional<int64_t> ordinal_of(std::string_view pod) {
  size_t dash = pod.rfind('-');
  return dash == std::string_view::npos ? std::nullopt : parse_int(pod.substr(dash + 1));
}

bool earlier_pod(const std::string& left, const std::string& right) {
  return left.size() != right.size() ? left.size() < right.size() : left < right;
}

}  // namespace keyway::agent
