// The proxy's own users, with what is in the files that their file names. Main thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "proxy/options.h"

namespace keyway::cli {

// The password of a user of the servers ("default": that one) that is known without the users file.
using KnownPassword = std::function<Result<std::string>(const std::string& user)>;

struct OwnUsers {
  std::shared_ptr<const proxy::Users> users;
  std::vector<std::string> warnings;  // of files that are used all the same
};

// kInvalidArgument: what is wrong in which line of which file.
Result<OwnUsers> read_own_users(const std::string& file, const KnownPassword& known);

// A path in `file` is seen from where that file is.
void place_beside(const std::string& file, std::string& path);

// What is to be said if anybody on this machine can read the file; empty: nothing.
std::string warn_of_readers(const std::string& path);

}  // namespace keyway::cli
