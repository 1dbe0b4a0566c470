// Which clients CLIENT LIST and CLIENT KILL mean. A value; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyway::proxy {

class Client;

struct ClientFilter {
  std::vector<uint64_t> ids;  // empty: any; so for the others
  std::string address;
  std::string local_address;
  std::string user;
  std::string name;
  std::string type;  // "normal", "pubsub"; "master" and "replica" fit nobody
  int64_t min_age_s = 0;
  uint64_t left_out = 0;  // the id of a client that does not fit

  bool fits(const Client& client) const;
};

// "normal", "pubsub".
std::string_view type_of(const Client& client);
std::string_view user_of(const Client& client);

// Reads pairs of a filter's name and its value; an ID may have several. Gives the error to answer with, empty
// if there is none. `skip_me` is left alone if it does not say.
std::string read_filter(std::span<const std::string_view> words, ClientFilter& filter, bool& skip_me);

}  // namespace keyway::proxy
