#include "admin/key_copy.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using resp::Command;
using resp::Reply;

constexpr int64_t kShortestTimeoutMs = 10'000;
constexpr int64_t kSlowestBytesPerMs = 1000;

// A key as it was read.
struct Dumped {
  const FoundKey* found = nullptr;
  std::string payload;
  int64_t ttl_ms = -1;  // -1: for ever
};

Result<std::vector<Dumped>> dump(Keyspace& from, const std::vector<FoundKey>& keys) {
  auto questions = commands_for(
      keys, [](const std::string& key) { return std::vector<Command>{{"DUMP", key}, {"PTTL", key}}; });
  Result<Keyspace::Answers> answers = from.ask(std::move(questions), batch_timeout_ms(size_of(keys)));
  if (!answers) return fail(answers.error());
  std::vector<Dumped> dumped;
  for (size_t i = 0; i < keys.size(); ++i) {
    Reply& payload = (*answers)[i][0];
    const Reply& ttl = (*answers)[i][1];
    const Address& owner = from.owner(resp::key_slot(keys[i].key));
    if (payload.is_error()) return fail(engine::refusal(owner, {"DUMP", keys[i].key}, payload));
    if (ttl.type != resp::ReplyType::kInteger)
      return fail(engine::refusal(owner, {"PTTL", keys[i].key}, ttl));
    constexpr int64_t no_such_key = -2;
    if (payload.is_null() || ttl.integer == no_such_key) continue;
    dumped.push_back({&keys[i], std::move(payload.text), ttl.integer});
  }
  return dumped;
}

}  // namespace

int64_t batch_timeout_ms(int64_t bytes) { return kShortestTimeoutMs + bytes / kSlowestBytesPerMs; }

int64_t size_of(const std::vector<FoundKey>& keys) {
  int64_t bytes = 0;
  for (const FoundKey& key : keys) bytes += key.size_bytes;
  return bytes;
}

Error restore_error(const Keyspace& from, const Keyspace& to, const Address& target, const std::string& key,
                    std::string_view refused) {
  bool unreadable = refused.find("Bad data format") != std::string_view::npos ||
                    refused.find("DUMP payload version") != std::string_view::npos;
  if (unreadable) {
    return Error{
        ErrorCode::kUnsupported,
        fmt::format("{} ({}) cannot read the value of {} as the source writes it ({}): {}. A server can "
                    "read what its own version and older ones write",
                    to_string(target), to.version(), resp::describe({key}), from.version(), refused)};
  }
  Reply reply;
  reply.type = resp::ReplyType::kError;
  reply.text = refused;
  Error error = engine::refusal(target, {"RESTORE", key}, reply);
  if (error.code == ErrorCode::kExhausted)
    error.message += ". Make room there (maxmemory), then run it again";
  return error;
}

Result<CopyOutcome> copy_keys(Keyspace& from, Keyspace& to, const std::vector<FoundKey>& keys, bool replace) {
  Result<std::vector<Dumped>> read = dump(from, keys);
  if (!read) return fail(read.error());
  int64_t read_at_ms = now_ms();
  std::vector<Dumped>& dumped = *read;
  std::vector<KeyCommands> writes;
  CopyOutcome outcome;
  int64_t bytes = 0;
  std::erase_if(dumped, [&](const Dumped& key) {
    return key.ttl_ms >= 0 && key.ttl_ms <= now_ms() - read_at_ms;  // expired by now
  });
  std::vector<int64_t> sizes;
  for (Dumped& key : dumped) {
    int64_t ttl_ms = key.ttl_ms < 0 ? 0 : std::max<int64_t>(1, key.ttl_ms - (now_ms() - read_at_ms));
    sizes.push_back(static_cast<int64_t>(key.payload.size()));
    bytes += sizes.back();
    Command restore = {"RESTORE", key.found->key, std::to_string(ttl_ms), std::move(key.payload)};
    if (replace) restore.emplace_back("REPLACE");
    writes.push_back({resp::key_slot(key.found->key), {std::move(restore)}});
  }
  Result<Keyspace::Answers> answers = to.ask(std::move(writes), batch_timeout_ms(bytes));
  if (!answers) return fail(answers.error());
  for (size_t i = 0; i < dumped.size(); ++i) {
    const Reply& reply = (*answers)[i][0];
    const FoundKey& key = *dumped[i].found;
    if (reply.ok()) {
      ++outcome.copied;
      outcome.bytes += sizes[i];
    } else if (reply.error_code() == "BUSYKEY") {
      outcome.busy.push_back(key);
    } else {
      return fail(restore_error(from, to, to.owner(resp::key_slot(key.key)), key.key, reply.text));
    }
  }
  return outcome;
}

}  // namespace keyway::admin
