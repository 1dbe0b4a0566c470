#include "cli/key_values.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/suggest.h"
#include "platform/kubernetes/quantity.h"

namespace keyway::cli {

KeyValues::KeyValues(const std::vector<std::string>& words, std::string_view what,
                     const std::vector<std::string_view>& known,
                     const std::vector<std::string_view>& prefixes) {
  for (const std::string& word : words) {
    const size_t sign = word.find('=');
    if (sign == std::string::npos) {
      status_ = fail(ErrorCode::kInvalidArgument,
                     fmt::format("{}: takes values as KEY=VALUE, and \"{}\" has no \"=\"", what,
                                 cluster::excerpt(word)));
      return;
    }
    const std::string key = word.substr(0, sign);
    const bool prefixed = std::ranges::any_of(
        prefixes, [&](std::string_view prefix) { return key.starts_with(prefix) && key != prefix; });
    if (!prefixed && std::ranges::find(known, key) == known.end()) {
      refuse(key, fmt::format("{} has no such key; {}", what, cluster::suggest(key, known)));
      return;
    }
    if (!values_.emplace(key, word.substr(sign + 1)).second) {
      refuse(key, "is given twice; leave one of them out");
      return;
    }
  }
}

void KeyValues::refuse(std::string_view key, std::string_view problem) {
  if (status_)
    status_ = fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", cluster::excerpt(key), problem));
}

std::string KeyValues::text(std::string_view key) const {
  auto found = values_.find(key);
  return found == values_.end() ? std::string() : found->second;
}

std::string KeyValues::required(std::string_view key, std::string_view example) {
  std::string value = text(key);
  if (value.empty()) refuse(key, fmt::format("is missing; add {}, such as {}={}", key, key, example));
  return value;
}

std::string KeyValues::choice(std::string_view key, const std::vector<std::string_view>& choices) {
  if (!has(key)) return std::string(choices.front());
  std::string value = text(key);
  if (std::ranges::find(choices, value) == choices.end())
    refuse(key,
           fmt::format("\"{}\" is not known; {}", cluster::excerpt(value), cluster::suggest(value, choices)));
  return value;
}

int KeyValues::number(std::string_view key, int otherwise, int least, int most) {
  if (!has(key)) return otherwise;
  const std::optional<int64_t> value = parse_int(text(key));
  if (value && *value >= least && *value <= most) return static_cast<int>(*value);
  refuse(key, fmt::format("\"{}\" is no whole number from {} to {}; write {}={}", cluster::excerpt(text(key)),
                          least, most, key, otherwise));
  return otherwise;
}

std::optional<int64_t> KeyValues::quantity(std::string_view key) {
  if (!has(key)) return std::nullopt;
  const std::optional<int64_t> value = platform::kubernetes::parse_quantity(text(key));
  if (!value || *value == 0) {
    refuse(key, fmt::format("\"{}\" is no amount as Kubernetes writes them; write it like {}=64Gi or {}=500M",
                            cluster::excerpt(text(key)), key, key));
  }
  return value;
}

std::optional<int64_t> KeyValues::milli_quantity(std::string_view key) {
  if (!has(key)) return std::nullopt;
  const std::optional<int64_t> value = platform::kubernetes::parse_milli_quantity(text(key));
  if (!value || *value == 0) {
    refuse(key, fmt::format("\"{}\" is no amount as Kubernetes writes them; write it like {}=2 or {}=250m",
                            cluster::excerpt(text(key)), key, key));
  }
  return value;
}

bool KeyValues::yes(std::string_view key) { return choice(key, {"no", "yes"}) == "yes"; }

std::map<std::string, std::string> KeyValues::with_prefix(std::string_view prefix) const {
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : values_) {
    if (key.starts_with(prefix)) found.emplace(key.substr(prefix.size()), value);
  }
  return found;
}

}  // namespace keyway::cli
