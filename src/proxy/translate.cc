#include "proxy/translate.h"

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/routes.h"

namespace keyway::proxy {

namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kFormatBytes = 4;
constexpr size_t kMaxElements = size_t{1} << 20;

// A value within a reply, and where it stands.
struct Value {
  char type = 0;
  size_t begin = 0, end = 0;  // on the wire, with all that belongs to it
  std::string_view text;      // of a bulk or a line, without type and line end
  bool null = false;
  std::vector<Value> elements;  // of an array; of a map: key, value, key, value, …

  bool is_list() const { return type == '*' || type == '%' || type == '~'; }
  bool is_text() const { return type == '$' || type == '+' || type == '='; }
};

// Reads a value at `at` and moves behind it; false: it is not whole or no protocol. `elements_left` bounds
// the whole reply.
class ValueReader {
 public:
  explicit ValueReader(std::string_view wire) : wire_(wire) {}

  bool read(size_t& at, Value& value, int depth = 0) {
    size_t line_end = wire_.find("\r\n", at);
    if (depth > kMaxDepth || line_end == std::string_view::npos || line_end == at) return false;
    value.type = wire_[at];
    value.begin = at;
    value.text = wire_.substr(at + 1, line_end - at - 1);
    at = line_end + 2;
    if (value.type == '$' || value.type == '=') return read_bulk(at, value);
    if (value.is_list()) return read_list(at, value, depth);
    value.null = value.type == '_';
    value.end = at;
    return true;
  }

 private:
  bool read_bulk(size_t& at, Value& value) const {
    std::optional<int64_t> length = parse_int(value.text);
    if (!length) return false;
    value.null = *length < 0;
    size_t size = value.null ? 0 : static_cast<size_t>(*length);
    if (!value.null && (size > wire_.size() - at || wire_.size() - at - size < 2)) return false;
    value.text = wire_.substr(at, size);
    if (!value.null) at += size + 2;
    value.end = at;
    return true;
  }

  bool read_list(size_t& at, Value& value, int depth) {
    std::optional<int64_t> length = parse_int(value.text);
    if (!length || *length > static_cast<int64_t>(kMaxElements)) return false;
    value.null = *length < 0;
    size_t count = value.null ? 0 : static_cast<size_t>(*length) * (value.type == '%' ? 2 : 1);
    if (count > elements_left_) return false;
    elements_left_ -= count;
    for (size_t i = 0; i < count; ++i) {
      if (!read(at, value.elements.emplace_back(), depth + 1)) return false;
    }
    value.end = at;
    return true;
  }

  std::string_view wire_;
  size_t elements_left_ = kMaxElements;
};

// A reply in which values are exchanged for others, from its front to its end.
class Edited {
 public:
  explicit Edited(std::string_view wire) : wire_(wire) {}

  void exchange(const Value& value, std::string_view by) {
    out_ += wire_.substr(at_, value.begin - at_);
    out_ += by;
    at_ = value.end;
    any_ = true;
  }
  std::optional<std::string> take() {
    if (!any_) return std::nullopt;
    return std::move(out_.append(wire_.substr(at_)));
  }

 private:
  std::string_view wire_;
  std::string out_;
  size_t at_ = 0;
  bool any_ = false;
};

std::string bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }
std::string integer(int64_t number) { return fmt::format(":{}\r\n", number); }

// host, port, id, then what else is known of it by name.
void edit_slots_node(const Value& node, Translating& with, Edited& edited) {
  if (!node.is_list() || node.elements.size() < 2 || node.elements[1].type != ':') return;
  const Value& host = node.elements[0];
  uint16_t port = 0;
  if (node.elements.size() > 2) port = with.nodes.port_of_id(node.elements[2].text);
  if (port == 0 && node.elements.size() == 2) {
    Address real{std::string(host.text.empty() ? with.server : host.text),
                 static_cast<uint16_t>(parse_uint(node.elements[1].text).value_or(0))};
    port = with.nodes.port_of_address(real);
  }
  if (port == 0) {
    with.unknown = true;
    return;
  }
  edited.exchange(host, bulk(with.here));
  edited.exchange(node.elements[1], integer(port));
  // Its other addresses: nobody here reaches them.
  if (node.elements.size() > 3 && node.elements[3].is_list() && !node.elements[3].elements.empty())
    edited.exchange(node.elements[3], fmt::format("{}0\r\n", node.elements[3].type));
}

void edit_slots(const Value& reply, Translating& with, Edited& edited) {
  for (const Value& range : reply.elements) {
    for (size_t i = 2; i < range.elements.size(); ++i) edit_slots_node(range.elements[i], with, edited);
  }
}

