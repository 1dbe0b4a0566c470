// keyway proxy map: which local port of a translating proxy stands for which node.

#include "base/format.h"
#include "base/http_get.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/proxy_place.h"

namespace keyway::cli {

namespace {

constexpr int64_t kTimeoutMs = 3000;
constexpr size_t kFields = 6;

struct Mapped {
  std::string id, role, from_host, to_host;
  int64_t from_port = 0, to_port = 0;
};

tl::unexpected<Error> no_answer(const Address& address, std::string_view why) {
  return fail(ErrorCode::kUnavailable,
              fmt::format("no translating proxy answers at {}: {}; give the address that it was started with "
                          "as --metrics",
                          to_string(address), why));
}

// Lines of id, role, real host and port, local host and port.
Result<std::vector<Mapped>> read_map(const Address& address, std::string_view body) {
  std::vector<Mapped> nodes;
  for (std::string_view line : split(body, '\n')) {
    std::vector<std::string_view> fields = split_blanks(line);
    if (fields.empty()) continue;
    if (fields.size() != kFields) return no_answer(address, "what listens there is something else");
    std::string here(fields[4]);
    // It listens at all addresses: this one is known to lead there.
    if (here == "0.0.0.0" || here == "::") here = address.host;
    nodes.push_back({std::string(fields[0]), std::string(fields[1]), std::string(fields[2]), std::move(here),
                     parse_int(fields[3]).value_or(0), parse_int(fields[5]).value_or(0)});
  }
  return nodes;
}

std::string map_json(const std::vector<Mapped>& nodes) {
  JsonText json;
  json.open_object();
  json.open_array("nodes");
  for (const Mapped& node : nodes) {
    json.open_object();
    json.text("id", node.id);
    json.text("role", node.role);
    json.text("from_host", node.from_host);
    json.number("from_port", node.from_port);
    json.text("to_host", node.to_host);
    json.number("to_port", node.to_port);
    json.close();
  }
  json.close();
  json.close();
  return json.take();
}

// As rediscluster.RedisCluster takes it as host_port_remap.
std::string map_python(const std::vector<Mapped>& nodes) {
  std::string text = "[\n";
  for (const Mapped& node : nodes) {
    text += fmt::format("    {{'from_host': '{}', 'from_port': {}, 'to_host': '{}', 'to_port': {}}},\n",
                        node.from_host, node.from_port, node.to_host, node.to_port);
  }
  return text + "]\n";
}

}  // namespace

Outcome run(const ProxyMapCommand& command, Context& context) {
  Result<Address> metrics = metrics_of(command.metrics, command.cluster, context.home);
  if (!metrics) return fail(metrics.error());
  Result<std::string> answer = http_get(*metrics, "/map", kTimeoutMs);
  if (!answer) return no_answer(*metrics, answer.error().message);
  Result<std::vector<Mapped>> nodes = read_map(*metrics, *answer);
  if (!nodes) return fail(nodes.error());
  context.output.print(command.python ? map_python(*nodes) : map_json(*nodes));
  return kExitDone;
}

}  // namespace keyway::cli
