#include "cluster/step.h"

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cluster {

namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

std::string changes_text(const ServerConfig& changes) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : changes) {
    bool secret = name == "masterauth" || name == "requirepass";
    parts.push_back(fmt::format("{} = {}", name, secret ? "***" : value));
  }
  return join(parts, ", ");
}

std::string describe_start(const StartNode& step) {
  if (step.hold) return fmt::format("start {} as a replica of nobody", step.node);
  if (!step.follow.empty()) return fmt::format("start {} as a replica of {}", step.node, step.follow);
  return fmt::format("start {}", step.node);
}

std::string describe_promote(const Promote& step) {
  switch (step.kind) {
    case FailoverKind::kCoordinated:
      return fmt::format("hand over from {} to {}", step.from, step.node);
    case FailoverKind::kForce:
      return fmt::format("promote {}", step.node);
    case FailoverKind::kTakeover:
      return fmt::format("promote {} without a vote", step.node);
  }
  return {};
}

}  // namespace

std::string describe(const Action& action) {
  return std::visit(
      Overloaded{
          [](const StartNode& s) { return describe_start(s); },
          [](const StopNode& s) { return fmt::format("{} {}", s.graceful ? "stop" : "kill", s.node); },
          [](const SetDataAside& s) { return fmt::format("put the data of {} aside", s.node); },
          [](const RemoveNode& s) { return fmt::format("remove {}", s.node); },
          [](const Meet& s) {
            return fmt::format("introduce {} to {}", s.node, count_of(std::ssize(s.on), "server"));
          },
          [](const AddSlots& s) { return fmt::format("give slots {} to {}", to_string(s.slots), s.node); },
          [](const Follow& s) { return fmt::format("make {} a replica of {}", s.node, s.primary); },
          [](const Promote& s) { return describe_promote(s); },
          [](const Forget& s) {
            return fmt::format("forget node {} on {}", s.id, count_of(std::ssize(s.on), "server"));
          },
          [](const MoveSlots& s) {
            return fmt::format("move {} from {} to {}", count_of(count(s.slots), "slot"), s.from, s.to);
          },
          [](const CloseSlots& s) { return fmt::format("close slots {} on {}", to_string(s.slots), s.node); },
          [](const SetConfig& s) { return fmt::format("set {} on {}", changes_text(s.changes), s.node); },
          [](const ApplyUsers& s) { return fmt::format("update the users of {}", s.node); },
          [](const RecordPrimary& s) {
            return fmt::format("record {} as the primary of {}", s.node, s.shard);
          },
          [](const RecordFollow& s) {
            return s.follow.empty() ? fmt::format("have {} start as the primary", s.node)
                                    : fmt::format("have {} start as a replica of {}", s.node, s.follow);
          },
          [](const RecordData& s) { return fmt::format("record that {} holds data", s.shard); },
          [](const RecordIdentity& s) { return fmt::format("record the id {} of {}", s.id, s.node); },
          [](const RecordFormed&) { return std::string("record that the cluster is complete"); },
          [](const ClearSwitchover& s) {
            return fmt::format("note that the switchover of {} is done", s.shard);
          },
      },
      action);
}

std::string_view kind(const Action& action) {
  constexpr std::array<std::string_view, std::variant_size_v<Action>> names = {
      "start_node",  "stop_node",       "set_data_aside", "remove_node",     "meet",
      "add_slots",   "follow",          "promote",        "forget",          "move_slots",
      "close_slots", "set_config",      "apply_users",    "record_primary",  "record_follow",
      "record_data", "record_identity", "record_formed",  "clear_switchover"};
  return names[action.index()];
}

std::string_view node_of(const Action& action) {
  return std::visit(
      [](const auto& step) -> std::string_view {
        if constexpr (requires { step.node; }) {
          return step.node;
        } else if constexpr (requires { step.from; }) {
          return step.from;
        } else {
          return {};
        }
      },
      action);
}

bool for_the_record(const Action& action) {
  return std::holds_alternative<RecordPrimary>(action) || std::holds_alternative<RecordFollow>(action) ||
         std::holds_alternative<RecordData>(action) || std::holds_alternative<RecordIdentity>(action) ||
         std::holds_alternative<RecordFormed>(action) || std::holds_alternative<ClearSwitchover>(action);
}

bool disruptive(const Action& action) {
  return std::holds_alternative<StopNode>(action) || std::holds_alternative<Promote>(action) ||
         std::holds_alternative<Follow>(action) || std::holds_alternative<SetDataAside>(action) ||
         std::holds_alternative<RemoveNode>(action);
}

std::string key_of(const Action& action) {
  std::string detail;
  if (const auto* follow = std::get_if<Follow>(&action)) detail = follow->primary;
  if (const auto* forget = std::get_if<Forget>(&action)) detail = forget->id;
  if (const auto* move = std::get_if<MoveSlots>(&action)) detail = move->to;
  if (const auto* promote = std::get_if<Promote>(&action))
    detail = fmt::format("{}", static_cast<int>(promote->kind));
  return fmt::format("{} {} {}", kind(action), node_of(action), detail);
}

}  // namespace keyway::cluster
