#include "platform/kubernetes/web_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "platform/kubernetes/port_forward_frames.h"
#include "platform/kubernetes/web_socket_upgrade.h"

namespace keyway::platform::kubernetes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::string_literals;

struct Heard : WebSocketSink {
  Status message(std::string_view piece, bool begins) override {
    if (begins) messages.emplace_back();
    messages.back() += piece;
    return {};
  }
  void pinged(std::string_view payload) override { pings.emplace_back(payload); }
  void closed(std::string_view why) override { closes.emplace_back(why); }

  std::vector<std::string> messages, pings, closes;
};

// As a server sends it.
std::string frame(unsigned first, const std::string& payload) {
  std::string out(1, static_cast<char>(first));
  if (payload.size() < 126) return out + static_cast<char>(payload.size()) + payload;
  return out + '\x7e' + static_cast<char>(payload.size() >> 8U) + static_cast<char>(payload.size()) + payload;
}

TEST(WebSocket, MasksAsTheStandardShows) {
  std::string out;
  append_web_socket_frame(out, WebSocketOpcode::kText, "He", "llo", {'\x37', '\xfa', '\x21', '\x3d'});
  EXPECT_EQ(out, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

TEST(WebSocket, TellsLengthsInThreeWays) {
  auto head = [](size_t size) {
    std::string out;
    append_web_socket_frame(out, WebSocketOpcode::kBinary, "", std::string(size, 'x'), {});
    EXPECT_TRUE(out.ends_with(std::string(size, 'x')));
    return out.substr(0, out.size() - size);
  };
  EXPECT_EQ(head(125), "\x82\xfd\0\0\0\0"s);
  EXPECT_EQ(head(126), "\x82\xfe\x00\x7e\0\0\0\0"s);
  EXPECT_EQ(head(65536), "\x82\xff\0\0\0\0\0\1\0\0\0\0\0\0"s);
}

TEST(WebSocket, ReadsMessagesHoweverTheyAreCut) {
  std::string all = frame(0x82, "one") + frame(0x89, "ping") + frame(0x02, "tw") + frame(0x80, "o") +
                    frame(0x82, "") + frame(0x82, std::string(300, 'x')) +
                    frame(0x88,
                          "\x03\xe8"
                          "bye");
  for (size_t piece : {size_t{1}, size_t{2}, size_t{7}, all.size()}) {
    WebSocketReader reader;
    Heard heard;
    for (size_t at = 0; at < all.size(); at += piece)
      ASSERT_TRUE(reader.feed(std::string_view(all).substr(at, piece), heard));
    EXPECT_THAT(heard.messages, ElementsAre("one", "two", "", std::string(300, 'x'))) << piece;
    EXPECT_THAT(heard.pings, ElementsAre("ping"));
    EXPECT_THAT(heard.closes, ElementsAre("bye"));
  }
}

TEST(WebSocket, RefusesWhatNoServerSends) {
  auto refusal = [](const std::string& bytes) {
    WebSocketReader reader;
    Heard heard;
    Status fed = reader.feed(bytes, heard);
    return fed ? std::string("taken") : fed.error().message;
  };
  EXPECT_THAT(refusal("\xc2\x01x"), HasSubstr("extension"));
  EXPECT_THAT(refusal("\x82\x81mask"), HasSubstr("masked"));
  EXPECT_THAT(refusal("\x80\x01x"), HasSubstr("continues no message"));
  EXPECT_THAT(refusal("\x02\x01x\x82\x01x"), HasSubstr("within another"));
  EXPECT_THAT(refusal("\x81\x01x"), HasSubstr("no binary"));
  EXPECT_THAT(refusal("\x8f\x01x"), HasSubstr("unknown opcode"));
  EXPECT_THAT(refusal("\x09\x01x"), HasSubstr("in pieces"));
  EXPECT_EQ(refusal(frame(0x88, "") + "anything"), "taken");
}

TEST(WebSocketUpgrade, KnowsTheAnswerToItsKey) {
  EXPECT_EQ(web_socket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_NE(new_web_socket_key(), new_web_socket_key());
}

TEST(WebSocketUpgrade, AgreesRefusesOrIsNone) {
  const std::string agreed =
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: v4\r\n\r\n";
  UpgradeAnswer answer("dGhlIHNhbXBsZSBub25jZQ==", "v4");
  ASSERT_TRUE(answer.feed(agreed.substr(0, 30)));
  EXPECT_EQ(answer.state(), UpgradeAnswer::State::kWaiting);
  std::string last = agreed.substr(30) + "frames";
  EXPECT_EQ(answer.feed(last).value_or("none"), "frames");
  EXPECT_EQ(answer.state(), UpgradeAnswer::State::kAgreed);

  UpgradeAnswer of_another_key("AAAA", "v4");
  EXPECT_THAT(of_another_key.feed(agreed).error().message, HasSubstr("another key"));
  UpgradeAnswer of_another_protocol("dGhlIHNhbXBsZSBub25jZQ==", "v5");
  EXPECT_THAT(of_another_protocol.feed(agreed).error().message, HasSubstr("\"v4\" where v5"));

  UpgradeAnswer refused("AAAA", "v4");
  ASSERT_TRUE(refused.feed("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{"));
  EXPECT_EQ(refused.state(), UpgradeAnswer::State::kWaiting);
  ASSERT_TRUE(refused.feed("}"));
  EXPECT_EQ(refused.state(), UpgradeAnswer::State::kRefused);
  EXPECT_EQ(refused.status(), 403);
  EXPECT_EQ(refused.body(), "{}");

  UpgradeAnswer endless("AAAA", "v4");
  EXPECT_FALSE(endless.feed("HTTP/1.1 101 " + std::string(20'000, 'x')));
}

TEST(PortForwardFrames, PartsDataFromErrors) {
  PortForwardFrames frames(6379);
  std::string data;
  auto feed = [&](const std::string& bytes) {
    return frames.feed(bytes, [&](std::string_view piece) { data += piece; });
  };
  ASSERT_TRUE(feed(frame(0x82, "\0\xeb\x18"s) + frame(0x82, "\1\xeb\x18"s)));
  ASSERT_TRUE(feed(frame(0x82, "\0+PO"s) + frame(0x82, "") + frame(0x02, "\0NG"s) + frame(0x80, "\r\n")));
  EXPECT_EQ(data, "+PONG\r\n");
  EXPECT_EQ(frames.error(), "");
  std::string ping;
  EXPECT_FALSE(frames.take_ping(ping));
  ASSERT_TRUE(feed(frame(0x89, "a") + frame(0x89, "b")));
  EXPECT_TRUE(frames.take_ping(ping));
  EXPECT_EQ(ping, "b");
  ASSERT_TRUE(feed(frame(0x82, "\1no such "s) + frame(0x82, "\1port"s) + frame(0x88, "")));
  EXPECT_EQ(frames.error(), "no such port");
  EXPECT_TRUE(frames.closed());
}

TEST(PortForwardFrames, RefusesAnotherPortOrChannel) {
  auto refusal = [](const std::string& bytes) {
    Status fed = PortForwardFrames(6379).feed(bytes, [](std::string_view) {});
    return fed ? std::string("taken") : fed.error().message;
  };
  EXPECT_THAT(refusal(frame(0x82, "\0\x18\xeb"s)), HasSubstr("another port than 6379"));
  EXPECT_THAT(refusal(frame(0x82, "\2x")), HasSubstr("channel 2"));
}

}  // namespace
}  // namespace keyway::platform::kubernetes
