#include "backup/trial_comparison.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "admin/restore.h"
#include "admin/restore_walk.h"
#include "base/clock.h"
#include "base/format.h"

namespace keyway::backup {

namespace {

constexpr size_t kMaxBatchCommands = 1000;
constexpr size_t kMaxBatchBytes = size_t{1} << 20;
constexpr size_t kMaxShownKeyBytes = 80;
constexpr std::string_view kSampleKey = "sample";

struct Key {
  std::string name;
  int database = 0;
  std::optional<int64_t> expires_at_ms;
  const rdb::ValueType* type = nullptr;
};

// What the answer to a command tells about a key.
enum class Question {
  kNothing,  // it must be no error
  kType,
  kExpiry,
  kHeld,  // the digest of the value that the server loaded, and after it
  kRead,  // of the same value as the walker read it
  kRestored,
};

struct Asked {
  Question question = Question::kNothing;
  size_t key = 0;
};

class Comparing {
 public:
  Comparing(TrialServer& server, const Comparison& what) : server_(server), what_(what) {}

  Status see(const rdb::Entry& entry);
  Status flush();
  int64_t keys() const { return keys_; }
  int64_t samples() const { return samples_; }

 private:
  bool is_sample(const rdb::Entry& entry);
  void ask(resp::Command command, Question question);
  void add_sample(const rdb::Entry& entry);
  Status take(const Asked& asked, const resp::Reply& reply);
  Status differs(const Key& key, std::string_view how) const;

