#include "backup/s3/xml_scan.h"

#include <charconv>
#include <optional>
#include <vector>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::backup::s3 {

namespace {

constexpr size_t kMaxDepth = 16;
constexpr size_t kMaxNameBytes = 128;
constexpr std::string_view kBlanks = " \t\r\n";

struct Element {
  std::string name;  // as it is written
  size_t path_bytes = 0;
  std::string text;
};

// A character as UTF-8.
std::optional<std::string> utf8(uint32_t c) {
  constexpr uint32_t last = 0x10FFFF;
  bool surrogate = c >= 0xD800 && c <= 0xDFFF;
  if (c == 0 || c > last || surrogate) return std::nullopt;
  auto byte = [](uint32_t value) { return static_cast<char>(value); };
  auto tail = [&](int shift) { return byte(0x80U | ((c >> shift) & 0x3FU)); };
  if (c < 0x80) return std::string{byte(c)};
  if (c < 0x800) return std::string{byte(0xC0U | (c >> 6)), tail(0)};
  if (c < 0x10000) return std::string{byte(0xE0U | (c >> 12)), tail(6), tail(0)};
  return std::string{byte(0xF0U | (c >> 18)), tail(12), tail(6), tail(0)};
}

std::optional<std::string> entity(std::string_view name) {
  if (name == "lt") return "<";
  if (name == "gt") return ">";
  if (name == "amp") return "&";
  if (name == "quot") return "\"";
  if (name == "apos") return "'";
  if (!name.starts_with('#')) return std::nullopt;
  name.remove_prefix(1);
  int base = name.starts_with('x') ? 16 : 10;
  if (base == 16) name.remove_prefix(1);
  uint32_t c = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), c, base);
  if (name.empty() || error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return utf8(c);
}

class Scan {
 public:
  Scan(std::string_view document, const XmlSink& sink) : rest_(document), sink_(sink) {}

  Status run();

 private:
  static Status bad(std::string_view what) {
    return fail(ErrorCode::kCorrupt, fmt::format("no XML that S3 would write: {}", what));
  }
  Status take_text();
  Status take_markup();
  Status take_tag(std::string_view tag);
  Status open(std::string_view tag, bool empty);
  Status close(std::string_view name);
  // Skips what ends with `end`; gives what was before it.
  Result<std::string_view> until(std::string_view end);
  // A tag's '>', which may stand in the value of an attribute, too.
  size_t tag_end() const;

  std::string_view rest_;
  const XmlSink& sink_;
  std::vector<Element> open_;
  std::string path_;
  bool rooted_ = false;
};

Result<std::string_view> Scan::until(std::string_view end) {
  size_t at = rest_.find(end);
  if (at == std::string_view::npos)
    return fail(ErrorCode::kCorrupt, "no XML that S3 would write: it is cut off");
  std::string_view before = rest_.substr(0, at);
  rest_.remove_prefix(at + end.size());
  return before;
}

size_t Scan::tag_end() const {
  char quote = 0;
  for (size_t at = 0; at < rest_.size(); ++at) {
    char c = rest_[at];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return at;
    }
  }
  return std::string_view::npos;
}

Status Scan::take_text() {
  std::string_view text = rest_.substr(0, rest_.find('<'));
  rest_.remove_prefix(text.size());
  if (open_.empty()) return trim(text).empty() ? Status() : bad("text outside of its root");
  std::string& to = open_.back().text;
  for (size_t at = text.find('&'); at != std::string_view::npos; at = text.find('&')) {
    to += text.substr(0, at);
    size_t end = text.find(';', at);
    if (end == std::string_view::npos) return bad("an entity without an end");
    std::optional<std::string> decoded = entity(text.substr(at + 1, end - at - 1));
    if (!decoded) return bad("an unknown entity");
    to += *decoded;
    text.remove_prefix(end + 1);
  }
  to += text;
  return {};
}

Status Scan::open(std::string_view tag, bool empty) {
  std::string_view name = tag.substr(0, tag.find_first_of(kBlanks));
  std::string_view local = name.substr(name.find(':') + 1);  // all of it, without a prefix
  if (local.empty() || name.size() > kMaxNameBytes) return bad("an element without a name");
  if (open_.size() >= kMaxDepth) return bad("its elements are too deep in each other");
  if (open_.empty() && rooted_) return bad("more than one root");
  rooted_ = true;
  open_.push_back({std::string(name), path_.size(), {}});
  if (!path_.empty()) path_ += '/';
  path_ += local;
  return empty ? close(name) : Status();
}

Status Scan::close(std::string_view name) {
  if (open_.empty() || open_.back().name != name) return bad("an end of what was not begun");
  sink_(path_, open_.back().text);
  path_.resize(open_.back().path_bytes);
  open_.pop_back();
  return {};
}

Status Scan::take_tag(std::string_view tag) {
  if (tag.starts_with('/')) return close(trim(tag.substr(1)));
  bool empty = tag.ends_with('/');
  if (empty) tag.remove_suffix(1);
  return open(tag, empty);
}

Status Scan::take_markup() {
  constexpr std::string_view comment = "<!--";
  constexpr std::string_view cdata = "<![CDATA[";
  if (rest_.starts_with("<?") || rest_.starts_with(comment)) {
    bool is_comment = rest_.starts_with(comment);
    rest_.remove_prefix(is_comment ? comment.size() : 2);
    Result<std::string_view> skipped = until(is_comment ? "-->" : "?>");
    return skipped ? Status() : fail(skipped.error());
  }
  if (rest_.starts_with(cdata)) {
    rest_.remove_prefix(cdata.size());
    Result<std::string_view> text = until("]]>");
    if (!text) return fail(text.error());
    if (open_.empty()) return bad("text outside of its root");
    open_.back().text += *text;
    return {};
  }
  if (rest_.starts_with("<!")) return bad("a declaration");
  rest_.remove_prefix(1);
  size_t end = tag_end();
  if (end == std::string_view::npos) return bad("it is cut off");
  std::string_view tag = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return take_tag(tag);
}

Status Scan::run() {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  while (!rest_.empty()) {
    Status taken = rest_.front() == '<' ? take_markup() : take_text();
    if (!taken) return taken;
  }
  if (!rooted_ || !open_.empty()) return bad("it is cut off");
  return {};
}

}  // namespace

Status scan_xml(std::string_view document, const XmlSink& sink) { return Scan(document, sink).run(); }

std::string xml_text(std::string_view document, std::string_view path) {
  std::optional<std::string> found;
  Status scanned = scan_xml(document, [&](std::string_view each, const std::string& text) {
    if (each == path && !found) found = text;
  });
  return scanned ? found.value_or("") : "";
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace keyway::backup::s3
