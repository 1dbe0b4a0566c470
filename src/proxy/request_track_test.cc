#include "proxy/request_track.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "resp/command.h"

namespace keyway::proxy {
namespace {

std::string command(const std::vector<std::string>& words) {
  std::string bytes;
  resp::append(bytes, words);
  return bytes;
}

// What is expected after `bytes`, as short words.
std::vector<std::string> expected(const std::string& bytes, size_t piece_bytes = std::string::npos) {
  std::vector<std::string> found;
  RequestTracker tracker;
  for (size_t at = 0; at < bytes.size(); at += std::min(piece_bytes, bytes.size())) {
    tracker.take(std::string_view(bytes).substr(at, piece_bytes), [&](const Expected& each) {
      constexpr const char* kNames[] = {"reply",    "slots",  "shards", "nodes",  "replicas",
                                        "channels", "stream", "raw",    "nothing"};
      found.emplace_back(kNames[static_cast<size_t>(each.what)]);
      if (each.what == Expect::kChannels) found.back() += std::to_string(each.channels);
    });
  }
  if (tracker.lost()) found.emplace_back("lost");
  return found;
}

using Words = std::vector<std::string>;

TEST(RequestTrack, KnowsTheCommandsThatTellAddresses) {
  EXPECT_EQ(expected(command({"CLUSTER", "SLOTS"})), Words{"slots"});
  EXPECT_EQ(expected(command({"cluster", "Shards"})), Words{"shards"});
  EXPECT_EQ(expected(command({"CLUSTER", "NODES"})), Words{"nodes"});
  EXPECT_EQ(expected(command({"CLUSTER", "REPLICAS", "abc"})), Words{"replicas"});
  EXPECT_EQ(expected(command({"CLUSTER", "SLAVES", "abc"})), Words{"replicas"});
  EXPECT_EQ(expected(command({"CLUSTER", "INFO"})), Words{"reply"});
  EXPECT_EQ(expected(command({"SET", "cluster", "slots"})), Words{"reply"});
  EXPECT_EQ(expected(command({"CLUSTERS", "SLOTS"})), Words{"reply"});
  EXPECT_EQ(expected(command({"CLUSTER", "SLOTS-and-a-much-longer-word"})), Words{"reply"});
}

TEST(RequestTrack, FollowsACommandInWhateverPieces) {
  std::string bytes = command({"SET", "k", std::string(1000, '*')}) +
                      "\r\n*0\r\n*-1\r\n cluster  \"slots\" \r\n" + command({"CLUSTER", "NODES"}) + "PING\n" +
                      command({"GET", ""});
  for (size_t piece_bytes : std::initializer_list<size_t>{1, 2, 3, 7, 64, 4096})
    EXPECT_EQ(expected(bytes, piece_bytes), (Words{"reply", "slots", "nodes", "reply", "reply"}))
        << piece_bytes;
}

TEST(RequestTrack, CountsNoRepliesThatAreTurnedOff) {
  EXPECT_EQ(expected(command({"CLIENT", "REPLY", "OFF"}) + command({"CLUSTER", "SLOTS"}) +
                     command({"CLIENT", "REPLY", "SKIP"}) + command({"CLIENT", "REPLY", "ON"}) +
                     command({"CLUSTER", "SLOTS"})),
            (Words{"nothing", "nothing", "nothing", "reply", "slots"}));
  EXPECT_EQ(expected(command({"CLIENT", "REPLY", "SKIP"}) + command({"CLUSTER", "SLOTS"}) +
                     command({"CLUSTER", "SLOTS"})),
            (Words{"nothing", "nothing", "slots"}));
  EXPECT_EQ(expected(command({"CLIENT", "REPLY", "OFF"}) + command({"RESET"}) + command({"GET", "a"})),
            (Words{"nothing", "reply", "reply"}));
  EXPECT_EQ(expected(command({"CLIENT", "REPLY", "maybe"}) + command({"CLIENT", "REPLY"})),
            (Words{"reply", "reply"}));
}

TEST(RequestTrack, KnowsWhatIsAnsweredOtherwise) {
  EXPECT_EQ(expected(command({"SUBSCRIBE", "a", "b"}) + command({"UNSUBSCRIBE"}) + command({"SUBSCRIBE"})),
            (Words{"channels2", "channels1", "reply"}));
  EXPECT_EQ(expected(command({"MONITOR"})), Words{"stream"});
  EXPECT_EQ(expected(command({"PSYNC", "?", "-1"})), Words{"raw"});
}

TEST(RequestTrack, IsLostWhereServersHangUp) {
  for (const char* bytes :
       {"*x\r\n", "*1\r\n:3\r\n", "*1\r\n$-1\r\n", "*1\r\n$\r\n", "*99999999999999999\r\n"})
    EXPECT_EQ(expected(bytes), Words{"lost"}) << bytes;
  EXPECT_EQ(expected(std::string(70'000, 'a')), Words{"lost"});
}

}  // namespace
}  // namespace keyway::proxy