const Value* field(const Value& map, std::string_view name) {
  for (size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (map.elements[i].text == name) return &map.elements[i + 1];
  }
  return nullptr;
}

void edit_shards_node(const Value& node, Translating& with, Edited& edited) {
  const Value* id = field(node, "id");
  uint16_t port = id == nullptr ? 0 : with.nodes.port_of_id(id->text);
  if (port == 0) {
    with.unknown = with.unknown || id != nullptr;
    return;
  }
  for (size_t i = 0; i + 1 < node.elements.size(); i += 2) {
    std::string_view name = node.elements[i].text;
    const Value& value = node.elements[i + 1];
    if ((name == "port" || name == "tls-port") && value.type == ':')
      edited.exchange(value, integer(port));
    else if ((name == "ip" || name == "endpoint" || name == "hostname") && (value.is_text() || value.null))
      edited.exchange(value, bulk(with.here));
  }
}

void edit_shards(const Value& reply, Translating& with, Edited& edited) {
  for (const Value& shard : reply.elements) {
    const Value* nodes = field(shard, "nodes");
    if (nodes == nullptr) continue;
    for (const Value& node : nodes->elements) edit_shards_node(node, with, edited);
  }
}

// "ID HOST:PORT@BUS,HOSTNAME,shard-id=… FLAGS …": the host name goes, what follows it stays.
void append_line(std::string_view line, Translating& with, std::string& out, bool& any) {
  size_t id_end = line.find(' ');
  size_t address_end = id_end == std::string_view::npos ? id_end : line.find(' ', id_end + 1);
  uint16_t port = id_end == std::string_view::npos ? 0 : with.nodes.port_of_id(line.substr(0, id_end));
  if (port == 0 || address_end == std::string_view::npos) {
    out += line;
    return;
  }
  std::string_view address = line.substr(id_end + 1, address_end - id_end - 1);
  size_t more = address.find(',');
  more = more == std::string_view::npos ? more : address.find(',', more + 1);
  out += fmt::format("{} {}:{}@{}", line.substr(0, id_end), with.here, port, port);
  if (more != std::string_view::npos) out += fmt::format(",{}", address.substr(more));
  out += line.substr(address_end);
  any = true;
}

std::optional<std::string> translate_lines(std::string_view text, Translating& with) {
  std::string out;
  bool any = false;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    append_line(text.substr(0, end), with, out, any);
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!any) return std::nullopt;
  return out;
}

void edit_lines(const Value& value, Translating& with, Edited& edited) {
  if (value.type != '$' && value.type != '=') return;
  // A verbatim text begins with its format, "txt:".
  size_t format_bytes = value.type == '=' ? std::min(kFormatBytes, value.text.size()) : 0;
  std::optional<std::string> lines = translate_lines(value.text.substr(format_bytes), with);
  if (!lines) return;
  edited.exchange(value, fmt::format("{}{}\r\n{}{}\r\n", value.type, format_bytes + lines->size(),
                                     value.text.substr(0, format_bytes), *lines));
}

}  // namespace

std::optional<std::string> translate_reply(ClusterReply kind, std::string_view reply, Translating& with) {
  Value value;
  size_t at = 0;
  if (!ValueReader(reply).read(at, value) || at != reply.size()) return std::nullopt;
  Edited edited(reply);
  switch (kind) {
    case ClusterReply::kSlots:
      edit_slots(value, with, edited);
      break;
    case ClusterReply::kShards:
      edit_shards(value, with, edited);
      break;
    case ClusterReply::kNodes:
      edit_lines(value, with, edited);
      break;
    case ClusterReply::kReplicas:
      for (const Value& line : value.elements) edit_lines(line, with, edited);
      break;
  }
  return edited.take();
}

std::optional<std::string> translate_redirection(std::string_view line, Translating& with) {
  std::optional<Redirection> redirection = parse_redirection(line);
  if (!redirection) return std::nullopt;
  if (redirection->to.host.empty() || redirection->to.host == "?") redirection->to.host = with.server;
  uint16_t port = with.nodes.port_of_address(redirection->to);
  if (port == 0) {
    with.unknown = true;
    return fmt::format("-TRYAGAIN keyway: slot {} is at {}, which has no local address yet\r\n",
                       redirection->slot, to_string(redirection->to));
  }
  std::string_view word = redirection->ask ? "ASK" : "MOVED";
  return fmt::format("-{} {} {}:{}\r\n", word, redirection->slot, with.here, port);
}

}  // namespace keyway::proxy
