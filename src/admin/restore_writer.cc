#include "admin/restore_writer.h"

#include <chrono>
#include <utility>

#include "admin/key_copy.h"
#include "base/format.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using resp::Command;
using resp::Reply;

constexpr size_t kBatchKeys = 1000;
constexpr int64_t kBatchBytes = int64_t{2} << 20;
constexpr int64_t kMaxUnfinishedBytes = int64_t{32} << 20;

Reply error_reply(std::string text) {
  Reply reply;
  reply.type = resp::ReplyType::kError;
  reply.text = std::move(text);
  return reply;
}

}  // namespace

RestoreWriter::RestoreWriter(WriterOptions options) : options_(std::move(options)) {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { run(); });
}

RestoreWriter::~RestoreWriter() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Result<bool> RestoreWriter::add(int database, RestoredKey& key) {
  bool full = filling_.keys.size() >= kBatchKeys || filling_.bytes >= kBatchBytes;
  if (full || (!filling_.keys.empty() && filling_.database != database)) {
    Result<bool> queued = queue_batch();
    if (!queued || !*queued) return queued;
  }
  filling_.database = database;
  filling_.bytes += static_cast<int64_t>(key.key.size() + key.payload.size());
  filling_.keys.push_back(std::move(key));
  return true;
}

Result<bool> RestoreWriter::queue_batch() {
  std::unique_lock lock(mutex_);
  bool room = changed_.wait_for(lock, std::chrono::milliseconds(kTurnMs), [this] {
    return error_ || unfinished_ == 0 || unfinished_bytes_ + filling_.bytes <= kMaxUnfinishedBytes;
  });
  if (error_) return fail(*error_);
  if (!room) return false;
  ++unfinished_;
  unfinished_bytes_ += filling_.bytes;
  waiting_.push_back(std::exchange(filling_, {}));
  lock.unlock();
  changed_.notify_all();
  return true;
}

Result<bool> RestoreWriter::finish() {
  if (!filling_.keys.empty()) {
    Result<bool> queued = queue_batch();
    if (!queued || !*queued) return queued;
  }
  std::unique_lock lock(mutex_);
  bool all = changed_.wait_for(lock, std::chrono::milliseconds(kTurnMs),
                               [this] { return error_ || unfinished_ == 0; });
  if (error_) return fail(*error_);
  return all;
}

std::optional<RestoreWriter::Batch> RestoreWriter::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || error_ || !waiting_.empty(); });
  if (closed_ || error_) return std::nullopt;
  Batch batch = std::move(waiting_.front());
  waiting_.pop_front();
  return batch;
}

void RestoreWriter::done(const Batch& batch, const Status& status) {
  {
    std::lock_guard lock(mutex_);
    --unfinished_;
    unfinished_bytes_ -= batch.bytes;
    if (!status && !error_) error_ = status.error();
  }
  changed_.notify_all();
}

// One of the threads. SELECT lasts as long as a connection, so another database takes new ones.
void RestoreWriter::run() {
  std::optional<Target> target;
  while (std::optional<Batch> batch = next()) {
    if (!target || target->keys->database() != batch->database) {
      Result<Target> connected = connect(batch->database);
      if (!connected) {
        done(*batch, fail(connected.error()));
        return;
      }
      target = std::move(*connected);
    }
    done(*batch, write(*target, *batch));
  }
}

Result<RestoreWriter::Target> RestoreWriter::connect(int database) const {
  Target target{options_.connect(), std::nullopt};
  KeyspaceOptions how = options_.keyspace;
  how.database = database;
  Address seed = options_.seed;
  if (how.find_primary) {
    if (Result<Address> primary = how.find_primary(); primary) seed = *primary;
  }
  Result<Keyspace> keys = Keyspace::open(*target.servers, seed, std::move(how));
  if (!keys) return fail(keys.error());
  target.keys = std::move(*keys);
  return target;
}

Command RestoreWriter::restore_command(const RestoredKey& key) const {
  Command command = {"RESTORE", key.key, std::to_string(key.expires_at_ms), key.payload};
  if (key.expires_at_ms != 0) command.emplace_back("ABSTTL");
  if (options_.replace) command.emplace_back("REPLACE");
  if (key.idle_s) command.insert(command.end(), {"IDLETIME", std::to_string(*key.idle_s)});
  if (key.frequency) command.insert(command.end(), {"FREQ", std::to_string(*key.frequency)});
  return command;
}

Error RestoreWriter::refused(const Keyspace& target, const RestoredKey& key, const std::string& answer) {
  const Address& server = target.owner(resp::key_slot(key.key));
  if (answer.find("Bad data format") != std::string::npos ||
      answer.find("DUMP payload version") != std::string::npos) {
    return Error{
        ErrorCode::kUnsupported,
        fmt::format("{} ({}) cannot read the value of {}, a {} as {} writes it: {}. A server can read what "
                    "its own version and older ones write",
                    to_string(server), target.version(), resp::describe({key.key}), key.type, key.writer,
                    answer)};
  }
  Error error = engine::refusal(server, {"RESTORE", key.key}, error_reply(answer));
  if (error.code == ErrorCode::kExhausted)
    error.message += ". Make room there (maxmemory), then run it again";
  return error;
}

Status RestoreWriter::write(Target& target, const Batch& batch) {
  std::vector<KeyCommands> asked;
  asked.reserve(batch.keys.size());
  for (const RestoredKey& key : batch.keys)
    asked.push_back({resp::key_slot(key.key), {restore_command(key)}});
  Result<Keyspace::Answers> answers = target.keys->ask(std::move(asked), batch_timeout_ms(batch.bytes));
  if (!answers) return fail(answers.error());
  for (size_t i = 0; i < batch.keys.size(); ++i) {
    const RestoredKey& key = batch.keys[i];
    const Reply& reply = (*answers)[i].front();
    if (reply.ok()) {
      ++written_;
      if (key.expires_at_ms == 0) ++lasting_;
      bytes_ += static_cast<int64_t>(key.payload.size());
    } else if (!options_.replace && reply.error_code() == "BUSYKEY") {
      ++present_;
    } else {
      return fail(refused(*target.keys, key, reply.text));
    }
  }
  return {};
}

}  // namespace keyway::admin
