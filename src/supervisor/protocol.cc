#include "supervisor/protocol.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/format.h"

namespace keyway::supervisor {
namespace {

using Json = nlohmann::ordered_json;

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// An object, or nothing.
std::optional<Json> parse_object(std::string_view line) {
  Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return std::nullopt;
  return json;
}

// Reads typed fields of an object and remembers the first that is missing or of another type.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}

  std::string text(const char* name) {
    const Json* value = find(name);
    if (value && value->is_string()) return value->get<std::string>();
    return bad(name, "text"), std::string();
  }
  uint64_t number(const char* name) {
    const Json* value = find(name);
    if (value && value->is_number_unsigned()) return value->get<uint64_t>();
    return bad(name, "a number that is not negative"), uint64_t{0};
  }
  int64_t signed_number(const char* name) {
    const Json* value = find(name);
    if (value && value->is_number_integer()) return value->get<int64_t>();
    return bad(name, "a whole number"), int64_t{0};
  }
  bool flag(const char* name) {
    const Json* value = find(name);
    if (value && value->is_boolean()) return value->get<bool>();
    return bad(name, "true or false"), false;
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> list;
    const Json* value = find(name);
    if (!value || !value->is_array()) return bad(name, "a list of texts"), list;
    for (const auto& item : *value) {
      if (!item.is_string()) return bad(name, "a list of texts"), list;
      list.push_back(item.get<std::string>());
    }
    return list;
  }
  const Json* find(const char* name) const {
    const auto it = json_.find(name);
    return it == json_.end() ? nullptr : &*it;
  }
  void bad(const char* name, std::string_view wanted) {
    if (error_.empty()) error_ = fmt::format("its field '{}' must be {}", name, wanted);
  }
  const std::string& error() const { return error_; }

 private:
  const Json& json_;
  std::string error_;
};

Error other_version(std::string_view whose) {
  return {ErrorCode::kUnsupported,
          fmt::format(
              "the {} speaks another version of the control protocol than {} (this one). After an upgrade of "
              "keyway, end the supervisor (its servers go on) and run `keyway up` again.",
              whose, kProtocolVersion)};
}

bool same_version(const Json& json) {
  const auto it = json.find("version");
  return it != json.end() && it->is_number_unsigned() && it->get<uint64_t>() == kProtocolVersion;
}

Request read_request(std::string_view op, Fields& fields) {
  if (op == "progress") return ProgressRequest{fields.number("events_since")};
  if (op == "apply") return ApplyRequest{fields.text("spec")};
  if (op == "restart") return RestartRequest{fields.texts("nodes")};
  if (op == "failover") {
    std::string shard = fields.text("shard");
    return FailoverRequest{std::move(shard), fields.text("to")};
  }
  if (op == "recover") return RecoverRequest{fields.text("shard")};
  if (op != "down") fields.bad("op", "progress, apply, failover, recover, restart or down");
  return DownRequest{};
}

Json events_json(const std::vector<Event>& events) {
  Json list = Json::array();
  for (const auto& event : events) {
    list.push_back({{"sequence", event.sequence},
                    {"wall_ms", event.wall_ms},
                    {"level", event.level},
                    {"shard", event.shard},
                    {"text", event.text}});
  }
  return list;
}

Event read_event(const Json& json, std::string& error) {
  Fields fields(json);
  Event event;
  event.sequence = fields.number("sequence");
  event.wall_ms = fields.signed_number("wall_ms");
  event.level = fields.text("level");
  event.shard = fields.text("shard");
  event.text = fields.text("text");
  if (error.empty()) error = fields.error();
  return event;
}

Error corrupt(std::string_view what) {
  return {ErrorCode::kCorrupt, fmt::format("the supervisor's reply cannot be read: {}", what)};
}

Error read_error(const Json& json) {
  const auto it = json.find("error");
  if (it == json.end() || !it->is_object()) return corrupt("it is a refusal without a reason");
  Fields fields(*it);
  const std::string code = fields.text("code");
  Error error{ErrorCode::kInternal, fields.text("message")};
  if (!fields.error().empty()) return corrupt(fields.error());
  constexpr int kLast = static_cast<int>(ErrorCode::kInternal);
  for (int number = 0; number <= kLast; ++number) {
    if (code == to_string(static_cast<ErrorCode>(number))) error.code = static_cast<ErrorCode>(number);
  }
  return error;
}

// The object of a reply that says it worked.
Result<Json> open_reply(std::string_view line) {
  std::optional<Json> json = parse_object(line);
  if (!json) return fail(corrupt("it is no JSON object"));
  if (!same_version(*json)) return fail(other_version("running supervisor"));
  Fields fields(*json);
  const bool ok = fields.flag("ok");
  if (!fields.error().empty()) return fail(corrupt(fields.error()));
  if (!ok) return fail(read_error(*json));
  return std::move(*json);
}

}  // namespace

