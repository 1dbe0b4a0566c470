#include "backup/shard_take.h"

#include <boost/asio/io_context.hpp>

#include "backup/catalog.h"
#include "backup/key_count.h"
#include "backup/waiting.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/snapshot.h"

namespace keyway::backup {

namespace {

constexpr size_t kRounds = 3;
constexpr int64_t kQuestionTimeoutMs = 3000;

// One try: from a server into an object.
class PackingSink : public engine::SnapshotSink {
 public:
  PackingSink(Store& store, std::string name, Packing packing, TakeProgress& progress)
      : store_(store), name_(std::move(name)), packing_(std::move(packing)), progress_(progress) {}

  Status begin() override {
    Result<std::unique_ptr<ObjectWriter>> object = store_.put(name_);
    if (!object) return kept(fail(object.error()));
    writer_.emplace(std::move(*object), packing_);
    return {};
  }
  Status write(std::string_view bytes) override {
    keys_.add(bytes);
    Status written = writer_->write(bytes);
    progress_.raw_bytes = writer_->raw_bytes();
    progress_.stored_bytes = writer_->stored_bytes();
    return kept(std::move(written));
  }
  Status finish() override {
    Result<PackedSums> sums = writer_->commit();
    if (!sums) return kept(fail(sums.error()));
    sums_ = *sums;
    return {};
  }

  // Why the store, not the server, ended it.
  const std::optional<Error>& store_error() const { return store_error_; }
  const PackedSums& sums() const { return sums_; }
  int64_t keys() const { return keys_.keys(); }

 private:
  Status kept(Status status) {
    if (!status) store_error_ = status.error();
    return status;
  }

  Store& store_;
  std::string name_;
  Packing packing_;
  TakeProgress& progress_;
  std::optional<PackedWriter> writer_;
  KeyCount keys_;
  PackedSums sums_;
  std::optional<Error> store_error_;
};

class ShardTake {
 public:
  ShardTake(const Creation& creation, const std::string& id, const ShardSources& shard, Store& store,
            TakeProgress& progress, const Tell& warn)
      : creation_(creation), id_(id), shard_(shard), store_(store), progress_(progress), warn_(warn) {}

  Result<BackedUpShard> run();

 private:
  Result<BackedUpShard> take_from(const Source& source);
  Result<Source> look_at(const Source& source);
  bool has_several_databases(const Source& source);
  resp::Reply ask(const Address& address, const resp::Command& command);

  const Creation& creation_;
  const std::string& id_;
  const ShardSources& shard_;
  Store& store_;
  TakeProgress& progress_;
  const Tell& warn_;
  boost::asio::io_context io_;
  engine::Fleet fleet_{io_, [this] { return creation_.account; }, creation_.fleet};
  bool store_failed_ = false;
};

// What does not answer is an error reply.
resp::Reply ShardTake::ask(const Address& address, const resp::Command& command) {
  std::vector<engine::Response> responses = fleet_.exchange({{address, {command}}}, kQuestionTimeoutMs);
  if (responses.front().ok()) return responses.front().replies.front();
  resp::Reply reply;
  reply.type = resp::ReplyType::kError;
  reply.text = responses.front().error->message;
  return reply;
}

// Its role by now: it may have changed since it was chosen.
Result<Source> ShardTake::look_at(const Source& source) {
  resp::Reply role = ask(source.address, {"ROLE"});
  if (role.is_error()) return fail(ErrorCode::kUnavailable, role.text);
  Source now = source;
  now.replica = !role.elements.empty() && role.elements.front().text == "slave";
  constexpr size_t link_at = 3;
  if (now.replica && (role.elements.size() <= link_at || role.elements[link_at].text != "connected")) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{} is a replica that is not in sync", to_string(source.address)));
  }
  return now;
}

bool ShardTake::has_several_databases(const Source& source) {
  if (creation_.mode == cluster::Mode::kSharded) return false;
  resp::Reply keyspace = ask(source.address, {"INFO", "keyspace"});
  size_t databases = 0;
  for (std::string_view line : split(keyspace.text, '\n')) databases += line.starts_with("db") ? 1 : 0;
  return keyspace.is_error() || databases > 1;
}

Result<BackedUpShard> ShardTake::take_from(const Source& source) {
  Result<Source> now = look_at(source);
  if (!now) return fail(now.error());
  progress_.raw_bytes = progress_.stored_bytes = 0;
  BackedUpShard taken;
  taken.name = shard_.name;
  taken.slots = shard_.slots;
  taken.object = object_of_shard(shard_.name, creation_.key.has_value());
  Packing packing{creation_.key, seal_context(creation_.cluster, id_, shard_.name)};
  auto sink = std::make_shared<PackingSink>(store_, folder_of(creation_.cluster, id_) + "/" + taken.object,
                                            std::move(packing), progress_);
  engine::SnapshotOptions how;
  how.account = creation_.account;
  how.fleet = creation_.fleet;
  how.ask_history = true;
  how.go_on = [this](int64_t) { return !creation_.interrupted(); };
  engine::SnapshotOutcome outcome = engine::take_snapshots({{source.address, sink}}, how).front();
  store_failed_ = sink->store_error().has_value();
  if (store_failed_) return fail(*sink->store_error());
  if (outcome.error) return fail(*outcome.error);
  taken.sums = sink->sums();
  taken.replication_id = outcome.replication_id;
  taken.offset = outcome.offset;
  taken.keys = has_several_databases(*now) ? -1 : sink->keys();
  taken.engine = now->engine;
  taken.server_version = now->version;
  taken.node = now->node;
  taken.address = to_string(now->address);
  taken.from_replica = now->replica;
  return taken;
}

// The servers in their order, and all over again with a pause between the rounds.
Result<BackedUpShard> ShardTake::run() {
  Error last{ErrorCode::kUnavailable, "it has no server"};
  for (size_t round = 0; round < kRounds; ++round) {
    if (round > 0) wait_unless(creation_.interrupted, creation_.pause_ms);
    for (const Source& source : shard_.sources) {
      if (creation_.interrupted()) return fail(ErrorCode::kUnavailable, "it was interrupted");
      Result<BackedUpShard> taken = take_from(source);
      if (taken || store_failed_ || creation_.interrupted()) return taken;
      last = taken.error();
      warn_(fmt::format("shard {}: {}; trying again", shard_.name, last.message));
    }
  }
  return fail(last.code, fmt::format("shard {} could not be backed up: {}", shard_.name, last.message));
}

}  // namespace

Result<BackedUpShard> take_shard(const Creation& creation, const std::string& id, const ShardSources& shard,
                                 Store& store, TakeProgress& progress, const Tell& warn) {
  return ShardTake(creation, id, shard, store, progress, warn).run();
}

}  // namespace keyway::backup
