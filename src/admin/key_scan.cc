#include "admin/key_scan.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/format.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using engine::Request;
using engine::Response;
using resp::Command;
using resp::Reply;

constexpr std::string_view kKeysAStep = "1000";
constexpr int64_t kPatienceMs = 30'000;
constexpr int64_t kPauseMs = 200;

Command scan_command(const std::string& cursor) { return {"SCAN", cursor, "COUNT", std::string(kKeysAStep)}; }

// A scan may find a key twice, mostly within a few steps.
void drop_repeated(std::vector<FoundKey>& batch) {
  std::unordered_set<std::string> seen;
  std::erase_if(batch, [&](const FoundKey& found) { return !seen.insert(found.key).second; });
}

}  // namespace

// Cursors mean something to the server only that gave them.
void KeyScan::follow_primaries() {
  if (generation_ == keys_.generation() && !cursors_.empty()) return;
  generation_ = keys_.generation();
  for (const Address& primary : keys_.primaries()) {
    auto known = std::find_if(cursors_.begin(), cursors_.end(),
                              [&](const Cursor& cursor) { return cursor.primary == primary; });
    if (known == cursors_.end()) cursors_.push_back(Cursor{.primary = primary});
  }
  for (Cursor& cursor : cursors_) {
    const std::vector<Address>& now = keys_.primaries();
    if (std::find(now.begin(), now.end(), cursor.primary) == now.end()) cursor.done = true;
  }
}

bool KeyScan::finished() const {
  return std::all_of(cursors_.begin(), cursors_.end(), [](const Cursor& cursor) { return cursor.done; });
}

Result<std::vector<FoundKey>> KeyScan::next(size_t max_keys, int64_t max_bytes) {
  int64_t last_progress_ms = now_ms();
  follow_primaries();
  while (queue_.size() < max_keys && !finished()) {
    Result<bool> advanced = scan();
    if (!advanced) return fail(advanced.error());
    if (*advanced) {
      last_progress_ms = now_ms();
    } else {
      if (keys_.interrupted() || now_ms() - last_progress_ms > kPatienceMs) return fail(*trouble_);
      keys_.pause(kPauseMs);
      // What is wrong shows in what is answered next.
      (void)keys_.look();
    }
    follow_primaries();
  }
  std::vector<FoundKey> batch = queue_.take(max_keys, max_bytes);
  drop_repeated(batch);
  return batch;
}

// One step at each primary of which few keys are at hand. False: none of them answered as it should.
Result<bool> KeyScan::scan() {
  std::vector<size_t> sources;
  std::vector<Request> requests;
  size_t fewest = SIZE_MAX;
  for (size_t i = 0; i < cursors_.size(); ++i) {
    if (!cursors_[i].done) fewest = std::min(fewest, queue_.size(i));
  }
  for (size_t i = 0; i < cursors_.size(); ++i) {
    if (cursors_[i].done || queue_.size(i) > fewest) continue;
    sources.push_back(i);
    requests.push_back({cursors_[i].primary, {scan_command(cursors_[i].at)}});
  }
  std::vector<Response> responses = keys_.tell(std::move(requests), keys_.timeout_ms());
  std::vector<std::vector<std::string>> found(cursors_.size());
  bool advanced = false;
  for (size_t i = 0; i < sources.size(); ++i) {
    std::optional<Error> before = std::exchange(trouble_, std::nullopt);
    if (Status taken = take(cursors_[sources[i]], sources[i], responses[i], found); !taken) {
      return fail(taken.error());
    }
    if (!trouble_) {
      advanced = true;
      trouble_ = std::move(before);
    }
  }
  measure(found);
  return advanced;
}

Status KeyScan::take(Cursor& cursor, size_t source, Response& response,
                     std::vector<std::vector<std::string>>& found) {
  if (response.error) {
    trouble_ = response.error;
    bool passing =
        response.error->code == ErrorCode::kUnavailable || response.error->code == ErrorCode::kTimeout;
    return passing ? Status{} : fail(*response.error);
  }
  Reply& reply = response.replies.front();
  bool whole = reply.type == resp::ReplyType::kArray && reply.elements.size() == 2;
  if (!whole) {
    Error refused = engine::refusal(cursor.primary, scan_command(cursor.at), reply);
    trouble_ = refused;
    return refused.code == ErrorCode::kUnavailable ? Status{} : fail(refused);
  }
  cursor.at = std::move(reply.elements[0].text);
  cursor.done = cursor.at == "0";
  for (Reply& key : reply.elements[1].elements) found[source].push_back(std::move(key.text));
  return {};
}

// Asks for the sizes, so that a batch of large values does not fill the memory. It goes without the answer.
void KeyScan::measure(std::vector<std::vector<std::string>>& found) {
  std::vector<Request> requests;
  std::vector<size_t> sources;
  for (size_t source = 0; source < found.size(); ++source) {
    if (found[source].empty()) continue;
    sources.push_back(source);
    Request& request = requests.emplace_back(Request{cursors_[source].primary, {}});
    for (const std::string& key : found[source]) request.commands.push_back({"MEMORY", "USAGE", key});
  }
  std::vector<Response> responses = keys_.tell(std::move(requests), keys_.timeout_ms());
  for (size_t i = 0; i < sources.size(); ++i) {
    std::vector<std::string>& keys = found[sources[i]];
    for (size_t j = 0; j < keys.size(); ++j) {
      FoundKey key{std::move(keys[j]), usual_bytes_};
      if (j < responses[i].replies.size()) {
        if (responses[i].replies[j].is_null()) continue;  // gone meanwhile, or found for the second time
        note_size(responses[i].replies[j], key);
      }
      queue_.add(sources[i], std::move(key));
    }
  }
}

void KeyScan::note_size(const Reply& reply, FoundKey& key) {
  if (reply.type != resp::ReplyType::kInteger) return;
  key.size_bytes = reply.integer;
  constexpr int64_t weight = 16;  // of the past
  usual_bytes_ = (usual_bytes_ * (weight - 1) + reply.integer) / weight;
}

}  // namespace keyway::admin
