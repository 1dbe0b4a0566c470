#include "proxy/client_filter.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/client.h"
#include "proxy/services.h"
#include "resp/command_name.h"

namespace keyway::proxy {

namespace {

using resp::same_name;
using Words = std::span<const std::string_view>;

constexpr std::string_view kNoId = "-ERR Invalid client ID: client-id should be greater than 0\r\n";
constexpr std::string_view kSyntaxError = "-ERR syntax error\r\n";

// Reads the numbers at the start of `words`; gives how many there are.
size_t read_ids(Words words, ClientFilter& filter) {
  size_t count = 0;
  for (; count < words.size(); ++count) {
    std::optional<uint64_t> id = parse_uint(words[count]);
    if (!id || *id == 0) break;
    filter.ids.push_back(*id);
  }
  return count;
}

std::string read_type(std::string_view value, ClientFilter& filter) {
  constexpr std::array<std::string_view, 5> types = {"normal", "pubsub", "master", "replica", "slave"};
  auto found = std::ranges::find_if(types, [&](std::string_view type) { return same_name(value, type); });
  if (found == types.end()) return fmt::format("-ERR Unknown client type '{}'\r\n", value.substr(0, 64));
  filter.type = *found;
  return {};
}

std::string read_one(std::string_view name, std::string_view value, ClientFilter& filter, bool& skip_me) {
  if (same_name(name, "type")) return read_type(value, filter);
  if (same_name(name, "addr")) {
    filter.address = value;
  } else if (same_name(name, "laddr")) {
    filter.local_address = value;
  } else if (same_name(name, "user")) {
    filter.user = value;
  } else if (same_name(name, "name")) {
    filter.name = value;
  } else if (same_name(name, "maxage")) {
    std::optional<int64_t> age_s = parse_int(value);
    if (!age_s || *age_s < 1) return "-ERR maxage is not an integer or out of range\r\n";
    filter.min_age_s = *age_s;
  } else if (same_name(name, "skipme") && (same_name(value, "yes") || same_name(value, "no"))) {
    skip_me = same_name(value, "yes");
  } else {
    return std::string(kSyntaxError);
  }
  return {};
}

}  // namespace

std::string_view type_of(const Client& client) { return client.session().subscribed() ? "pubsub" : "normal"; }

std::string_view user_of(const Client& client) {
  const Session& session = client.session();
  if (session.identity.source == Identity::Source::kProxy) return session.identity.user;
  const std::string& user = session.lane->account().user;
  return user.empty() ? std::string_view("default") : std::string_view(user);
}

bool ClientFilter::fits(const Client& client) const {
  if (client.id() == left_out) return false;
  if (!ids.empty() && std::ranges::find(ids, client.id()) == ids.end()) return false;
  if (!address.empty() && to_string(client.address()) != address) return false;
  if (!local_address.empty() && to_string(client.local_address()) != local_address) return false;
  if (!user.empty() && user_of(client) != user) return false;
  if (!name.empty() && client.session().name != name) return false;
  if (!type.empty() && type_of(client) != type) return false;
  return client.age_s() >= min_age_s;
}

std::string read_filter(Words words, ClientFilter& filter, bool& skip_me) {
  while (!words.empty()) {
    if (words.size() < 2) return std::string(kSyntaxError);
    if (same_name(words[0], "id")) {
      size_t count = read_ids(words.subspan(1), filter);
      if (count == 0) return std::string(kNoId);
      words = words.subspan(1 + count);
      continue;
    }
    if (std::string error = read_one(words[0], words[1], filter, skip_me); !error.empty()) return error;
    words = words.subspan(2);
  }
  return {};
}

}  // namespace keyway::proxy
