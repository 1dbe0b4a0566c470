#include "proxy/users_file.h"

#include <algorithm>
#include <array>
#include <span>
#include <unordered_map>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/suggest.h"

namespace keyway::proxy {

namespace {

constexpr size_t kMaxNameBytes = 256;

using Words = std::span<const std::string_view>;

// Rules of ACL files that narrow nothing: servers write them for users that may do all.
constexpr auto kRulesOfAll =
    std::to_array<std::string_view>({"~*", "allkeys", "&*", "allchannels", "+@all", "allcommands",
                                     "sanitize-payload", "skip-sanitize-payload"});
// How rules begin that the proxy holds nobody to.
constexpr std::string_view kRuleBegins = "~%&+-@(<!";

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::ranges::all_of(text, [](char c) { return c < 0 || (c > ' ' && c != 0x7f); });
}

class UsersFileParser {
 public:
  explicit UsersFileParser(std::string_view source) : source_(source) {}

  Result<UsersFile> parse(std::string_view text) {
    for (std::string_view line : split(text, '\n')) {
      ++line_;
      std::vector<std::string_view> words = split_blanks(line);
      if (words.empty() || words.front().starts_with('#')) continue;
      if (Status read = read_line(words); !read) return fail(read.error());
    }
    return std::move(file_);
  }

 private:
  tl::unexpected<Error> refuse(std::string_view what) const {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}:{}: {}", source_, line_, what));
  }

  Status read_line(Words words) {
    bool of_upstream = words.front() == "upstream";
    if (!of_upstream && words.front() != "user")
      return refuse("the line begins with neither user nor upstream; write # before what is a comment");
    if (words.size() < 2 || !is_name(words[1]))
      return refuse(fmt::format(
          "the second word is no name of a user; write up to {} characters without blanks", kMaxNameBytes));
    auto [known, is_new] = (of_upstream ? upstream_lines_ : user_lines_).emplace(words[1], line_);
    if (!is_new) {
      return refuse(fmt::format("{} {} is on line {} already; remove one of them", words.front(),
                                cluster::excerpt(words[1]), known->second));
    }
    return of_upstream ? read_upstream(words) : read_user(words);
  }

  Status read_user(Words words) {
    UsersFile::User user{.name = std::string(words[1]), .line = line_};
    bool off = false;
    for (size_t i = 2; i < words.size(); ++i) {
      if (words[i] == "off") {
        off = true;
      } else if (Status read = read_user_word(words[i], i + 1, user); !read) {
        return read;
      }
    }
    if (off == user.on) return refuse("the user must be either on or off; write one of the two");
    if (user.on && user.passwords.empty() && !user.any_password)
      return refuse("the user has no password; add #SHA256 or >PASSWORD, or nopass if it needs none");
    if (user.any_password && !user.passwords.empty())
      return refuse("nopass lets the user in by any password; leave out nopass, or the passwords");
    if (user.on && user.acts_as.empty())
      return refuse("it is not said as whom the user acts at the servers; add as=USER");
    file_.users.push_back(std::move(user));
    return {};
  }

  Status read_user_word(std::string_view word, size_t number, UsersFile::User& user) {
    if (word == "on") {
      user.on = true;
    } else if (word == "nopass") {
      user.any_password = true;
    } else if (word.starts_with('>') && word.size() > 1) {
      user.passwords.push_back(hash_password(word.substr(1)));
    } else if (word.starts_with('#')) {
      std::optional<PasswordHash> hash = parse_password_hash(word.substr(1));
      if (!hash)
        return refuse(fmt::format("word {} is no SHA-256; write # and 64 hexadecimal digits", number));
      user.passwords.push_back(*hash);
    } else if (word.starts_with("as=")) {
      user.acts_as = word.substr(3);
      if (!is_name(user.acts_as))
        return refuse("as= is without a name; write as=USER, a user of the servers");
    } else if (std::ranges::find(kRulesOfAll, word) == kRulesOfAll.end()) {
      return refuse_word(word, number);
    }
    return {};
  }

  tl::unexpected<Error> refuse_word(std::string_view word, size_t number) const {
    if (kRuleBegins.find(word.front()) != std::string_view::npos) {
      return refuse(fmt::format(
          "word {} is a rule of rights or passwords that the proxy does not know: what its users may "
          "do, the servers decide by as=USER; leave it out",
          number));
    }
    return refuse(
        fmt::format("word {} is none of on, off, nopass, >PASSWORD, #SHA256, as=USER; leave it out", number));
  }

  Status read_upstream(Words words) {
    UsersFile::Upstream upstream{.name = std::string(words[1]), .line = line_};
    if (words.size() != 3) return refuse("after the name comes one word: file=FILE, >PASSWORD or nopass");
    std::string_view word = words[2];
    if (word.starts_with("file=") && word.size() > 5) {
      upstream.password_file = word.substr(5);
    } else if (word.starts_with('>') && word.size() > 1) {
      upstream.password = word.substr(1);
    } else if (word != "nopass") {
      return refuse("the third word is none of file=FILE, >PASSWORD, nopass; servers are told no hash");
    }
    file_.upstreams.push_back(std::move(upstream));
    return {};
  }

  std::string_view source_;
  size_t line_ = 0;
  UsersFile file_;
  std::unordered_map<std::string_view, size_t> user_lines_;
  std::unordered_map<std::string_view, size_t> upstream_lines_;
};

}  // namespace

Result<UsersFile> parse_users_file(std::string_view text, std::string_view source) {
  return UsersFileParser(source).parse(text);
}

}  // namespace keyway::proxy
