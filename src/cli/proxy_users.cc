#include "cli/proxy_users.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/format.h"
#include "cli/cluster/access.h"
#include "cli/document.h"
#include "proxy/users_file.h"

namespace keyway::cli {

namespace {

using proxy::UsersFile;

constexpr std::string_view kDefaultUser = "default";

// Gives the users of one file the passwords by which they act at the servers.
class Resolver {
 public:
  Resolver(const std::string& file, const UsersFile& lines, const KnownPassword& known)
      : file_(file), lines_(lines), known_(known) {}

  Result<OwnUsers> resolve() {
    note_readers(file_);
    proxy::Users::ByName users;
    for (const UsersFile::User& line : lines_.users) {
      if (!line.on) continue;
      Result<std::string> password = password_of(line);
      if (!password) return fail(password.error());
      // No user of this name is how connections log in by a password alone, or not at all.
      std::string name = line.acts_as == kDefaultUser ? "" : line.acts_as;
      users[line.name] = {line.any_password, line.passwords, {std::move(name), std::move(*password)}};
    }
    own_.users = std::make_shared<const proxy::Users>(std::move(users));
    return std::move(own_);
  }

 private:
  void note_readers(const std::string& path) {
    std::string warning = warn_of_readers(path);
    if (!warning.empty() && std::ranges::find(own_.warnings, warning) == own_.warnings.end())
      own_.warnings.push_back(std::move(warning));
  }

  tl::unexpected<Error> refuse(size_t line, std::string_view what) const {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}:{}: {}", file_, line, what));
  }

  Result<std::string> password_of(const UsersFile::User& user) {
    auto upstream = std::ranges::find(lines_.upstreams, user.acts_as, &UsersFile::Upstream::name);
    if (upstream != lines_.upstreams.end()) return password_of(*upstream);
    Result<std::string> password = known_(user.acts_as);
    if (password) return password;
    return refuse(user.line,
                  fmt::format("the password of {} at the servers is not known; add a line: upstream {} "
                              "file=FILE",
                              user.acts_as, user.acts_as));
  }

  Result<std::string> password_of(const UsersFile::Upstream& upstream) {
    if (upstream.password_file.empty()) {
      if (!upstream.password.empty() || upstream.name == kDefaultUser) return upstream.password;
      return refuse(upstream.line,
                    "without a password only the user default can be had; add file=FILE or >PASSWORD");
    }
    std::string path = upstream.password_file;
    place_beside(file_, path);
    Result<std::string> password = read_password_file(path, upstream.name);
    if (!password) return refuse(upstream.line, password.error().message);
    note_readers(path);
    return password;
  }

  const std::string& file_;
  const UsersFile& lines_;
  const KnownPassword& known_;
  OwnUsers own_;
};

}  // namespace

Result<OwnUsers> read_own_users(const std::string& file, const KnownPassword& known) {
  Result<std::string> text = read_document("--users-file", file);
  if (!text) return fail(text.error());
  Result<UsersFile> lines = proxy::parse_users_file(*text, file);
  if (!lines) return fail(lines.error());
  return Resolver(file, *lines, known).resolve();
}

void place_beside(const std::string& file, std::string& path) {
  if (path.empty() || file == "-") return;
  path = (std::filesystem::path(file).parent_path() / path).string();
}

std::string warn_of_readers(const std::string& path) {
  struct stat about{};
  if (stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode) || (about.st_mode & S_IROTH) == 0) return {};
  return fmt::format("{} can be read by every user of this machine (mode {:04o}); chmod 600 it", path,
                     about.st_mode & 07777U);
}

}  // namespace keyway::cli
