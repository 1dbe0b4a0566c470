// What each command is to do.
#include <algorithm>
#include <limits>
#include <map>

#include "base/format.h"
#include "base/strings.h"
#include "cli/cluster/parse_parts.h"

namespace keyway::cli {

namespace {

constexpr int kMaxReplicas = 100;
constexpr int kMaxCallMs = 60'000;
constexpr int kMaxParallel = 64;
constexpr int kMaxBatchKeys = 1'000'000;
constexpr int kLeastNodeTimeoutMs = 100;
constexpr double kMaxWeight = 1e9;
constexpr double kMaxThreshold = 10'000;
constexpr int kMaxDatabase = 1'000'000;
constexpr int kMaxInt = std::numeric_limits<int>::max();

Status no_more_words(const ToolWords& words) {
  if (words.positionals.empty()) return {};
  return tool_misuse(words, fmt::format("\"{}\" is one word too many", words.positionals.front()));
}

// Commands that have no more words than the server.
Status take_seed_alone(ToolWords& words, ToolInvocation& tool) {
  Result<Seed> seed = take_seed(words, 0);
  if (!seed) return fail(seed.error());
  tool.seed = *seed;
  return no_more_words(words);
}

// The server and one more word.
Result<std::string> take_seed_and_word(ToolWords& words, ToolInvocation& tool) {
  Result<Seed> seed = take_seed(words, 1);
  if (!seed) return fail(seed.error());
  tool.seed = *seed;
  std::string word = words.positionals.front();
  words.positionals.erase(words.positionals.begin());
  if (Status none = no_more_words(words); !none) return fail(none.error());
  return word;
}

Result<admin::MoveOptions> take_moving(const ToolWords& words) {
  admin::MoveOptions moving;
  Status status = take(words, "migrate_timeout", moving.migrate_timeout_ms, whole_number(1, kMaxInt));
  if (status) status = take(words, "batch_keys", moving.keys_a_call, whole_number(1, kMaxBatchKeys));
  if (status) status = take(words, "max_call", moving.max_call_ms, whole_number(1, kMaxCallMs));
  if (status) status = take(words, "max_latency", moving.max_latency_ms, whole_number(1, kMaxCallMs));
  if (status) status = take(words, "max_bytes", moving.max_bytes_per_s, rate_value);
  if (status) status = take(words, "parallel", moving.parallel, whole_number(1, kMaxParallel));
  if (!status) return fail(status.error());
  moving.replace = words.has("replace");
  if (words.has("atomic") && words.has("classic"))
    return tool_misuse(words, fmt::format("{} and --classic exclude each other", words.spelled("atomic")));
  if (words.has("atomic")) moving.atomic = true;
  if (words.has("classic")) moving.atomic = false;
  return moving;
}

Result<admin::ChangeOptions> take_change(const ToolWords& words, const ToolInvocation& tool) {
  Result<admin::MoveOptions> moving = take_moving(words);
  if (!moving) return fail(moving.error());
  admin::ChangeOptions change;
  change.dry_run = words.has("dry_run");
  change.yes = tool.yes;
  change.moving = *moving;
  return change;
}

// The values of an option that may be given more than once, each a list parted by commas.
Result<std::vector<std::string>> take_list(const ToolWords& words, std::string_view name) {
  std::vector<std::string> list;
  auto found = words.options.find(name);
  if (found == words.options.end()) return list;
  for (const std::string& value : found->second.values) {
    for (std::string_view part : split(value, ',')) {
      if (trim(part).empty()) {
        return tool_misuse(
            words, fmt::format("{}: \"{}\" names no node between its commas", found->second.spelling, value));
      }
      list.emplace_back(trim(part));
    }
  }
  return list;
}

Status take_zones(const ToolWords& words, std::map<Address, std::string>& zones,
                  const std::vector<Address>& nodes) {
  auto found = words.options.find("zones");
  if (found == words.options.end()) return {};
  for (const std::string& text : found->second.values) {
    auto pair = pair_value("--zone", "ADDR=ZONE, such as 10.0.0.1:7000=eu-1a", text);
    if (!pair) return fail(pair.error());
    Result<Address> address = address_value("--zone", pair->first);
    if (!address) return fail(address.error());
    if (std::ranges::find(nodes, *address) == nodes.end())
      return tool_misuse(words, fmt::format("--zone: {} is none of the nodes", pair->first));
    if (!zones.emplace(*address, pair->second).second)
      return tool_misuse(words, fmt::format("--zone names {} twice", pair->first));
  }
  return {};
}

Status take_create(ToolWords& words, ToolInvocation& tool) {
  admin::CreateOptions create;
  for (const std::string& text : words.positionals) {
    Result<Address> address = address_value("create", text);
    if (!address) return fail(address.error());
    if (std::ranges::find(create.nodes, *address) != create.nodes.end())
      return tool_misuse(words, fmt::format("{} is given twice", text));
    create.nodes.push_back(*address);
  }
  if (create.nodes.empty()) return tool_misuse(words, "create needs the addresses of the nodes");
  Status status = take(words, "replicas", create.replicas, whole_number(0, kMaxReplicas));
  if (status) status = take(words, "wait", create.timeout_ms, duration_value);
  if (status) status = take_zones(words, create.zones, create.nodes);
  if (!status) return status;
  create.dry_run = words.has("dry_run");
  create.yes = tool.yes;
  tool.request = std::move(create);
  return {};
}

Status take_check(ToolWords& words, ToolInvocation& tool) {
  admin::CheckOptions check;
  check.search_keys = words.has("search_keys");
  tool.request = check;
  return take_seed_alone(words, tool);
}

Status take_fix(ToolWords& words, ToolInvocation& tool) {
  admin::FixOptions fix;
  fix.check.search_keys = words.has("search_keys");
  fix.dry_run = words.has("dry_run");
  fix.yes = tool.yes;
  fix.with_unreachable_primaries = words.has("give_up");
  fix.prefer = words.text("prefer");
  for (std::string_view name : {"fix_timeout", "fix_pipeline", "fix_replace"}) {
    if (!words.has(name)) continue;
    tool.remarks.push_back(
        fmt::format("{} has no effect: {}", words.spelled(name), tool_option_named(name).help));
  }
  tool.request = std::move(fix);
  return take_seed_alone(words, tool);
}

Status take_info(ToolWords& words, ToolInvocation& tool) {
  tool.request = InfoRequest{};
  return take_seed_alone(words, tool);
}

Status take_reshard(ToolWords& words, ToolInvocation& tool) {
  ReshardRequest reshard;
  admin::ReshardOptions& options = reshard.options;
  Status status = take(words, "slots", options.slots, whole_number(1, cluster::kSlotCount));
  if (!status) return status;
  options.to = words.text("to");
  Result<std::vector<std::string>> from = take_list(words, "from");
  if (!from) return fail(from.error());
  options.from = *std::move(from);
  if (std::ranges::find(options.from, "all") != options.from.end()) {
    if (options.from.size() > 1)
      return tool_misuse(words, fmt::format("{}: \"all\" stands alone", words.spelled("from")));
    options.from.clear();
    reshard.all_sources = true;
  }
  if (words.spelling == Spelling::kOwn) {
    if (options.to.empty()) return tool_misuse(words, "reshard needs --to NODE, who gets the slots");
    if (options.slots == 0) return tool_misuse(words, "reshard needs --slots N, how many move");
    reshard.all_sources = options.from.empty();
  }
  Result<admin::ChangeOptions> change = take_change(words, tool);
  if (!change) return fail(change.error());
  options.change = *std::move(change);
  tool.request = std::move(reshard);
  return take_seed_alone(words, tool);
}

Result<admin::LoadKind> load_kind_value(std::string_view flag, std::string_view text) {
  if (text == "slots") return admin::LoadKind::kSlots;
  if (text == "memory") return admin::LoadKind::kMemory;
  if (text == "ops") return admin::LoadKind::kOps;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: \"{}\" is nothing to balance by; write slots, memory or ops", flag, text));
}

