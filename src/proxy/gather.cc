#include "proxy/gather.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/info_merge.h"
#include "proxy/reply_scan.h"

namespace keyway::proxy {

namespace {

using Parts = std::vector<Slice>;

// The reply as one piece.
Slice whole_reply(const Request& part, ChunkPool& pool) {
  if (part.more_reply.empty()) return part.reply;
  Slice whole{pool.take(part.reply_bytes()), nullptr, part.reply_bytes()};
  whole.data = whole.chunk->bytes();
  auto append = [&](const Slice& piece) {
    std::memcpy(whole.chunk->tail(), piece.data, piece.size_bytes);
    whole.chunk->used_bytes += piece.size_bytes;
  };
  append(part.reply);
  for (const Slice& piece : part.more_reply) append(piece);
  return whole;
}

Slice cut_front(Slice& rest, size_t size_bytes) {
  Slice front{rest.chunk, rest.data, size_bytes};
  rest.data += size_bytes;
  rest.size_bytes -= size_bytes;
  return front;
}

// The first line without its type and end; moves behind it.
std::string_view cut_line(Slice& rest) {
  size_t end = rest.text().find("\r\n");
  if (end == std::string_view::npos) return {};
  return cut_front(rest, end + 2).text().substr(1, end - 1);
}

Slice cut_element(Slice& rest) {
  ReplyScanner scanner;
  return cut_front(rest, scanner.scan(rest.text()).taken_bytes);
}

int64_t cut_count(Slice& rest) { return std::max<int64_t>(parse_int(cut_line(rest)).value_or(0), 0); }

int64_t integer_of(Slice reply) { return parse_int(cut_line(reply)).value_or(0); }

void merge_key_order(const Gather& gather, Parts& replies, SliceQueue& out) {
  for (Slice& reply : replies) cut_line(reply);
  out.append(fmt::format("*{}\r\n", gather.part_of_key.size()));
  for (uint16_t part : gather.part_of_key) out.append(cut_element(replies[part]));
}

void merge_joined(Parts& replies, SliceQueue& out) {
  char type = *replies.front().data;
  int64_t count = 0;
  for (Slice& reply : replies) count += cut_count(reply);
  out.append(fmt::format("{}{}\r\n", type, count));
  for (const Slice& reply : replies) out.append(reply);
}

void merge_distinct(Parts& replies, SliceQueue& out) {
  char type = *replies.front().data;
  std::set<std::string_view> names;
  for (Slice& reply : replies) {
    for (int64_t left = cut_count(reply); left > 0; --left) names.insert(cut_element(reply).text());
  }
  out.append(fmt::format("{}{}\r\n", type, names.size()));
  for (std::string_view name : names) out.append(name);
}

void merge_all_true(Parts& replies, SliceQueue& out) {
  std::vector<bool> all;
  for (Slice& reply : replies) {
    auto count = static_cast<size_t>(cut_count(reply));
    if (all.empty()) all.assign(count, true);
    for (size_t i = 0; i < std::min(count, all.size()); ++i) {
      if (integer_of(cut_element(reply)) == 0) all[i] = false;
    }
  }
  out.append(fmt::format("*{}\r\n", all.size()));
  for (bool each : all) out.append(each ? ":1\r\n" : ":0\r\n");
}

void merge_each_sum(Parts& replies, SliceQueue& out) {
  char type = *replies.front().data;
  std::vector<std::string_view> names;
  std::map<std::string_view, int64_t> sums;
  int64_t header = 0;
  for (Slice& reply : replies) {
    header = cut_count(reply);
    while (reply.size_bytes > 0) {
      std::string_view name = cut_element(reply).text();
      if (&reply == &replies.front()) names.push_back(name);
      sums[name] += integer_of(cut_element(reply));
    }
  }
  out.append(fmt::format("{}{}\r\n", type, header));
  for (std::string_view name : names) {
    out.append(name);
    out.append(fmt::format(":{}\r\n", sums[name]));
  }
}

bool is_null(const Slice& reply) {
  return reply.text().starts_with("$-1") || reply.text().starts_with("*-1") || reply.text().starts_with("_");
}

bool is_error(const Slice& reply) { return reply.text().starts_with('-'); }

void merge_integers(const Parts& replies, bool sum, SliceQueue& out) {
  int64_t merged = integer_of(replies.front());
  for (size_t i = 1; i < replies.size(); ++i)
    merged = sum ? merged + integer_of(replies[i]) : std::min(merged, integer_of(replies[i]));
  out.append(fmt::format(":{}\r\n", merged));
}

void merge_each_least(Parts& replies, SliceQueue& out) {
  if (replies.front().text().starts_with(':')) return merge_integers(replies, false, out);
  std::vector<int64_t> least;
  for (Slice& reply : replies) {
    auto count = static_cast<size_t>(cut_count(reply));
    if (least.empty()) least.assign(count, std::numeric_limits<int64_t>::max());
    for (size_t i = 0; i < std::min(count, least.size()); ++i)
      least[i] = std::min(least[i], integer_of(cut_element(reply)));
  }
  out.append(fmt::format("*{}\r\n", least.size()));
  for (int64_t each : least) out.append(fmt::format(":{}\r\n", each));
}

void merge_whole(const Gather& gather, Parts& replies, SliceQueue& out) {
  switch (gather.merge) {
    case Merge::kKeyOrder:
      return merge_key_order(gather, replies, out);
    case Merge::kJoin:
      return merge_joined(replies, out);
    case Merge::kDistinct:
      return merge_distinct(replies, out);
    case Merge::kAllTrue:
      return merge_all_true(replies, out);
    case Merge::kEachSum:
      return merge_each_sum(replies, out);
    case Merge::kSum:
    case Merge::kLeast:
      return merge_integers(replies, gather.merge == Merge::kSum, out);
    case Merge::kAnyOne: {
      auto found = std::ranges::find_if_not(replies, is_null);
      return out.append(found == replies.end() ? replies.front() : *found);
    }
    case Merge::kEachLeast:
      return merge_each_least(replies, out);
    case Merge::kInfo:
      return out.append(merge_info(replies, gather.held_clients));
    case Merge::kFirst:
    case Merge::kOneWorked:
      return out.append(replies.front());
  }
}

}  // namespace

void merge_replies(const Gather& gather, ChunkPool& pool, SliceQueue& out) {
  Parts replies;
  replies.reserve(gather.parts.size());
  for (const Request* part : gather.parts) replies.push_back(whole_reply(*part, pool));
  bool one_is_enough = gather.merge == Merge::kOneWorked;
  auto found =
      one_is_enough ? std::ranges::find_if_not(replies, is_error) : std::ranges::find_if(replies, is_error);
  if (found != replies.end()) return out.append(*found);
  if (!gather.instead.empty()) return out.append(gather.instead);
  merge_whole(gather, replies, out);
}

bool any_failed(const Gather& gather) {
  return std::ranges::any_of(gather.parts, [](const Request* part) { return part->has_error_reply(); });
}

void drop_parts(Request& whole, RequestPool& requests) {
  std::unique_ptr<Gather> gather(std::exchange(whole.gather, nullptr));
  for (Request* part : gather->parts) requests.give_back(part);
}

void discard_gather(Request* whole, RequestPool& requests) {
  drop_parts(*whole, requests);
  requests.give_back(whole);
}

}  // namespace keyway::proxy
