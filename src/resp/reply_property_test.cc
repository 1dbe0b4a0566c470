// Any tree of replies, written and fed in any pieces, comes back as the same tree.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "resp/reply.h"
#include "resp/reply_testing.h"

namespace keyway::resp {
namespace {

constexpr int kMaxDepth = 8;

// Reads a tree out of random bytes: so RapidCheck, which shortens the bytes, shrinks the tree. Zero when they
// run out.
class TreeSource {
 public:
  explicit TreeSource(std::vector<uint8_t> choices) : choices_(std::move(choices)) {}

  Reply tree(int depth = 0) {
    Reply reply;
    size_t first = depth == 0 && choice() % 4 != 0 ? kLeafTypes : 0;  // mostly a tree that deserves the name
    size_t last = depth >= kMaxDepth ? kLeafTypes : kTypes.size();
    reply.type = kTypes[first + choice() % (last - first)];
    fill(reply, depth);
    return reply;
  }

 private:
  static constexpr size_t kLeafTypes = 9;
  static constexpr std::array<ReplyType, 13> kTypes = {
      ReplyType::kNull,   ReplyType::kInteger, ReplyType::kStatus,    ReplyType::kError,
      ReplyType::kString, ReplyType::kBoolean, ReplyType::kBigNumber, ReplyType::kVerbatim,
      ReplyType::kDouble, ReplyType::kArray,   ReplyType::kMap,       ReplyType::kSet,
      ReplyType::kPush};

  void fill(Reply& reply, int depth) {
    switch (reply.type) {
      case ReplyType::kNull:
        break;
      case ReplyType::kInteger:
        reply.integer = integer();
        break;
      case ReplyType::kBoolean:
        reply.integer = choice() % 2;
        break;
      case ReplyType::kDouble:
        reply.number = number();
        break;
      case ReplyType::kBigNumber:
        reply.text = fmt::format("{}{}", integer(), choice());
        break;
      case ReplyType::kStatus:
        reply.text = bytes();
        std::erase_if(reply.text, [](char c) { return c == '\r' || c == '\n'; });
        break;
      case ReplyType::kError:
      case ReplyType::kString:
      case ReplyType::kVerbatim:
        reply.text = bytes();
        break;
      default: {
        size_t count = choice() % 6;
        if (reply.type == ReplyType::kMap) count = count / 2 * 2;
        for (size_t i = 0; i < count; ++i) reply.elements.push_back(tree(depth + 1));
      }
    }
  }

  uint8_t choice() { return next_ < choices_.size() ? choices_[next_++] : uint8_t{0}; }

  int64_t integer() {
    uint64_t value = 0;
    for (int count = choice() % 9; count > 0; --count) value = value << 8 | choice();
    return static_cast<int64_t>(value);
  }

  double number() {
    auto bits = static_cast<uint64_t>(integer());
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }

  std::string bytes() {
    constexpr std::string_view hostile = "\r\n$*:+-";
    std::string text;
    for (int count = choice() % 20; count > 0; --count) {
      uint8_t byte = choice();
      text += byte < 64 ? hostile[byte % hostile.size()] : static_cast<char>(byte);
    }
    return text;
  }

  const std::vector<uint8_t> choices_;
  size_t next_ = 0;
};

// More choices than RapidCheck's default of at most 100, for trees that have some depth.
rc::Gen<std::vector<uint8_t>> choices() {
  return rc::gen::scale(5.0, rc::gen::arbitrary<std::vector<uint8_t>>());
}

// Feeds `wire` in pieces whose sizes go round in `piece_sizes`, and takes whatever is whole after each.
std::vector<Reply> replies_of(std::string_view wire, const std::vector<uint8_t>& piece_sizes) {
  ReplyParser parser;
  std::vector<Reply> replies;
  for (size_t piece = 0; !wire.empty(); ++piece) {
    size_t size =
        piece_sizes.empty() ? wire.size() : size_t{1} + piece_sizes[piece % piece_sizes.size()] % 40;
    parser.feed(wire.substr(0, size));
    wire.remove_prefix(std::min(size, wire.size()));
    while (true) {
      Result<std::optional<Reply>> reply = parser.next();
      if (!reply) RC_FAIL(reply.error().message);
      if (!*reply) break;
      replies.push_back(std::move(**reply));
    }
  }
  RC_ASSERT(parser.pending_bytes() == 0u);
  return replies;
}

TEST(ReplyProperty, AnyTreeInAnyPiecesComesBackTheSame) {
  EXPECT_TRUE(rc::check("round trip", [] {
    TreeSource source(*choices());
    std::vector<Reply> sent = {source.tree(), source.tree(), source.tree()};
    Attributes attributes = *rc::gen::element(Attributes::kNone, Attributes::kBeforeEach);
    std::string wire;
    for (const Reply& reply : sent) write_reply(wire, reply, attributes);
    std::vector<Reply> received = replies_of(wire, *rc::gen::arbitrary<std::vector<uint8_t>>());
    RC_TAG(sent[0].elements.empty() ? "leaf" : "tree");
    RC_ASSERT(received.size() == sent.size());
    for (size_t i = 0; i < sent.size(); ++i) RC_ASSERT(same_reply(sent[i], received[i]));
  }));
}

// A reply cut short is never given out, whatever its tree.
TEST(ReplyProperty, NothingComesOutBeforeTheLastByte) {
  EXPECT_TRUE(rc::check("no early reply", [] {
    std::string wire;
    write_reply(wire, TreeSource(*choices()).tree());
    size_t cut = *rc::gen::inRange<size_t>(0, wire.size());
    ReplyParser parser;
    parser.feed(std::string_view(wire).substr(0, cut));
    Result<std::optional<Reply>> reply = parser.next();
    RC_ASSERT(reply.has_value());
    RC_ASSERT(!reply->has_value());
    RC_ASSERT(parser.pending_bytes() == cut);
  }));
}

}  // namespace
}  // namespace keyway::resp
