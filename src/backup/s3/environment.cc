#include "backup/s3/environment.h"

#include <cstdlib>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"

namespace keyway::backup::s3 {

namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;

std::string path_of(const Environment& environment, const char* variable, std::string_view name) {
  std::string path = environment(variable);
  return path.empty() ? fmt::format("{}/.aws/{}", environment("HOME"), name) : path;
}

Result<Profile> read_profile(const Environment& environment, const char* variable, std::string_view name) {
  bool named = !environment(variable).empty();
  if (!named && environment("HOME").empty()) return Profile();
  std::string path = path_of(environment, variable, name);
  Result<std::string> text = platform::local::read_file(path, kMaxFileBytes);
  if (text) return parse_profile(*text, profile_name(environment), path);
  if (text.error().code == ErrorCode::kNotFound && !named) return Profile();
  std::string by = named ? fmt::format(" ({} names it)", variable) : "";
  return fail(ErrorCode::kInvalidArgument, text.error().message + by);
}

}  // namespace

Environment process_environment() {
  return [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
}

Result<Profile> parse_profile(std::string_view text, const std::string& name, const std::string& source) {
  Profile profile;
  bool inside = false;
  int number = 0;
  for (std::string_view raw : split(text, '\n')) {
    ++number;
    std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      std::vector<std::string_view> words = split_blanks(line.substr(1, line.find(']') - 1));
      if (!words.empty() && words.front() == "profile") words.erase(words.begin());
      inside = words.size() == 1 && words.front() == name;
      continue;
    }
    // Lines that stand further in belong to a setting of several parts, none of which is asked for here.
    if (!inside || raw.front() == ' ' || raw.front() == '\t') continue;
    size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}:{}: no setting, which would be written NAME = VALUE", source, number));
    }
    profile[to_lower(trim(line.substr(0, equals)))] = trim(line.substr(equals + 1));
  }
  return profile;
}

std::string profile_name(const Environment& environment) {
  std::string name = environment("AWS_PROFILE");
  return name.empty() ? "default" : name;
}

std::string credentials_path(const Environment& environment) {
  return path_of(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
}

Result<Profile> credentials_profile(const Environment& environment) {
  return read_profile(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
}

Result<Profile> config_profile(const Environment& environment) {
  return read_profile(environment, "AWS_CONFIG_FILE", "config");
}

}  // namespace keyway::backup::s3
