// For tests: a client of a sharded cluster that writes and reads throughout, and remembers what it was
// promised.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/strings.h"
#include "engine/test_cluster.h"
#include "resp/slot.h"

namespace keyway::engine {

// Follows MOVED and ASK, tries TRYAGAIN again, and asks another node if one is gone. One thread.
class ClusterClient {
 public:
  explicit ClusterClient(std::vector<Address> nodes) : nodes_(std::move(nodes)) {}

  // The command's first key is its second word. Nothing if nobody could answer; errors of servers that may
  // pass are tried again a few times.
  std::optional<resp::Reply> call(const resp::Command& command) {
    int slot = resp::key_slot(command[1]);
    bool asking = false;
    Address to = owner(slot);
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end) {
      std::vector<resp::Command> commands = {command};
      if (asking) commands.insert(commands.begin(), {"ASKING"});
      asking = false;
      Response response = std::move(fleet_.fleet.exchange({{to, commands}}, 8000)[0]);
      if (!response.ok()) return lost(slot);
      resp::Reply& reply = response.replies.back();
      if (reply.error_code() == "MOVED" || reply.error_code() == "ASK") {
        asking = reply.error_code() == "ASK";
        to = *parse_address(split_blanks(reply.text).at(2));
        if (asking) ++asked;
        if (!asking) owners_[slot] = to;
      } else if (reply.error_code() == "TRYAGAIN") {
        ++tried_again;
      } else {
        return std::move(reply);
      }
    }
    return lost(slot);
  }

  int asked = 0;
  int tried_again = 0;

 private:
  Address owner(int slot) {
    auto known = owners_.find(slot);
    return known != owners_.end() ? known->second : nodes_[next_++ % nodes_.size()];
  }
  std::nullopt_t lost(int slot) {
    owners_.erase(slot);
    return std::nullopt;
  }

  TestFleet fleet_;
  std::vector<Address> nodes_;
  size_t next_ = 0;
  std::map<int, Address> owners_;
};

// Writes growing numbers to its keys in turn, in a thread of its own, and reads each before it is written
// again. Keys come in pairs of one slot, `name` and `name:twin`, written together by every third write.
class KeyWriter {
 public:
  struct Findings {
    int writes = 0;    // that were acknowledged
    int failures = 0;  // that nobody answered, or with an error
    int asked = 0;
    int tried_again = 0;
    std::vector<std::string> wrong;    // what was read instead of what was promised
    std::vector<std::string> refused;  // errors of servers
    int64_t longest_ms = 0;            // of one command
  };

  // `names` have a tag in braces. Without `strict` only the end counts: servers may be killed meanwhile.
  KeyWriter(std::vector<Address> nodes, std::vector<std::string> names, bool strict = true)
      : nodes_(std::move(nodes)), strict_(strict), thread_([this, names] { run(names); }) {}
  ~KeyWriter() { stop(); }

  // Waits until so many more writes were acknowledged.
  bool wait_for_writes(int more) {
    int until = writes_ + more;
    return wait_until([&] { return writes_ >= until; });
  }

  const Findings& stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    findings_.writes = writes_;
    return findings_;
  }

  // After stop(): every key has the last value that was acknowledged, or one that was sent since.
  void expect_all_there(int* checked = nullptr) {
    ClusterClient client(nodes_);
    for (const auto& [key, promise] : promises_) {
      std::optional<resp::Reply> reply;
      wait_until([&] { return (reply = client.call({"GET", key})) && !reply->is_error(); });
      ASSERT_TRUE(reply && !reply->is_error()) << key;
      EXPECT_TRUE(promise.contains(reply->text))
          << key << " is '" << reply->text << "', not " << *promise.begin();
      if (checked != nullptr) ++*checked;
    }
  }

 private:
  void run(const std::vector<std::string>& names) {
    ClusterClient client(nodes_);
    for (int n = 0; !stop_; ++n) {
      const std::string& name = names[static_cast<size_t>(n) % names.size()];
      std::vector<std::string> keys = {name};
      if (n % 3 == 0) keys.push_back(name + ":twin");
      if (strict_) read(client, keys);
      write(client, keys, std::to_string(n));
    }
    findings_.asked = client.asked;
    findings_.tried_again = client.tried_again;
  }

  std::optional<resp::Reply> timed(ClusterClient& client, const resp::Command& command) {
    auto begin = std::chrono::steady_clock::now();
    std::optional<resp::Reply> reply = client.call(command);
    auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    findings_.longest_ms = std::max<int64_t>(findings_.longest_ms, took.count());
    return reply;
  }

  void read(ClusterClient& client, const std::vector<std::string>& keys) {
    resp::Command command = {"MGET"};
    command.insert(command.end(), keys.begin(), keys.end());
    std::optional<resp::Reply> reply = timed(client, command);
    if (!reply || reply->elements.size() != keys.size()) return failed(reply);
    for (size_t i = 0; i < keys.size(); ++i) {
      auto promise = promises_.find(keys[i]);
      if (promise == promises_.end() || promise->second.contains(reply->elements[i].text)) continue;
      findings_.wrong.push_back(keys[i] + " was '" + reply->elements[i].text + "', not " +
                                *promise->second.begin());
    }
  }

  void write(ClusterClient& client, const std::vector<std::string>& keys, const std::string& value) {
    resp::Command command = {"MSET"};
    for (const std::string& key : keys) {
      command.insert(command.end(), {key, value});
      // It may be there even if nobody says so.
      if (promises_.contains(key)) promises_[key].insert(value);
    }
    std::optional<resp::Reply> reply = timed(client, command);
    if (!reply || !reply->ok()) return failed(reply);
    for (const std::string& key : keys) promises_[key] = {value};
    ++writes_;
  }

  void failed(const std::optional<resp::Reply>& reply) {
    ++findings_.failures;
    if (reply && reply->is_error()) findings_.refused.push_back(reply->text);
  }

  std::vector<Address> nodes_;
  bool strict_;
  std::map<std::string, std::set<std::string>> promises_;  // by key: values that it may have
  Findings findings_;
  std::atomic<int> writes_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;  // last: it uses the others
};

// `count` names of slots first to last, each "{tag}".
inline std::vector<std::string> tags_in(const std::string& prefix, cluster::SlotRange range, size_t count) {
  std::vector<std::string> names;
  for (int i = 0; names.size() < count; ++i) {
    std::string name = prefix + std::to_string(i);
    int slot = resp::key_slot(name);
    if (slot >= range.first && slot <= range.last) names.push_back("{" + name + "}");
  }
  return names;
}

}  // namespace keyway::engine