  TrialServer& server_;
  const Comparison& what_;
  std::map<unsigned, int64_t> seen_;  // keys by code of type
  std::vector<Key> keys_asked_;
  std::vector<resp::Command> commands_;
  std::vector<Asked> asked_;
  size_t bytes_ = 0;
  std::string held_;  // the last digest of that kind
  int64_t keys_ = 0;
  int64_t samples_ = 0;
};

Status Comparing::differs(const Key& key, std::string_view how) const {
  // Whatever has expired by now may answer in any way.
  if (key.expires_at_ms && *key.expires_at_ms <= wall_ms()) return {};
  return fail(ErrorCode::kCorrupt,
              fmt::format("the key {} of the database {}, {}: {}",
                          resp::describe({key.name}, kMaxShownKeyBytes), key.database, key.type->name, how));
}

// Evenly among those of its type.
bool Comparing::is_sample(const rdb::Entry& entry) {
  auto found = what_.survey.by_type.find(std::string(entry.type->name));
  int64_t total = found == what_.survey.by_type.end() ? 1 : found->second;
  int64_t every = std::max<int64_t>(1, (total + kSamplesOfType - 1) / kSamplesOfType);
  int64_t number = seen_[entry.type->code]++;
  return number % every == 0 && entry.value.size() <= kMaxSampleBytes && !has_expiring_parts(*entry.type) &&
         !answer_to_type(*entry.type).empty();
}

void Comparing::ask(resp::Command command, Question question) {
  for (const std::string& word : command) bytes_ += word.size();
  commands_.push_back(std::move(command));
  asked_.push_back({question, keys_asked_.size() - 1});
}

void Comparing::add_sample(const rdb::Entry& entry) {
  std::string sample(kSampleKey);
  std::string payload = rdb::dump_payload(entry.value, std::max(entry.type->since, rdb::kOldestVersion));
  resp::Command restore = {"RESTORE", sample, std::to_string(entry.expires_at_ms.value_or(0)), payload,
                           "REPLACE"};
  if (entry.expires_at_ms) restore.emplace_back("ABSTTL");
  ask({"PEXPIRETIME", entry.key}, Question::kExpiry);
  ask({"DEBUG", "DIGEST-VALUE", entry.key}, Question::kHeld);
  ask({"SELECT", std::to_string(what_.scratch_database)}, Question::kNothing);
  ask(std::move(restore), Question::kRestored);
  ask({"DEBUG", "DIGEST-VALUE", sample}, Question::kRead);
  ask({"SELECT", std::to_string(entry.database)}, Question::kNothing);
  ++samples_;
}

Status Comparing::see(const rdb::Entry& entry) {
  if (entry.kind != rdb::Entry::Kind::kKey) return {};
  bool other_database = keys_asked_.empty() || keys_asked_.back().database != entry.database;
  keys_asked_.push_back({entry.key, entry.database, entry.expires_at_ms, entry.type});
  if (other_database) ask({"SELECT", std::to_string(entry.database)}, Question::kNothing);
  ask({"TYPE", entry.key}, Question::kType);
  if (is_sample(entry)) add_sample(entry);
  ++keys_;
  return commands_.size() < kMaxBatchCommands && bytes_ < kMaxBatchBytes ? Status{} : flush();
}

Status Comparing::flush() {
  if (commands_.empty()) return {};
  Result<std::vector<resp::Reply>> replies = server_.ask(std::move(commands_));
  if (!replies) return fail(replies.error());
  for (size_t i = 0; i < asked_.size(); ++i) {
    if (Status same = take(asked_[i], (*replies)[i]); !same) return same;
  }
  commands_.clear();
  asked_.clear();
  keys_asked_.clear();
  bytes_ = 0;
  what_.compared(keys_);
  return {};
}

Status Comparing::take(const Asked& asked, const resp::Reply& reply) {
  const Key& key = keys_asked_[asked.key];
  if (reply.is_error() && asked.question == Question::kRestored)
    return differs(key, fmt::format("the server refuses to have it restored: {}", reply.text));
  if (reply.is_error())
    return fail(ErrorCode::kInternal, "the server that tries the backup says: " + reply.text);
  switch (asked.question) {
    case Question::kType: {
      std::string_view wanted = answer_to_type(*key.type);
      bool same = wanted.empty() ? reply.text != "none" : reply.text == wanted;
      return same ? Status{} : differs(key, fmt::format("the server has {} there", reply.text));
    }
    case Question::kExpiry:
      if (reply.integer == key.expires_at_ms.value_or(-1)) return {};
      return differs(key, fmt::format("it expires at {} in the file and {} in the server",
                                      key.expires_at_ms.value_or(-1), reply.integer));
    case Question::kHeld:
      held_ = reply.elements.empty() ? "" : reply.elements.front().text;
      return {};
    case Question::kRead:
      if (!reply.elements.empty() && reply.elements.front().text == held_) return {};
      return differs(key, "the server holds another value than the file");
    case Question::kNothing:
    case Question::kRestored:
      break;
  }
  return {};
}

// Before anything is written to it.
Status compare_counts(TrialServer& server, const RdbSurvey& survey) {
  Result<std::vector<resp::Reply>> replies = server.ask({{"INFO", "keyspace"}, {"FUNCTION", "LIST"}});
  if (!replies) return fail(replies.error());
  if ((*replies)[0].is_error() || (*replies)[1].is_error())
    return fail(ErrorCode::kInternal,
                "the server that tries the backup says: " + (*replies)[0].text + (*replies)[1].text);
  std::map<int, RdbSurvey::Database> held = parse_keyspace((*replies)[0].text);
  for (const auto& [number, database] : survey.databases) {
    const RdbSurvey::Database& there = held[number];
    if (there == database) continue;
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("the file has {} keys in the database {}, {} of them with an expiry; a server that "
                    "loads it has {} and {}",
                    database.keys, number, database.mortal, there.keys, there.mortal));
  }
  auto functions = static_cast<int64_t>((*replies)[1].elements.size());
  if (held.size() == survey.databases.size() && functions == survey.functions) return {};
  return fail(
      ErrorCode::kCorrupt,
      fmt::format(
          "the file has {} databases and {} libraries of functions; a server that loads it has {} and {}",
          survey.databases.size(), survey.functions, held.size(), functions));
}

}  // namespace

Result<int64_t> compare(TrialServer& server, const Comparison& comparison) {
  if (Status same = compare_counts(server, comparison.survey); !same) return fail(same.error());
  Result<admin::RestoreFile> file = admin::file_at(comparison.file);
  if (!file) return fail(file.error());
  Comparing comparing(server, comparison);
  Result<bool> all = admin::walk_files(
      {*file},
      [&](const admin::RestoreFile&, const rdb::Header&, rdb::Entry& entry) { return comparing.see(entry); },
      [&](int64_t) { return !comparison.interrupted(); });
  if (!all) return fail(all.error());
  if (!*all) return fail(ErrorCode::kUnavailable, "it was interrupted");
  if (Status same = comparing.flush(); !same) return fail(same.error());
  return comparing.samples();
}

}  // namespace keyway::backup
