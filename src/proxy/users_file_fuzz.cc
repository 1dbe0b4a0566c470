// Any bytes are read as a file of users or refused with an error that names a place; whoever can log in has a
// password, or is said to need none, and acts as somebody.
#include <cstdint>
#include <cstdlib>

#include "proxy/users_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyway::proxy;
  auto file = parse_users_file({reinterpret_cast<const char*>(data), size}, "f");
  if (!file) {
    if (!file.error().message.starts_with("f:")) std::abort();
    return 0;
  }
  for (const UsersFile::User& user : file->users) {
    if (user.name.empty()) std::abort();
    if (user.on && (user.acts_as.empty() || user.any_password != user.passwords.empty())) std::abort();
  }
  return 0;
}