Status take_weights(const ToolWords& words, std::map<std::string, double>& weights) {
  auto found = words.options.find("weight");
  if (found == words.options.end()) return {};
  const std::string& flag = found->second.spelling;
  for (const std::string& text : found->second.values) {
    auto pair = pair_value(flag, "NODE=WEIGHT, such as 3f2a1b0c=1.5", text);
    if (!pair) return fail(pair.error());
    Result<double> weight =
        amount_value(fmt::format("{} {}", flag, pair->first), pair->second, 0, kMaxWeight);
    if (!weight) return fail(weight.error());
    if (!weights.emplace(pair->first, *weight).second)
      return tool_misuse(words, fmt::format("{} names {} twice", flag, pair->first));
  }
  return {};
}

Status take_rebalance(ToolWords& words, ToolInvocation& tool) {
  admin::RebalanceOptions rebalance;
  Status status = take_weights(words, rebalance.weights);
  if (status) status = take(words, "by", rebalance.by, load_kind_value);
  if (status) {
    status = take(words, "threshold", rebalance.threshold_percent,
                  [](std::string_view flag, std::string_view text) {
                    return amount_value(flag, text, 0, kMaxThreshold);
                  });
  }
  if (!status) return status;
  rebalance.use_empty_primaries = words.has("use_empty");
  if (words.has("auto_weights")) {
    tool.remarks.emplace_back(
        "--auto-weights has no effect, as in redis-trib; --by memory evens out memory instead of slots");
  }
  Result<admin::ChangeOptions> change = take_change(words, tool);
  if (!change) return fail(change.error());
  rebalance.change = *std::move(change);
  // redis-cli and redis-trib start at once, and scripts leave nobody to answer.
  if (words.spelling != Spelling::kOwn) rebalance.change.yes = true;
  tool.request = std::move(rebalance);
  return take_seed_alone(words, tool);
}

