#include "proxy/reply_translate.h"

#include <gtest/gtest.h>

#include <string>

#include "base/format.h"

namespace keyway::proxy {
namespace {

const std::string kId(40, 'a');
const NodeMap kNodes({{kId, {"10.0.0.1", 7001}, "", 7500, true}});

struct IntoText : TranslatedBytes {
  void pass(std::string_view bytes) override { text += bytes; }
  void say(std::string_view bytes) override { text += bytes; }
  std::string text;
};

// What comes out of `wire` that comes in pieces, as a connection reads it.
std::string through(ReplyTranslator& translator, const std::string& wire, size_t piece_bytes) {
  Translating with{kNodes, "127.0.0.1", "10.0.0.1"};
  IntoText out;
  std::string held;
  for (size_t at = 0; at < wire.size(); at += piece_bytes) {
    held += wire.substr(at, piece_bytes);
    held.erase(0, translator.take(held, with, out));
  }
  out.text += held;
  return out.text;
}

std::string bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

const std::string kNodesReply = bulk(kId + " 10.0.0.1:7001@17001 myself,master - 0 0 1 connected\n");
const std::string kLocalNodes = bulk(kId + " 127.0.0.1:7500@7500 myself,master - 0 0 1 connected\n");
const std::string kSubscribed = "*3\r\n" + bulk("subscribe") + bulk("c") + ":1\r\n";
const std::string kMessage = "*3\r\n" + bulk("message") + bulk("c") + bulk(std::string(100, 'm'));

class ReplyTranslate : public testing::TestWithParam<size_t> {};

TEST_P(ReplyTranslate, TranslatesTheRepliesToClusterCommandsAndNoOthers) {
  ReplyTranslator translator;
  for (Expect what : {Expect::kReply, Expect::kNodes, Expect::kReply, Expect::kReply, Expect::kNodes})
    translator.expect({what});
  EXPECT_EQ(through(translator,
                    kNodesReply + kNodesReply + kNodesReply + "*2\r\n:1\r\n$-1\r\n-ERR no\r\n" + kNodesReply,
                    GetParam()),
            kNodesReply + kLocalNodes + kNodesReply + "*2\r\n:1\r\n$-1\r\n-ERR no\r\n" + kNodesReply);
  EXPECT_TRUE(translator.nothing_owed());
}

TEST_P(ReplyTranslate, TranslatesRedirectionsAtAnyDepth) {
  ReplyTranslator translator;
  std::string wire =
      "-MOVED 1 10.0.0.1:7001\r\n*3\r\n$3\r\na\r\n\r\n-ASK 2 10.0.0.1:7001\r\n*1\r\n-ERR x\r\n" +
      bulk("-MOVED 1 10.0.0.1:7001\r\n") + "+-MOVED 1 10.0.0.1:7001\r\n";
  translator.expect({Expect::kReply});
  std::string translated =
      "-MOVED 1 127.0.0.1:7500\r\n*3\r\n$3\r\na\r\n\r\n-ASK 2 127.0.0.1:7500\r\n*1\r\n-ERR x\r\n" +
      bulk("-MOVED 1 10.0.0.1:7001\r\n") + "+-MOVED 1 10.0.0.1:7001\r\n";
  EXPECT_EQ(through(translator, wire, GetParam()), translated);
}

TEST_P(ReplyTranslate, CountsNoMessages) {
  ReplyTranslator translator;
  translator.expect({Expect::kChannels, 2});
  translator.expect({Expect::kNodes});
  std::string wire = kSubscribed + kMessage + kSubscribed + kMessage + kNodesReply + kMessage;
  EXPECT_EQ(through(translator, wire, GetParam()),
            kSubscribed + kMessage + kSubscribed + kMessage + kLocalNodes + kMessage);
  EXPECT_TRUE(translator.nothing_owed());
}

TEST_P(ReplyTranslate, CountsNoPushes) {
  ReplyTranslator translator;
  translator.expect({Expect::kReply});
  translator.expect({Expect::kChannels, 1});
  translator.expect({Expect::kNodes});
  std::string push = ">2\r\n" + bulk("invalidate") + "*1\r\n" + bulk("k");
  std::string word = ">3\r\n" + bulk("subscribe") + bulk("c") + ":1\r\n";
  EXPECT_EQ(through(translator, push + "+OK\r\n" + push + word + push + kNodesReply, GetParam()),
            push + "+OK\r\n" + push + word + push + kLocalNodes);
}

TEST_P(ReplyTranslate, AnErrorAnswersAWholeSubscription) {
  ReplyTranslator translator;
  translator.expect({Expect::kChannels, 3});
  translator.expect({Expect::kNodes});
  EXPECT_EQ(through(translator, "-NOPERM no\r\n" + kNodesReply, GetParam()), "-NOPERM no\r\n" + kLocalNodes);
}

TEST_P(ReplyTranslate, PassesStreamsAndWhatIsNoProtocol) {
  ReplyTranslator monitored;
  monitored.expect({Expect::kStream});
  monitored.expect({Expect::kNodes});
  std::string lines = "+OK\r\n+1.2 [0 127.0.0.1:5] \"GET\" \"a\"\r\n" + kNodesReply;
  EXPECT_EQ(through(monitored, lines, GetParam()), lines);
  ReplyTranslator synced;
  synced.expect({Expect::kRaw});
  EXPECT_EQ(through(synced, "+FULLRESYNC\r\n$9\r\nREDIS\x01", GetParam()), "+FULLRESYNC\r\n$9\r\nREDIS\x01");
  ReplyTranslator broken;
  broken.expect({Expect::kNodes});
  EXPECT_EQ(through(broken, "*2\r\n:1\r\nhello\r\n" + kNodesReply, GetParam()),
            "*2\r\n:1\r\nhello\r\n" + kNodesReply);
}

INSTANTIATE_TEST_SUITE_P(InPieces, ReplyTranslate, testing::Values(1, 2, 5, 31, 1024));

TEST(ReplyTranslateSize, AReplyThatIsTooLongForTranslationGoesThrough) {
  ReplyTranslator translator;
  translator.expect({Expect::kNodes});
  std::string wire = bulk(std::string(ReplyTranslator::kMaxCollectedBytes + 5, 'x')) + "+OK\r\n";
  EXPECT_EQ(through(translator, wire, size_t{1} << 20), wire);
}

}  // namespace
}  // namespace keyway::proxy