std::string_view name_of(const Request& request) {
  static constexpr std::array<std::string_view, 6> kNames = {"progress", "apply",   "failover",
                                                             "recover",  "restart", "down"};
  static_assert(kNames.size() == std::variant_size_v<Request>);
  return kNames[request.index()];
}

std::string encode_request(const Request& request) {
  Json json;
  json["version"] = kProtocolVersion;
  json["op"] = name_of(request);
  std::visit(
      Overloaded{[&](const ProgressRequest& it) { json["events_since"] = it.events_since; },
                 [&](const ApplyRequest& it) { json["spec"] = it.spec_yaml; },
                 [&](const FailoverRequest& it) {
                   json["shard"] = it.shard;
                   json["to"] = it.to_node;
                 },
                 [&](const RecoverRequest& it) { json["shard"] = it.shard; },
                 [&](const RestartRequest& it) { json["nodes"] = it.nodes; }, [](const DownRequest&) {}},
      request);
  return to_line(json);
}

Result<Request> decode_request(std::string_view line) {
  if (line.size() > kMaxRequestBytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the request is longer than {} bytes", kMaxRequestBytes));
  }
  std::optional<Json> json = parse_object(line);
  if (!json) return fail(ErrorCode::kInvalidArgument, "the request is no JSON object");
  if (!same_version(*json)) return fail(other_version("client"));
  Fields fields(*json);
  const std::string op = fields.text("op");
  Request request = read_request(op, fields);
  if (!fields.error().empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("the request cannot be read: {}", fields.error()));
  }
  return request;
}

std::string encode_progress(const Progress& progress) {
  Json json;
  json["version"] = kProtocolVersion;
  json["ok"] = true;
  json["converged"] = progress.converged;
  json["generation"] = progress.generation;
  json["supervisor_pid"] = progress.supervisor_pid;
  json["status"] = progress.status_json;
  json["events"] = events_json(progress.events);
  json["doing"] = progress.doing;
  json["problems"] = progress.problems;
  return to_line(json);
}

Result<Progress> decode_progress(std::string_view line) {
  Result<Json> json = open_reply(line);
  if (!json) return fail(json.error());
  Fields fields(*json);
  Progress progress;
  progress.converged = fields.flag("converged");
  progress.generation = fields.number("generation");
  progress.supervisor_pid = static_cast<int>(fields.signed_number("supervisor_pid"));
  progress.status_json = fields.text("status");
  progress.doing = fields.texts("doing");
  progress.problems = fields.texts("problems");
  std::string error = fields.error();
  const Json* events = fields.find("events");
  if (!events || !events->is_array()) return fail(corrupt("its field 'events' must be a list"));
  for (const auto& event : *events) {
    if (!event.is_object()) return fail(corrupt("an event must be an object"));
    progress.events.push_back(read_event(event, error));
  }
  if (!error.empty()) return fail(corrupt(error));
  return progress;
}

std::string encode_generation(uint64_t generation) {
  Json json;
  json["version"] = kProtocolVersion;
  json["ok"] = true;
  json["generation"] = generation;
  return to_line(json);
}

Result<uint64_t> decode_generation(std::string_view line) {
  Result<Json> json = open_reply(line);
  if (!json) return fail(json.error());
  Fields fields(*json);
  const uint64_t generation = fields.number("generation");
  if (!fields.error().empty()) return fail(corrupt(fields.error()));
  return generation;
}

std::string encode_error(const Error& error) {
  Json json;
  json["version"] = kProtocolVersion;
  json["ok"] = false;
  json["error"] = {{"code", to_string(error.code)}, {"message", error.message}};
  return to_line(json);
}

}  // namespace keyway::supervisor