Status take_add_node(ToolWords& words, ToolInvocation& tool) {
  admin::AddNodeOptions add;
  std::string_view own = "add-node";
  bool new_first = words.spelling != Spelling::kOwn;
  if (words.positionals.size() != 2) {
    return tool_misuse(
        words, fmt::format("{} needs {}", own, new_first ? words.command->old_words : words.command->words));
  }
  Result<Address> node = address_value(own, words.positionals[new_first ? 0 : 1]);
  if (!node) return fail(node.error());
  Result<Seed> seed = seed_value(own, words.positionals[new_first ? 1 : 0]);
  if (!seed) return fail(seed.error());
  if (seed->address == *node)
    return tool_misuse(words, "the new node and the one that knows the cluster are the same");
  add.node = *node;
  add.replica = words.has("replica");
  add.primary = words.text("of");
  if (!add.primary.empty() && !add.replica) {
    return tool_misuse(words, fmt::format("{} goes with {}", words.spelled("of"), words.spelled("replica")));
  }
  add.zone = words.text("zone");
  if (Status status = take(words, "wait", add.timeout_ms, duration_value); !status) return status;
  tool.seed = *seed;
  tool.request = std::move(add);
  return {};
}

Status take_del_node(ToolWords& words, ToolInvocation& tool) {
  admin::DelNodeOptions del;
  Result<std::string> node = take_seed_and_word(words, tool);
  if (!node) return fail(node.error());
  Result<admin::MoveOptions> moving = take_moving(words);
  if (!moving) return fail(moving.error());
  del.node = *node;
  del.drain = words.has("drain");
  // As redis-cli and redis-trib do.
  del.rehome_replicas = words.spelling != Spelling::kOwn;
  del.yes = tool.yes || words.spelling != Spelling::kOwn;
  del.moving = *moving;
  tool.request = std::move(del);
  return {};
}

Status take_call(ToolWords& words, ToolInvocation& tool) {
  CallRequest call;
  Result<Seed> seed = take_seed(words, 1);
  if (!seed) return fail(seed.error());
  tool.seed = *seed;
  if (words.has("primaries") && words.has("only_replicas")) {
    return tool_misuse(words, fmt::format("{} and {} exclude each other", words.spelled("primaries"),
                                          words.spelled("only_replicas")));
  }
  if (words.has("primaries")) call.which = admin::Which::kPrimaries;
  if (words.has("only_replicas")) call.which = admin::Which::kReplicas;
  call.command = words.positionals;
  tool.request = std::move(call);
  return {};
}

Status take_set_timeout(ToolWords& words, ToolInvocation& tool) {
  Result<std::string> text = take_seed_and_word(words, tool);
  if (!text) return fail(text.error());
  Result<int> timeout_ms = number_value("set-timeout", *text, kLeastNodeTimeoutMs, kMaxInt);
  if (!timeout_ms) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("set-timeout: \"{}\" is not a number of milliseconds of 100 or more; write, for "
                            "example, 15000",
                            *text));
  }
  tool.request = SetTimeoutRequest{*timeout_ms};
  return {};
}

Status take_import(ToolWords& words, ToolInvocation& tool) {
  ImportRequest import;
  if (!words.has("source")) {
    return tool_misuse(words,
                       fmt::format("import needs {} ADDR, where the keys are", words.spelled("source")));
  }
  Status status = take(words, "source", import.source, seed_value);
  if (status)
    status = take(words, "from_database", import.options.from_database, whole_number(0, kMaxDatabase));
  if (status) status = take(words, "max_bytes", import.options.max_bytes_per_s, rate_value);
  if (!status) return status;
  Result<Login> login = take_source_login(words);
  if (!login) return fail(login.error());
  import.login = *std::move(login);
  import.tls = words.has("from_tls");
  import.options.copy = words.has("copy");
  import.options.replace = words.has("replace");
  tool.request = std::move(import);
  return take_seed_alone(words, tool);
}

Status take_backup(ToolWords& words, ToolInvocation& tool) {
  admin::BackupOptions backup;
  Result<std::string> folder = take_seed_and_word(words, tool);
  if (!folder) return fail(folder.error());
  if (folder->empty()) return tool_misuse(words, "backup needs the name of a folder");
  backup.folder = *folder;
  backup.from_replicas = !words.has("from_primaries");
  tool.request = std::move(backup);
  return {};
}

}  // namespace

Status take_request(ToolWords& words, ToolInvocation& tool) {
  using Take = Status (*)(ToolWords&, ToolInvocation&);
  static const std::map<std::string_view, Take> takers = {
      {"create", take_create},     {"check", take_check},
      {"fix", take_fix},           {"info", take_info},
      {"reshard", take_reshard},   {"rebalance", take_rebalance},
      {"add-node", take_add_node}, {"del-node", take_del_node},
      {"call", take_call},         {"set-timeout", take_set_timeout},
      {"import", take_import},     {"backup", take_backup},
  };
  return takers.at(words.command->name)(words, tool);
}

}  // namespace keyway::cli
