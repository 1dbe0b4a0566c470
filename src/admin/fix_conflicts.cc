#include "admin/fix_conflicts.h"

#include <algorithm>
#include <optional>

#include "admin/key_copies.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;
using resp::Command;

constexpr size_t kShownConflicts = 20;

enum class Decision { kOwner, kStray, kNone };

// Whose value stays by the person's option; nothing if it names neither.
std::optional<Decision> preferred(const FixContext& context, const TwoHolders& holders) {
  const std::string& name = context.options().prefer;
  if (name.empty()) return std::nullopt;
  Result<const NodeFacts*> node = find_node(context.scene().observed(), name);
  if (node && *node == holders.owner) return Decision::kOwner;
  if (node && *node == holders.stray) return Decision::kStray;
  return std::nullopt;
}

void show(const FixContext& context, const TwoHolders& holders, const std::vector<CopyPair>& conflicts) {
  for (size_t i = 0; i < std::min(conflicts.size(), kShownConflicts); ++i) {
    const CopyPair& pair = conflicts[i];
    context.session().reporter.warn(
        fmt::format("key {} differs: on {}, the owner: {}; on {}: {}", printable_key(pair.key),
                    holders.owner->name, describe(pair.first), holders.stray->name, describe(pair.second)));
  }
  if (conflicts.size() <= kShownConflicts) return;
  context.session().reporter.warn(fmt::format("{} more differ", conflicts.size() - kShownConflicts));
}

std::string number_of(const std::vector<std::string>& keys) {
  return count_of(static_cast<int64_t>(keys.size()), "key");
}

Decision ask_person(const FixContext& context, const TwoHolders& holders, size_t count) {
  if (context.options().yes) return Decision::kNone;  // no consent to lose either
  std::string keys = count_of(static_cast<int64_t>(count), "key");
  Result<bool> owner = context.session().reporter.confirm(
      fmt::format("Keep what {}, the owner, has of {}?", holders.owner->name, keys));
  if (!owner) {
    context.session().reporter.warn(owner.error().message);
    return Decision::kNone;
  }
  if (*owner) return Decision::kOwner;
  Result<bool> stray =
      context.session().reporter.confirm(fmt::format("Then take what {} has?", holders.stray->name));
  return stray && *stray ? Decision::kStray : Decision::kNone;
}

Decision decide(const FixContext& context, const TwoHolders& holders, size_t count) {
  std::optional<Decision> said = preferred(context, holders);
  return said ? *said : ask_person(context, holders, count);
}

}  // namespace

// ASKING, as the slot may not be the server's own.
Status drop_keys(const FixContext& context, const NodeFacts& node, const std::vector<std::string>& keys) {
  if (keys.empty()) return {};
  std::vector<Command> commands;
  for (const std::string& key : keys) {
    commands.push_back({"ASKING"});
    commands.push_back({"UNLINK", key});
  }
  auto dropped = context.ask(node.server.id, commands);
  return dropped ? Status{} : Status(fail(dropped.error()));
}

Result<Settled> settle_copies(const FixContext& context, const TwoHolders& holders,
                              const std::vector<std::string>& keys) {
  Result<std::vector<CopyPair>> pairs =
      compare_copies(context.session().servers, holders.owner->address, holders.stray->address, keys,
                     context.session().timeout_ms);
  if (!pairs) return fail(pairs.error());
  std::vector<std::string> equal;
  std::vector<CopyPair> conflicts;
  for (CopyPair& pair : *pairs) {
    if (pair.equal) {
      equal.push_back(std::move(pair.key));
    } else {
      conflicts.push_back(std::move(pair));
    }
  }
  if (Status dropped = drop_keys(context, *holders.stray, equal); !dropped) return fail(dropped.error());
  if (!equal.empty()) {
    context.done(fmt::format("dropped {} from {} that {} has with the same value", number_of(equal),
                             holders.stray->name, holders.owner->name));
  }
  Settled settled;
  if (conflicts.empty()) return settled;

  show(context, holders, conflicts);
  Decision decision = decide(context, holders, conflicts.size());
  std::vector<std::string> names;
  for (CopyPair& pair : conflicts) names.push_back(std::move(pair.key));
  if (decision == Decision::kNone) {
    context.session().reporter.warn(
        fmt::format("{} that differ stay on both; say whose value stays with --prefer", number_of(names)));
    settled.undecided.insert(names.begin(), names.end());
    return settled;
  }
  bool owner_wins = decision == Decision::kOwner;
  context.done(fmt::format("the value of {} stays for {}",
                           owner_wins ? holders.owner->name : holders.stray->name, number_of(names)));
  if (!owner_wins) {
    settled.stray_wins = std::move(names);
  } else if (Status dropped = drop_keys(context, *holders.stray, names); !dropped) {
    return fail(dropped.error());
  }
  return settled;
}

}  // namespace keyway::admin
