#include "cluster/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <optional>
#include <set>
#include <streambuf>

#include "base/format.h"

namespace keyway::cluster {

namespace {

using Kind = YamlNode::Kind;

// Thrown out of the event handler, through yaml-cpp, to read_yaml: the library offers no other way to stop
// it.
struct Refused {
  YamlPosition at;
  std::string what;
};

YamlPosition position(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};
}

// Builds the tree from yaml-cpp's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const YamlLimits& limits) : limits_(limits) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) refuse(mark, "a second document begins here; keep each in a file of its own");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (expects_key()) refuse(mark, "an entry has no name; write name: value");
    add(mark, Kind::kNull);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases (*name) are not supported; write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    check_tag(mark, tag);
    if (expects_key()) {
      set_key(mark, value);
      return;
    }
    YamlNode& node = add(mark, Kind::kScalar);
    node.text = value;
    node.quoted = tag == "!";
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, Kind::kList);
  }
  void OnSequenceEnd() override { open_.pop_back(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, Kind::kMap);
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  // A list or map that is not closed yet.
  struct Open {
    YamlNode* node = nullptr;
    std::optional<std::string> key;  // of a map: read, its value is next
    YamlPosition key_at;
    std::set<std::string> keys;
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string what) {
    throw Refused{position(mark), std::move(what)};
  }

  // "?" is what yaml-cpp says of plain scalars, lists and maps without a tag, "!" of quoted scalars.
  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    refuse(mark, fmt::format("tags ({}) are not supported; leave it out", tag));
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().node->kind == Kind::kMap && !open_.back().key;
  }

  void set_key(const YAML::Mark& mark, const std::string& key) {
    Open& map = open_.back();
    if (!map.keys.insert(key).second) {
      refuse(mark, fmt::format("\"{}\" is given twice in one map; keep one of them", key));
    }
    map.key = key;
    map.key_at = position(mark);
  }

  // A new node in the list or map that is open, or the root. Valid until its parent gets another one, by when
  // it is complete.
  YamlNode& add(const YAML::Mark& mark, Kind kind) {
    if (++nodes_ > limits_.nodes) {
      refuse(mark, fmt::format("the document has more than {} values; make it smaller", limits_.nodes));
    }
    YamlNode* node = &root_;
    if (!open_.empty()) node = &open_.back().node->items.emplace_back();
    node->kind = kind;
    node->at = position(mark);
    if (!open_.empty() && open_.back().key) {
      node->key = std::move(*open_.back().key);
      node->key_at = open_.back().key_at;
      open_.back().key.reset();
      if (kind == Kind::kNull) node->at = node->key_at;
    }
    return *node;
  }

  void open(const YAML::Mark& mark, const std::string& tag, Kind kind) {
    check_tag(mark, tag);
    if (expects_key()) refuse(mark, "an entry's name is a list or a map; names are plain text");
    if (static_cast<int>(open_.size()) >= limits_.depth) {
      refuse(mark,
             fmt::format("lists and maps are nested more than {} deep; make it flatter", limits_.depth));
    }
    open_.push_back({&add(mark, kind), std::nullopt, {}, {}});
  }

  YamlLimits limits_;
  YamlNode root_;
  std::vector<Open> open_;
  int documents_ = 0;
  int nodes_ = 0;
};

// An input stream over text that is not copied.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // only read from: a get area has no const form
    setg(begin, begin, begin + text.size());
  }
};

// How long the UTF-8 sequence at the begin of `text` is; 0 if there is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xed && byte(1) >= 0xa0;
  const bool beyond = lead == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

std::optional<YamlPosition> first_bad_byte(std::string_view text) {
  YamlPosition at;
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    if (length == 0) return at;
    at.column += static_cast<int>(length);
    if (text[0] == '\n') at = {at.line + 1, 1};
    text.remove_prefix(length);
  }
  return std::nullopt;
}

// What to do about bad syntax in that line.
std::string_view syntax_remedy(std::string_view text, int line) {
  for (; line > 1 && !text.empty(); --line)
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  const size_t tab = text.find('\t');
  const bool indented_by_tab = tab != std::string_view::npos && text.find_first_not_of(" \t") > tab;
  return indented_by_tab ? "indent with blanks, tabs are not allowed"
                         : "check indentation, quotes and brackets there";
}

void read_documents(std::string_view text, TreeBuilder& builder) {
  ViewBuffer buffer(text);
  std::istream input(&buffer);
  YAML::Parser parser(input);
  bool any = false;
  while (parser.HandleNextDocument(builder)) any = true;
  if (!any)
    throw Refused{{},
                  "it is empty; docs/spec.md shows how a cluster is described, docs/proxy.md how a proxy is"};
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view name) const {
  if (kind != Kind::kMap) return nullptr;
  for (const YamlNode& value : items) {
    if (value.key == name) return &value;
  }
  return nullptr;
}

std::string yaml_quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if ((c >= 0 && c < ' ') || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

Error yaml_error(std::string_view source, YamlPosition at, std::string_view field, std::string_view what) {
  std::string message = fmt::format("{}:{}:{}: {}: {}", source, at.line, at.column, field, what);
  // Messages repeat what was written, which shall not steer a terminal.
  for (char& c : message) {
    if ((c >= 0 && c < ' ') || c == 0x7f) c = '?';
  }
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

Result<YamlNode> read_yaml(std::string_view text, std::string_view source, const YamlLimits& limits) {
  const auto refuse = [&](YamlPosition at, std::string_view what) {
    return fail(yaml_error(source, at, "document", what));
  };
  if (text.size() > limits.size_bytes) {
    return refuse({}, fmt::format("it has {} bytes, more than the {} that it may have; is it the right file?",
                                  text.size(), limits.size_bytes));
  }
  if (const auto bad = first_bad_byte(text)) return refuse(*bad, "the text is not UTF-8; save it as UTF-8");
  try {
    TreeBuilder builder(limits);
    read_documents(text, builder);
    return builder.take();
  } catch (const Refused& refused) {
    return refuse(refused.at, refused.what);
  } catch (const YAML::Exception& error) {
    const YamlPosition at = position(error.mark);
    return refuse(at, fmt::format("YAML syntax: {}; {}", error.msg, syntax_remedy(text, at.line)));
  }
}

}  // namespace keyway::cluster
