#include "admin/key_copies.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using engine::Request;
using engine::Response;
using resp::Command;
using resp::Reply;

constexpr size_t kKeysAtOnce = 32;
constexpr int64_t kMaxComparedBytes = int64_t{8} << 20;
constexpr int64_t kTtlSlackMs = 2000;  // the two are asked one after the other, and clocks differ
constexpr size_t kFooterBytes = 10;    // of a DUMP: its format's version and a checksum
constexpr size_t kShownKeyBytes = 60;

class Comparison {
 public:
  Comparison(engine::Servers& servers, const Address& first, const Address& second, int64_t timeout_ms)
      : servers_(servers), addresses_{first, second}, timeout_ms_(timeout_ms) {}

  Result<std::vector<CopyPair>> compare(const std::vector<std::string>& keys);

 private:
  // Both servers' replies to each command; an error reply is one of them.
  using Replies = std::array<std::vector<Reply>, 2>;

  Result<Replies> ask(const std::vector<Command>& commands);
  Status describe_all(const std::vector<std::string>& keys, std::vector<CopyPair>& pairs);
  Status compare_dumps(const std::vector<CopyPair*>& pairs);
  Status compare_elements(CopyPair& pair);
  Result<bool> same_field_ttls(const CopyPair& pair, const std::vector<std::string>& elements);

  engine::Servers& servers_;
  std::array<Address, 2> addresses_;
  int64_t timeout_ms_;
};

// ASKING makes a server answer for a slot that it imports; to its owner it means nothing.
Result<Comparison::Replies> Comparison::ask(const std::vector<Command>& commands) {
  std::vector<Request> requests;
  for (const Address& address : addresses_) {
    Request& request = requests.emplace_back(Request{address, {}});
    for (const Command& command : commands) {
      request.commands.push_back({"ASKING"});
      request.commands.push_back(command);
    }
  }
  std::vector<Response> responses = servers_.exchange(requests, timeout_ms_);
  Replies replies;
  for (size_t side = 0; side < 2; ++side) {
    if (responses[side].error) return fail(*responses[side].error);
    for (size_t i = 0; i < commands.size(); ++i) {
      replies[side].push_back(std::move(responses[side].replies[2 * i + 1]));
    }
  }
  return replies;
}

// ASK and MOVED tell that the key is not there.
bool is_elsewhere(const Reply& reply) {
  return reply.error_code() == "ASK" || reply.error_code() == "MOVED" || reply.error_code() == "TRYAGAIN";
}

Status Comparison::describe_all(const std::vector<std::string>& keys, std::vector<CopyPair>& pairs) {
  std::vector<Command> commands;
  for (const std::string& key : keys) {
    commands.push_back({"TYPE", key});
    commands.push_back({"PTTL", key});
    commands.push_back({"MEMORY", "USAGE", key});
  }
  Result<Replies> replies = ask(commands);
  if (!replies) return fail(replies.error());
  for (size_t i = 0; i < keys.size(); ++i) {
    CopyPair pair{.key = keys[i], .first = {}, .second = {}, .equal = false};
    for (size_t side = 0; side < 2; ++side) {
      std::vector<Reply>& told = (*replies)[side];
      const Reply& type = told[3 * i];
      if (type.is_error() && !is_elsewhere(type)) {
        return fail(engine::refusal(addresses_[side], commands[3 * i], type));
      }
      KeyCopy& copy = side == 0 ? pair.first : pair.second;
      copy.type = type.is_error() ? "none" : type.text;
      copy.ttl_ms = told[3 * i + 1].integer;
      if (told[3 * i + 2].type == resp::ReplyType::kInteger) copy.size_bytes = told[3 * i + 2].integer;
    }
    if (pair.first.type != "none" && pair.second.type != "none") pairs.push_back(std::move(pair));
  }
  return {};
}

bool may_be_equal(const CopyPair& pair) {
  if (pair.first.type != pair.second.type) return false;
  if (std::max(pair.first.size_bytes, pair.second.size_bytes) > kMaxComparedBytes) return false;
  bool lasting = pair.first.ttl_ms < 0;
  if (lasting != (pair.second.ttl_ms < 0)) return false;
  return lasting || std::abs(pair.first.ttl_ms - pair.second.ttl_ms) <= kTtlSlackMs;
}

std::string_view body_of(const Reply& dump) {
  std::string_view text = dump.text;
  return text.substr(0, text.size() - std::min(text.size(), kFooterBytes));
}

Status Comparison::compare_dumps(const std::vector<CopyPair*>& pairs) {
  for (size_t begin = 0, end = 0; begin < pairs.size(); begin = end) {
    std::vector<Command> commands;
    for (int64_t bytes = 0; end < pairs.size() && bytes <= kMaxComparedBytes; ++end) {
      commands.push_back({"DUMP", pairs[end]->key});
      int64_t size_bytes = std::max(pairs[end]->first.size_bytes, pairs[end]->second.size_bytes);
      bytes += size_bytes < 0 ? kMaxComparedBytes : size_bytes;
    }
    Result<Replies> replies = ask(commands);
    if (!replies) return fail(replies.error());
    for (size_t i = begin; i < end; ++i) {
      const Reply& first = (*replies)[0][i - begin];
      const Reply& second = (*replies)[1][i - begin];
      pairs[i]->equal = first.type == resp::ReplyType::kString && second.type == first.type &&
                        body_of(first) == body_of(second);
    }
  }
  return {};
}

