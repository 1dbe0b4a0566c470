// plan: what applying a KeywayCluster would do.
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/kubectl/actions.h"
#include "cli/kubectl/change_plan.h"
#include "cli/spec_source.h"
#include "platform/kubernetes/names.h"

namespace keyway::cli {

namespace {

std::string_view word_of(ObjectChange::Kind kind) {
  switch (kind) {
    case ObjectChange::Kind::kCreate:
      return "create";
    case ObjectChange::Kind::kChange:
      return "change";
    case ObjectChange::Kind::kRemove:
      return "remove";
  }
  return "";
}

// The spec within a KeywayCluster object, without what the API server adds to it.
Result<cluster::Spec> spec_of(const std::string& object) {
  nlohmann::json document = nlohmann::json::parse(object, nullptr, false);
  if (!document.is_object() || !document.contains("spec"))
    return fail(ErrorCode::kCorrupt, "the KeywayCluster cannot be read");
  nlohmann::json bare = {{"apiVersion", document.value("apiVersion", "")},
                         {"kind", document.value("kind", "")},
                         {"metadata", {{"name", document["metadata"].value("name", "")}}},
                         {"spec", document["spec"]}};
  return cluster::parse_spec(bare.dump(), "the KeywayCluster that there is");
}

std::vector<std::string> lines_of(const ChangePlan& plan, const std::string& name) {
  if (plan.empty()) return {fmt::format("Nothing would change: {} is as the file says.", name)};
  std::vector<std::string> lines;
  for (const ObjectChange& change : plan.objects) {
    std::string note = change.note.empty() ? "" : fmt::format(": {}", change.note);
    lines.push_back(fmt::format("{}  {}{}", word_of(change.kind), change.object, note));
  }
  for (const SlotsMoved& move : plan.moves)
    lines.push_back(
        fmt::format("move    {} from {} to {}", count_of(move.slots, "slot"), move.from, move.to));
  if (!plan.new_pods.empty())
    lines.push_back(fmt::format("Made anew, one at a time: {}", join(plan.new_pods, ", ")));
  for (const std::string& note : plan.notes) lines.push_back("Note: " + note);
  lines.emplace_back("Nothing was touched.");
  return lines;
}

std::string json_of(const ChangePlan& plan, const std::string& name) {
  JsonText json;
  json.open_object();
  json.text("name", name);
  json.boolean("changes", !plan.empty());
  json.open_array("objects");
  for (const ObjectChange& change : plan.objects) {
    json.open_object();
    json.text("what", word_of(change.kind));
    json.text("object", change.object);
    json.text("note", change.note);
    json.close();
  }
  json.close();
  json.open_array("moves");
  for (const SlotsMoved& move : plan.moves) {
    json.open_object();
    json.text("from", move.from);
    json.text("to", move.to);
    json.number("slots", move.slots);
    json.close();
  }
  json.close();
  json.open_array("new_pods");
  for (const std::string& pod : plan.new_pods) json.text("", pod);
  json.close();
  json.close();
  return json.take();
}

}  // namespace

Outcome plan_change(PluginSession& session, PluginRequest& request, Output& output) {
  Result<std::optional<cluster::Spec>> file = read_spec_file(request.file);
  if (!file) return fail(file.error());
  const cluster::Spec& to = **file;
  if (!request.cluster.empty() && request.cluster != to.name)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is the spec of {}, not of {}", request.file, to.name, request.cluster));
  request.cluster = to.name;
  Result<PodCluster> present = find_cluster(session, request);
  if (!present && present.error().code != ErrorCode::kNotFound) return fail(present.error());
  PodCluster cluster = present ? *std::move(present) : PodCluster{};
  std::optional<cluster::Spec> from;
  if (!cluster.object.empty()) {
    Result<cluster::Spec> read = spec_of(cluster.object);
    if (!read) return fail(read.error());
    from = *std::move(read);
  } else if (!cluster.shards.empty()) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("{} was made without an operator; its manifests say what it is: kubectl diff -k DIR",
                    to.name));
  }
  Result<ChangePlan> plan = plan_spec_change(from, to, cluster, session.name_space);
  if (!plan) return fail(plan.error());
  if (output.json())
    output.print(json_of(*plan, to.name));
  else
    output.print_lines(lines_of(*plan, to.name));
  return kExitDone;
}

}  // namespace keyway::cli
