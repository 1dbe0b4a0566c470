#include "proxy/translate.h"

#include <gtest/gtest.h>

#include <string>

#include "base/format.h"

namespace keyway::proxy {
namespace {

const std::string kA(40, 'a');
const std::string kB(40, 'b');
const std::string kC(40, 'c');  // without a local address

class Translate : public testing::Test {
 protected:
  std::string reply(ClusterReply kind, const std::string& wire) {
    return translate_reply(kind, wire, with_).value_or("as it was");
  }
  std::string redirection(std::string_view line) {
    return translate_redirection(line, with_).value_or("as it was");
  }

  NodeMap nodes_{
      {{kA, {"10.0.0.1", 7001}, "one.example", 7500, true}, {kB, {"10.0.0.2", 7002}, "", 7501, false}}};
  Translating with_{nodes_, "127.0.0.1", "10.0.0.1"};
};

std::string bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

TEST_F(Translate, Slots) {
  auto wire = [](const std::string& one, const std::string& two, const std::string& more) {
    return "*1\r\n*4\r\n:0\r\n:16383\r\n*4\r\n" + one + bulk(kA) + more + "*4\r\n" + two + bulk(kB) +
           "*0\r\n";
  };
  std::string here = wire(bulk("127.0.0.1") + ":7500\r\n", bulk("127.0.0.1") + ":7501\r\n", "*0\r\n");
  EXPECT_EQ(reply(ClusterReply::kSlots,
                  wire(bulk("10.0.0.1") + ":7001\r\n", bulk("10.0.0.2") + ":7002\r\n", "*0\r\n")),
            here);
  EXPECT_EQ(reply(ClusterReply::kSlots, wire("$-1\r\n:7001\r\n", bulk("") + ":7002\r\n",
                                             "*2\r\n" + bulk("hostname") + bulk("one.example"))),
            here);
  EXPECT_EQ(reply(ClusterReply::kSlots, wire(bulk("?") + ":7001\r\n", bulk("10.0.0.2") + ":7002\r\n",
                                             "%1\r\n" + bulk("ip") + bulk("10.0.0.1"))),
            wire(bulk("127.0.0.1") + ":7500\r\n", bulk("127.0.0.1") + ":7501\r\n", "%0\r\n"));
  EXPECT_FALSE(with_.unknown);
}

TEST_F(Translate, SlotsOfANodeThatIsNotKnownStayAndTellSo) {
  std::string wire = "*1\r\n*3\r\n:0\r\n:9\r\n*3\r\n" + bulk("10.0.0.3") + ":7003\r\n" + bulk(kC);
  EXPECT_EQ(reply(ClusterReply::kSlots, wire), "as it was");
  EXPECT_TRUE(with_.unknown);
}

TEST_F(Translate, Shards) {
  for (const char* header : {"%7\r\n", "*14\r\n"}) {
    auto wire = [&](int port, const std::string& host) {
      return "*1\r\n*4\r\n" + bulk("slots") + "*2\r\n:0\r\n:16383\r\n" + bulk("nodes") + "*1\r\n" + header +
             bulk("id") + bulk(kB) + bulk("port") + fmt::format(":{}\r\n", port) + bulk("ip") + bulk(host) +
             bulk("endpoint") + bulk(host) + bulk("role") + bulk("replica") + bulk("replication-offset") +
             ":7002\r\n" + bulk("health") + bulk("online");
    };
    EXPECT_EQ(reply(ClusterReply::kShards, wire(7002, "10.0.0.2")), wire(7501, "127.0.0.1"));
  }
}

TEST_F(Translate, NodesAndReplicas) {
  std::string real =
      kA + " 10.0.0.1:7001@17001,one.example,,shard-id=x myself,master - 0 0 1 connected 0-16383\n" + kB +
      " 10.0.0.2:7002@17002 slave " + kA + " 0 1 1 connected\n" + kC +
      " 10.0.0.3:7003@17003 master - 0 1 2 connected\n";
  std::string local = kA + " 127.0.0.1:7500@7500,,,shard-id=x myself,master - 0 0 1 connected 0-16383\n" +
                      kB + " 127.0.0.1:7501@7501 slave " + kA + " 0 1 1 connected\n" + kC +
                      " 10.0.0.3:7003@17003 master - 0 1 2 connected\n";
  EXPECT_EQ(reply(ClusterReply::kNodes, bulk(real)), bulk(local));
  EXPECT_EQ(reply(ClusterReply::kNodes, fmt::format("={}\r\ntxt:{}\r\n", real.size() + 4, real)),
            fmt::format("={}\r\ntxt:{}\r\n", local.size() + 4, local));
  std::string line = kB + " 10.0.0.2:7002@17002 slave " + kA + " 0 1 1 connected";
  std::string local_line = kB + " 127.0.0.1:7501@7501 slave " + kA + " 0 1 1 connected";
  EXPECT_EQ(reply(ClusterReply::kReplicas, "*2\r\n" + bulk(line) + bulk("")),
            "*2\r\n" + bulk(local_line) + bulk(""));
}

TEST_F(Translate, LeavesWhatIsNoSuchReply) {
  for (ClusterReply kind :
       {ClusterReply::kSlots, ClusterReply::kShards, ClusterReply::kNodes, ClusterReply::kReplicas}) {
    for (const char* wire : {"+QUEUED\r\n", "-NOAUTH no\r\n", "*0\r\n", "*-1\r\n", "$-1\r\n", "_\r\n",
                             ":1\r\n", "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n*0\r\n:7\r\n", "$3\r\nabc\r\n"})
      EXPECT_EQ(reply(kind, wire), "as it was") << wire;
  }
}

TEST_F(Translate, Redirections) {
  EXPECT_EQ(redirection("-MOVED 3999 10.0.0.2:7002\r\n"), "-MOVED 3999 127.0.0.1:7501\r\n");
  EXPECT_EQ(redirection("-ASK 3999 one.example:7001\r\n"), "-ASK 3999 127.0.0.1:7500\r\n");
  EXPECT_EQ(redirection("-MOVED 1 :7001\r\n"), "-MOVED 1 127.0.0.1:7500\r\n");
  EXPECT_EQ(redirection("-MOVED 1 ?:7001\r\n"), "-MOVED 1 127.0.0.1:7500\r\n");
  EXPECT_EQ(redirection("-ERR MOVED 3999 10.0.0.2:7002\r\n"), "as it was");
  EXPECT_FALSE(with_.unknown);
  EXPECT_EQ(redirection("-MOVED 5 10.0.0.3:7003\r\n"),
            "-TRYAGAIN keyway: slot 5 is at 10.0.0.3:7003, which has no local address yet\r\n");
  EXPECT_TRUE(with_.unknown);
}

}  // namespace
}  // namespace keyway::proxy