// How all of a value is read; empty: not by one command.
Command reading(const CopyPair& pair) {
  const std::string& type = pair.first.type;
  if (type == "string") return {"GET", pair.key};
  if (type == "list") return {"LRANGE", pair.key, "0", "-1"};
  if (type == "set") return {"SMEMBERS", pair.key};
  if (type == "zset") return {"ZRANGE", pair.key, "0", "-1", "WITHSCORES"};
  if (type == "hash") return {"HGETALL", pair.key};
  return {};
}

std::vector<std::string> elements_of(const Reply& reply, const std::string& type) {
  if (type == "string") return {reply.text};
  std::vector<std::string> elements;
  for (const Reply& element : reply.elements) elements.push_back(element.text);
  if (type == "set") std::sort(elements.begin(), elements.end());
  if (type != "hash") return elements;
  std::vector<std::pair<std::string, std::string>> fields;
  for (size_t i = 0; i + 1 < elements.size(); i += 2) fields.emplace_back(elements[i], elements[i + 1]);
  std::sort(fields.begin(), fields.end());
  elements.clear();
  for (auto& [name, value] : fields) {
    elements.push_back(std::move(name));
    elements.push_back(std::move(value));
  }
  return elements;
}

Status Comparison::compare_elements(CopyPair& pair) {
  Command command = reading(pair);
  if (command.empty()) return {};
  Result<Replies> replies = ask({command});
  if (!replies) return fail(replies.error());
  const Reply& first = (*replies)[0][0];
  const Reply& second = (*replies)[1][0];
  if (first.is_error() || second.is_error()) return {};
  std::vector<std::string> elements = elements_of(first, pair.first.type);
  pair.equal = elements == elements_of(second, pair.first.type);
  if (!pair.equal || pair.first.type != "hash") return {};
  Result<bool> same = same_field_ttls(pair, elements);
  if (!same) return fail(same.error());
  pair.equal = *same;
  return {};
}

// Fields of a hash may expire (Redis from 7.4, Valkey from 9.0). A server that does not know that says so.
Result<bool> Comparison::same_field_ttls(const CopyPair& pair, const std::vector<std::string>& elements) {
  Command command = {"HPEXPIRETIME", pair.key, "FIELDS", std::to_string(elements.size() / 2)};
  for (size_t i = 0; i < elements.size(); i += 2) command.push_back(elements[i]);
  Result<Replies> replies = ask({command});
  if (!replies) return fail(replies.error());
  std::array<std::vector<int64_t>, 2> expiry;
  for (size_t side = 0; side < 2; ++side) {
    const Reply& reply = (*replies)[side][0];
    for (const Reply& time : reply.elements) expiry[side].push_back(time.integer);
    if (reply.is_error()) expiry[side].assign(elements.size() / 2, -1);
  }
  return expiry[0] == expiry[1];
}

Result<std::vector<CopyPair>> Comparison::compare(const std::vector<std::string>& keys) {
  std::vector<CopyPair> pairs;
  if (Status described = describe_all(keys, pairs); !described) return fail(described.error());
  std::vector<CopyPair*> open;
  for (CopyPair& pair : pairs) {
    if (may_be_equal(pair)) open.push_back(&pair);
  }
  if (Status compared = compare_dumps(open); !compared) return fail(compared.error());
  for (CopyPair* pair : open) {
    if (pair->equal) continue;
    if (Status compared = compare_elements(*pair); !compared) return fail(compared.error());
  }
  return pairs;
}

}  // namespace

Result<std::vector<CopyPair>> compare_copies(engine::Servers& servers, const Address& first,
                                             const Address& second, const std::vector<std::string>& keys,
                                             int64_t timeout_ms) {
  Comparison comparison(servers, first, second, timeout_ms);
  std::vector<CopyPair> all;
  for (size_t begin = 0; begin < keys.size(); begin += kKeysAtOnce) {
    size_t end = std::min(keys.size(), begin + kKeysAtOnce);
    auto at = keys.begin();
    Result<std::vector<CopyPair>> pairs =
        comparison.compare({at + static_cast<ptrdiff_t>(begin), at + static_cast<ptrdiff_t>(end)});
    if (!pairs) return fail(pairs.error());
    std::move(pairs->begin(), pairs->end(), std::back_inserter(all));
  }
  return all;
}

std::string describe(const KeyCopy& copy) {
  std::string text = copy.type;
  if (copy.size_bytes >= 0) text += ", " + human_bytes(copy.size_bytes);
  return text + (copy.ttl_ms < 0 ? ", does not expire" : ", expires in " + human_duration(copy.ttl_ms));
}

std::string printable_key(std::string_view key) {
  std::string text;
  for (char c : key.substr(0, kShownKeyBytes)) {
    bool plain = c >= ' ' && c <= '~' && c != '\\';
    text += plain ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return key.size() > kShownKeyBytes ? text + "…" : text;
}

}  // namespace keyway::admin
