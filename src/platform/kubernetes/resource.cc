#include "platform/kubernetes/resource.h"

#include "base/format.h"

namespace keyway::platform::kubernetes {

namespace {

// RFC 3986: everything but the unreserved characters.
std::string escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view unreserved =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string out;
  for (char c : text) {
    if (unreserved.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += {'%', digits[byte >> 4], digits[byte & 0xf]};
  }
  return out;
}

}  // namespace

std::string ResourceType::api_version() const {
  return group.empty() ? std::string(version) : fmt::format("{}/{}", group, version);
}

std::string path_of(const ResourceType& type, std::string_view name_space, std::string_view name,
                    std::string_view subresource, const QueryParameters& query) {
  std::string path = type.group.empty() ? fmt::format("/api/{}", type.version)
                                        : fmt::format("/apis/{}/{}", type.group, type.version);
  if (type.namespaced && !name_space.empty()) path += "/namespaces/" + escaped(name_space);
  path += fmt::format("/{}", type.plural);
  if (!name.empty()) path += "/" + escaped(name);
  if (!subresource.empty()) path += fmt::format("/{}", subresource);
  char separator = '?';
  for (const auto& [key, value] : query) {
    path += fmt::format("{}{}={}", std::exchange(separator, '&'), key, escaped(value));
  }
  return path;
}

std::string words_of(const ResourceType& type, std::string_view name_space, std::string_view name) {
  std::string words(type.plural);
  if (!name_space.empty() && !name.empty()) return fmt::format("{} {}/{}", words, name_space, name);
  if (!name.empty()) return fmt::format("{} {}", words, name);
  if (!name_space.empty()) return fmt::format("{} in {}", words, name_space);
  return words;
}

}  // namespace keyway::platform::kubernetes
