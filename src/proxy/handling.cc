#include "proxy/handling.h"

#include <algorithm>
#include <array>

namespace keyway::proxy {

namespace {

using enum Handling;
using resp::KeyRule;
using resp::ResponsePolicy;
namespace command_flag = resp::command_flag;

struct Named {
  std::string_view name;
  Treatment treatment;
};

// Those that do not follow from the command table. Sorted by name.
constexpr std::array kNamed = std::to_array<Named>({
    {"acl|cat", {kAnyServer}},
    {"acl|deluser", {kEveryShard, Merge::kFirst}},
    {"acl|dryrun", {kAnyServer}},
    {"acl|genpass", {kAnyServer}},
    {"acl|getuser", {kAnyServer}},
    {"acl|help", {kAnyServer}},
    {"acl|list", {kAnyServer}},
    {"acl|load", {kEveryShard, Merge::kFirst}},
    {"acl|log", {kEveryShard, Merge::kJoin}},
    {"acl|save", {kEveryShard, Merge::kFirst}},
    {"acl|setuser", {kEveryShard, Merge::kFirst}},
    {"acl|users", {kAnyServer}},
    {"acl|whoami", {kAnyServer}},
    {"auth", {kOwn}},
    {"bgrewriteaof", {kEveryShard, Merge::kFirst}},
    {"bgsave", {kEveryShard, Merge::kFirst}},
    {"client", {kOwn}},
    {"cluster", {kOwn}},
    {"command", {kAnyServer}},
    {"command|count", {kAnyServer}},
    {"command|docs", {kAnyServer}},
    {"command|getkeys", {kAnyServer}},
    {"command|getkeysandflags", {kAnyServer}},
    {"command|help", {kAnyServer}},
    {"command|info", {kAnyServer}},
    {"command|list", {kAnyServer}},
    {"config|get", {kAnyServer}},
    {"config|help", {kAnyServer}},
    {"config|resetstat", {kEveryShard, Merge::kFirst}},
    {"config|rewrite", {kEveryShard, Merge::kFirst}},
    {"config|set", {kEveryShard, Merge::kFirst}},
    {"dbsize", {kEveryShard, Merge::kSum}},
    {"debug", {kOwn}},
    {"del", {kSplit, Merge::kSum}},
    {"discard", {kTransaction}},
    {"echo", {kAnyServer}},
    {"eval", {kEval}},
    {"eval_ro", {kEval}},
    {"evalsha", {kEvalSha}},
    {"evalsha_ro", {kEvalSha}},
    {"exec", {kTransaction}},
    {"exists", {kSplit, Merge::kSum}},
    {"fcall", {kScript}},
    {"fcall_ro", {kScript}},
    {"flushall", {kEveryShard, Merge::kFirst}},
    {"flushdb", {kEveryShard, Merge::kFirst}},
    {"function|delete", {kEveryShard, Merge::kFirst}},
    {"function|dump", {kAnyServer}},
    {"function|flush", {kEveryShard, Merge::kFirst}},
    {"function|help", {kAnyServer}},
    {"function|kill", {kKillScript, Merge::kOneWorked}},
    {"function|list", {kAnyServer}},
    {"function|load", {kLoadScript, Merge::kFirst}},
    {"function|restore", {kEveryShard, Merge::kFirst}},
    {"function|stats", {kAnyServer}},
    {"hello", {kOwn}},
    {"info", {kEveryShard, Merge::kInfo}},
    {"keys", {kEveryShard, Merge::kJoin}},
    {"lastsave", {kEveryShard, Merge::kLeast}},
    {"latency|help", {kAnyServer}},
    {"latency|history", {kEveryShard, Merge::kJoin}},
    {"latency|latest", {kEveryShard, Merge::kJoin}},
    {"latency|reset", {kEveryShard, Merge::kSum}},
    {"lolwut", {kAnyServer}},
    {"memory|help", {kAnyServer}},
    {"memory|purge", {kEveryShard, Merge::kFirst}},
    {"mget", {kSplit, Merge::kKeyOrder}},
    {"module|help", {kAnyServer}},
    {"module|list", {kAnyServer}},
    {"monitor", {kOwn}},
    {"mset", {kSplit, Merge::kFirst}},
    {"multi", {kTransaction}},
    {"object|help", {kAnyServer}},
    {"pfselftest", {kAnyServer}},
    {"ping", {kAnyServer}},
    {"psubscribe", {kSubscribe}},
    {"publish", {kByChannel}},
    {"pubsub|channels", {kEveryShard, Merge::kDistinct}},
    {"pubsub|help", {kAnyServer}},
    {"pubsub|numpat", {kEveryShard, Merge::kSum}},
    {"pubsub|numsub", {kEveryShard, Merge::kEachSum}},
    {"pubsub|shardchannels", {kEveryShard, Merge::kDistinct}},
    {"pubsub|shardnumsub", {kEveryShard, Merge::kEachSum}},
    {"punsubscribe", {kSubscribe}},
    {"quit", {kOwn}},
    {"randomkey", {kEveryShard, Merge::kAnyOne}},
    {"readonly", {kOwn}},
    {"readwrite", {kOwn}},
    {"reset", {kOwn}},
    {"role", {kOwn}},
    {"save", {kEveryShard, Merge::kFirst}},
    {"scan", {kOwn}},
    {"script|exists", {kEveryShard, Merge::kAllTrue}},
    {"script|flush", {kFlushScripts, Merge::kFirst}},
    {"script|help", {kAnyServer}},
    {"script|kill", {kKillScript, Merge::kOneWorked}},
    {"script|load", {kLoadScript, Merge::kFirst}},
    {"script|show", {kAnyServer}},
    {"select", {kOwn}},
    {"slowlog|get", {kEveryShard, Merge::kJoin}},
    {"slowlog|help", {kAnyServer}},
    {"slowlog|len", {kEveryShard, Merge::kSum}},
    {"slowlog|reset", {kEveryShard, Merge::kFirst}},
    {"ssubscribe", {kSubscribe}},
    {"subscribe", {kSubscribe}},
    {"sunsubscribe", {kSubscribe}},
    {"time", {kAnyServer}},
    {"touch", {kSplit, Merge::kSum}},
    {"unlink", {kSplit, Merge::kSum}},
    {"unsubscribe", {kSubscribe}},
    {"unwatch", {kTransaction}},
    {"wait", {kCopies}},
    {"waitaof", {kCopies}},
    {"watch", {kTransaction}},
    {"xgroup|help", {kAnyServer}},
    {"xinfo|help", {kAnyServer}},
});
static_assert(std::ranges::is_sorted(kNamed, {}, &Named::name));

Merge merge_of(ResponsePolicy policy) {
  switch (policy) {
    case ResponsePolicy::kOneSucceeded:
      return Merge::kOneWorked;
    case ResponsePolicy::kAggSum:
      return Merge::kSum;
    case ResponsePolicy::kAggMin:
      return Merge::kLeast;
    case ResponsePolicy::kAggLogicalAnd:
      return Merge::kAllTrue;
    case ResponsePolicy::kNone:
      return Merge::kJoin;
    default:
      return Merge::kFirst;
  }
}

// Of commands that the built-in table does not know, which servers tell of themselves.
Treatment learnt_treatment(const resp::CommandSpec& spec) {
  bool to_all = spec.request_policy == resp::RequestPolicy::kAllShards ||
                spec.request_policy == resp::RequestPolicy::kAllNodes;
  if (to_all) return {kEveryShard, merge_of(spec.response_policy)};
  return {kAnyServer};
}

}  // namespace

Treatment treatment_of(const resp::CommandSpec& spec) {
  auto found = std::ranges::lower_bound(kNamed, spec.name, {}, &Named::name);
  if (found != kNamed.end() && found->name == spec.name) return found->treatment;
  std::string_view container = spec.name.substr(0, spec.name.find('|'));
  if (container == "client" || container == "cluster") return {kOwn};
  if (spec.key_rule != KeyRule::kNone) return {spec.has(command_flag::kBlocking) ? kBlocking : kByKeys};
  if (spec.group == resp::CommandGroup::kLearnt) return learnt_treatment(spec);
  return {kRefused};
}

}  // namespace keyway::proxy
