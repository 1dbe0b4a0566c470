// Settings as programs for AWS read them: from the environment, else of a profile in ~/.aws/config and
// ~/.aws/credentials. Reads these files; any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::backup::s3 {

// The value of a variable; empty: it is not set.
using Environment = std::function<std::string(const char* name)>;

Environment process_environment();

// What a profile says, by its names.
using Profile = std::map<std::string, std::string>;

// The section `name` of such a file; nothing of it: an empty one. Sections of a config file are called
// "profile NAME", but for "default". `source` names the file in errors. kInvalidArgument: a line that is
// none.
Result<Profile> parse_profile(std::string_view text, const std::string& name, const std::string& source);

// $AWS_PROFILE, else "default".
std::string profile_name(const Environment& environment);

// Of the file that $AWS_SHARED_CREDENTIALS_FILE or $AWS_CONFIG_FILE names, else of the one in ~/.aws. A file
// that is not there says nothing; one that is named and not there is an error.
Result<Profile> credentials_profile(const Environment& environment);
Result<Profile> config_profile(const Environment& environment);
// Where the former is read, for messages.
std::string credentials_path(const Environment& environment);

}  // namespace keyway::backup::s3
