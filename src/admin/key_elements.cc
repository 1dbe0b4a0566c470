#include "admin/key_elements.h"

#include <algorithm>
#include <array>
#include <utility>

#include "admin/key_copy.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using resp::Command;
using resp::Reply;
using resp::ReplyType;

constexpr int64_t kSmallBytes = int64_t{1} << 20;
constexpr int64_t kPieceBytes = int64_t{4} << 20;
constexpr int64_t kMaxPieceElements = 10'000;
constexpr int64_t kTtlSlackMs = 2000;

bool same(const Reply& left, const Reply& right) {
  return left.type == right.type && left.integer == right.integer && left.text == right.text &&
         std::equal(left.elements.begin(), left.elements.end(), right.elements.begin(), right.elements.end(),
                    same);
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs sorted_pairs(Reply& flat) {
  Pairs pairs;
  for (size_t i = 0; i + 1 < flat.elements.size(); i += 2) {
    pairs.emplace_back(std::move(flat.elements[i].text), std::move(flat.elements[i + 1].text));
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

std::vector<std::string> sorted_texts(Reply& list) {
  std::vector<std::string> texts;
  for (Reply& element : list.elements) texts.push_back(std::move(element.text));
  std::sort(texts.begin(), texts.end());
  return texts;
}

// Versions tell different things of a stream's groups; what all of them tell.
std::vector<std::string> groups_of(const Reply& groups) {
  std::vector<std::string> facts;
  for (const Reply& group : groups.elements) {
    for (size_t i = 0; i + 1 < group.elements.size(); i += 2) {
      const std::string& name = group.elements[i].text;
      const Reply& value = group.elements[i + 1];
      if (name == "name" || name == "last-delivered-id") facts.push_back(value.text);
      if (name == "consumers" || name == "pending") facts.push_back(std::to_string(value.integer));
    }
  }
  return facts;
}

// What reads a whole value of `type`. Those of modules have no elements that could be read.
std::vector<Command> reading(const std::string& type, const std::string& key) {
  if (type == "string") return {{"GET", key}};
  if (type == "list") return {{"LRANGE", key, "0", "-1"}};
  if (type == "set") return {{"SMEMBERS", key}};
  if (type == "zset") return {{"ZRANGE", key, "0", "-1", "WITHSCORES"}};
  if (type == "hash") return {{"HGETALL", key}};
  if (type == "stream") return {{"XRANGE", key, "-", "+"}, {"XINFO", "GROUPS", key}};
  return {{"DUMP", key}};
}

// What tells the number of elements, or of bytes.
Command counting(const std::string& type, const std::string& key) {
  if (type == "string") return {"STRLEN", key};
  if (type == "list") return {"LLEN", key};
  if (type == "set") return {"SCARD", key};
  if (type == "zset") return {"ZCARD", key};
  if (type == "hash") return {"HLEN", key};
  return {"XLEN", key};
}

bool has_elements(const std::string& type) { return reading(type, "").front().front() != "DUMP"; }

bool is_ordered(const std::string& type) { return type == "string" || type == "list" || type == "zset"; }

class Elements {
 public:
  Elements(Keyspace& from, Keyspace& to) : sides_{&from, &to} {}

  Result<std::vector<bool>> compare(const std::vector<FoundKey>& keys);

 private:
  using Both = std::array<std::vector<Reply>, 2>;

  struct Value {
    const FoundKey* key = nullptr;
    size_t index = 0;
    std::string type;
  };

  Result<std::vector<Both>> ask(const std::vector<KeyCommands>& questions, int64_t bytes);
  Result<Both> ask_about(const std::string& key, const std::vector<Command>& commands);
  Result<std::vector<Value>> of_same_type(const std::vector<FoundKey>& keys);
  Status compare_small(const std::vector<Value>& values, std::vector<bool>& equal);
  static bool same_whole(const std::string& type, Both& read, std::vector<std::string>& fields);
  Result<bool> same_field_ttls(const std::string& key, const std::vector<std::string>& fields);
  Result<bool> compare_large(const Value& value);
  Result<bool> same_ranges(const Value& value, int64_t count, int64_t piece);
  Result<bool> same_stream(const Value& value, int64_t piece);
  Result<bool> same_members(const Value& value, int64_t piece);
  Result<bool> holds(const Value& value, const Reply& scanned);

  std::array<Keyspace*, 2> sides_;
};

Result<std::vector<Elements::Both>> Elements::ask(const std::vector<KeyCommands>& questions, int64_t bytes) {
  std::vector<Both> answers(questions.size());
  for (size_t side = 0; side < sides_.size(); ++side) {
    Result<Keyspace::Answers> asked = sides_[side]->ask(questions, batch_timeout_ms(bytes));
    if (!asked) return fail(asked.error());
    for (size_t i = 0; i < questions.size(); ++i) answers[i][side] = std::move((*asked)[i]);
  }
  return answers;
}

Result<Elements::Both> Elements::ask_about(const std::string& key, const std::vector<Command>& commands) {
  Result<std::vector<Both>> answers = ask({{resp::key_slot(key), commands}}, kPieceBytes);
  if (!answers) return fail(answers.error());
  return std::move(answers->front());
}

Result<std::vector<Elements::Value>> Elements::of_same_type(const std::vector<FoundKey>& keys) {
  auto questions =
      commands_for(keys, [](const std::string& key) { return std::vector<Command>{{"TYPE", key}}; });
  Result<std::vector<Both>> types = ask(questions, 0);
  if (!types) return fail(types.error());
  std::vector<Value> values;
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string& type = (*types)[i][0][0].text;
    if (type == (*types)[i][1][0].text && type != "none") values.push_back({&keys[i], i, type});
  }
  return values;
}

Result<std::vector<bool>> Elements::compare(const std::vector<FoundKey>& keys) {
  Result<std::vector<Value>> values = of_same_type(keys);
  if (!values) return fail(values.error());
  std::vector<bool> equal(keys.size(), false);
  std::vector<Value> small;
  for (const Value& value : *values) {
    if (value.key->size_bytes <= kSmallBytes || !has_elements(value.type)) {
      small.push_back(value);
      continue;
    }
    Result<bool> same_value = compare_large(value);
    if (!same_value) return fail(same_value.error());
    equal[value.index] = *same_value;
  }
  if (Status compared = compare_small(small, equal); !compared) return fail(compared.error());
  return equal;
}

Status Elements::compare_small(const std::vector<Value>& values, std::vector<bool>& equal) {
  std::vector<KeyCommands> questions;
  int64_t bytes = 0;
  for (const Value& value : values) {
    questions.push_back({resp::key_slot(value.key->key), reading(value.type, value.key->key)});
    bytes += value.key->size_bytes;
  }
  Result<std::vector<Both>> read = ask(questions, bytes);
  if (!read) return fail(read.error());
  for (size_t i = 0; i < values.size(); ++i) {
    std::vector<std::string> fields;
    bool same_value = same_whole(values[i].type, (*read)[i], fields);
    if (same_value && !fields.empty()) {
      Result<bool> same_ttls = same_field_ttls(values[i].key->key, fields);
      if (!same_ttls) return fail(same_ttls.error());
      same_value = *same_ttls;
    }
    equal[values[i].index] = same_value;
  }
  return {};
}

// `fields` are those of a hash.
bool Elements::same_whole(const std::string& type, Both& read, std::vector<std::string>& fields) {
  auto refused = [](const Reply& reply) { return reply.is_error(); };
  if (std::any_of(read[0].begin(), read[0].end(), refused)) return false;
  if (type == "set") return sorted_texts(read[0][0]) == sorted_texts(read[1][0]);
  if (type == "hash") {
    Pairs left = sorted_pairs(read[0][0]);
    if (left != sorted_pairs(read[1][0])) return false;
    for (auto& [field, value] : left) fields.push_back(std::move(field));
    return true;
  }
  if (!has_elements(type)) return without_footer(read[0][0].text) == without_footer(read[1][0].text);
  if (!same(read[0][0], read[1][0])) return false;
  return type != "stream" || groups_of(read[0][1]) == groups_of(read[1][1]);
}

// Fields of hashes expire on their own from Redis 7.4 and Valkey 9 on; where one of the two cannot, none do.
Result<bool> Elements::same_field_ttls(const std::string& key, const std::vector<std::string>& fields) {
  Command question = {"HPEXPIRETIME", key, "FIELDS", std::to_string(fields.size())};
  question.insert(question.end(), fields.begin(), fields.end());
  Result<Both> answers = ask_about(key, {question});
  if (!answers) return fail(answers.error());
  const Reply& left = (*answers)[0][0];
  const Reply& right = (*answers)[1][0];
  if (left.is_error() || right.is_error()) return true;
  return std::equal(left.elements.begin(), left.elements.end(), right.elements.begin(), right.elements.end(),
                    [](const Reply& one, const Reply& other) {
                      return std::abs(one.integer - other.integer) <= kTtlSlackMs &&
                             (one.integer < 0) == (other.integer < 0);
                    });
}

Result<bool> Elements::compare_large(const Value& value) {
  Result<Both> counts = ask_about(value.key->key, {counting(value.type, value.key->key)});
  if (!counts) return fail(counts.error());
  const Reply& left = (*counts)[0][0];
  if (left.type != ReplyType::kInteger || !same(left, (*counts)[1][0])) return false;
  int64_t element_bytes = value.key->size_bytes / std::max<int64_t>(1, left.integer);
  int64_t piece =
      std::clamp<int64_t>(kPieceBytes / std::max<int64_t>(1, element_bytes), 1, kMaxPieceElements);
  if (is_ordered(value.type)) {
    return same_ranges(value, left.integer, value.type == "string" ? kPieceBytes : piece);
  }
  return value.type == "stream" ? same_stream(value, piece) : same_members(value, piece);
}

Result<bool> Elements::same_ranges(const Value& value, int64_t count, int64_t piece) {
  const std::string& key = value.key->key;
  for (int64_t first = 0; first < count; first += piece) {
    Command range = {value.type == "string" ? "GETRANGE"
                     : value.type == "list" ? "LRANGE"
                                            : "ZRANGE",
                     key, std::to_string(first), std::to_string(first + piece - 1)};
    if (value.type == "zset") range.emplace_back("WITHSCORES");
    Result<Both> read = ask_about(key, {range});
    if (!read) return fail(read.error());
    if ((*read)[0][0].is_error() || !same((*read)[0][0], (*read)[1][0])) return false;
  }
  return true;
}

Result<bool> Elements::same_stream(const Value& value, int64_t piece) {
  const std::string& key = value.key->key;
  std::string from = "-";
  while (true) {
    Result<Both> read = ask_about(
        key, {{"XRANGE", key, from, "+", "COUNT", std::to_string(piece)}, {"XINFO", "GROUPS", key}});
    if (!read) return fail(read.error());
    const Both& both = *read;
    if (both[0][0].is_error() || !same(both[0][0], both[1][0])) return false;
    if (groups_of(both[0][1]) != groups_of(both[1][1])) return false;
    const std::vector<Reply>& entries = both[0][0].elements;
    if (entries.empty()) return true;
    if (entries.back().elements.empty()) return false;
    from = "(" + entries.back().elements.front().text;
  }
}

// Sets and hashes of equal counts: each member of the one must be in the other.
Result<bool> Elements::same_members(const Value& value, int64_t piece) {
  const std::string& key = value.key->key;
  std::string cursor = "0";
  do {
    Command scan = {value.type == "set" ? "SSCAN" : "HSCAN", key, cursor, "COUNT", std::to_string(piece)};
    Result<Keyspace::Answers> asked =
        sides_[0]->ask({{resp::key_slot(key), {scan}}}, batch_timeout_ms(kPieceBytes));
    if (!asked) return fail(asked.error());
    Reply& reply = asked->front().front();
    if (reply.type != ReplyType::kArray || reply.elements.size() != 2) return false;
    cursor = reply.elements[0].text;
    Result<bool> held = holds(value, reply.elements[1]);
    if (!held || !*held) return held;
  } while (cursor != "0");
  return true;
}

Result<bool> Elements::holds(const Value& value, const Reply& scanned) {
  if (scanned.elements.empty()) return true;
  const std::string& key = value.key->key;
  bool set = value.type == "set";
  Command question = {set ? "SMISMEMBER" : "HMGET", key};
  std::vector<std::string> fields;
  for (size_t i = 0; i < scanned.elements.size(); i += set ? 1 : 2)
    fields.push_back(scanned.elements[i].text);
  question.insert(question.end(), fields.begin(), fields.end());
  Result<Keyspace::Answers> asked =
      sides_[1]->ask({{resp::key_slot(key), {question}}}, batch_timeout_ms(kPieceBytes));
  if (!asked) return fail(asked.error());
  const std::vector<Reply>& found = asked->front().front().elements;
  if (found.size() != fields.size()) return false;
  for (size_t i = 0; i < fields.size(); ++i) {
    bool there = set ? found[i].integer == 1
                     : !found[i].is_null() && 2 * i + 1 < scanned.elements.size() &&
                           found[i].text == scanned.elements[2 * i + 1].text;
    if (!there) return false;
  }
  return set ? true : same_field_ttls(key, fields);
}

}  // namespace

std::string_view without_footer(std::string_view dump) {
  constexpr size_t footer_bytes = 10;
  return dump.substr(0, dump.size() - std::min(dump.size(), footer_bytes));
}

Result<std::vector<bool>> same_elements(Keyspace& from, Keyspace& to, const std::vector<FoundKey>& keys) {
  return Elements(from, to).compare(keys);
}

}  // namespace keyway::admin
