// A whole proxy before real servers, and clients that send it anything, in any pieces, and go at any time. It
// goes on answering, and in the end holds no more than in the beginning. KEYWAY_TEST_SEED repeats a run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/test_proxy.h"

namespace keyway::proxy {
namespace {

using engine::wait_until;
using testing::StartsWith;

constexpr size_t kClientBytes = size_t{8} << 20;  // queued for one client at most
constexpr size_t kBigBytes = size_t{1} << 20;
constexpr size_t kSpareBytes = size_t{256} << 10;  // chunks that are partly filled

// A conversation of many kinds of commands, of which each answer is known. Nothing of it depends on another
// one with another `name`.
struct Conversation {
  std::string commands;
  std::vector<std::string> replies;

  explicit Conversation(const std::string& name, size_t big_bytes = 600) {
    std::string one = name + ":1";
    std::string two = name + ":2";
    std::string tag = "{" + name + "}";
    say({"SET", one, "a"}, "+OK");
    say({"MSET", one, "b", two, "c"}, "+OK");
    say({"MGET", two, "none", one}, "[$c nil $b]");
    commands += "ECHO \"quoted \\x41 word\"\r\n\r\n*0\r\n";
    replies.emplace_back("$quoted A word");
    say({"DEL", one, two, "none"}, ":2");
    say({"SET", tag, std::string(big_bytes, 'x')}, "+OK");
    say({"STRLEN", tag}, fmt::format(":{}", big_bytes));
    say({"WATCH", tag}, "+OK");
    say({"MULTI"}, "+OK");
    say({"GETRANGE", tag, "0", "2"}, "+QUEUED");
    say({"DEL", tag}, "+QUEUED");
    say({"EXEC"}, "[$xxx :1]");
    say({"LPUSH", tag, "x"}, ":1");
    say({"BLPOP", tag, "0"}, "[$" + tag + " $x]");
    say({"EVAL", "return {KEYS[1], ARGV[1]}", "1", tag, "y"}, "[$" + tag + " $y]");
    say({"CLIENT", "SETNAME", name}, "+OK");
    say({"CLIENT", "GETNAME"}, "$" + name);
    resp::append(commands, {"CLIENT", "REPLY", "SKIP"});
    resp::append(commands, {"GET", "none"});
    say({"SUBSCRIBE", name}, "[$subscribe $" + name + " :1]");
    say({"UNSUBSCRIBE", name}, "[$unsubscribe $" + name + " :0]");
    say({"NOSUCH"}, "-ERR unknown command 'NOSUCH', with args beginning with: ");
    say({"PING"}, "+PONG");
  }

 private:
  void say(const resp::Command& command, std::string reply) {
    resp::append(commands, command);
    replies.push_back(std::move(reply));
  }
};

// The parameter: from how many bytes on commands are passed on in pieces.
class SessionFuzz : public testing::TestWithParam<size_t> {
 public:
  static void SetUpTestSuite() {
    std::vector<engine::TestEngine> engines = engine::test_engines();
    if (!engines.empty()) cluster_ = new engine::TestCluster(engines.front(), 2, 0);
  }
  static void TearDownTestSuite() { delete cluster_; }

 protected:
  void SetUp() override {
    if (cluster_ == nullptr) GTEST_SKIP() << "no server on this machine";
    ASSERT_TRUE(wait_until([&] { return cluster_->is_whole(servers_.fleet); }));
    const char* said = std::getenv("KEYWAY_TEST_SEED");
    seed_ = said == nullptr ? std::random_device{}() : std::strtoull(said, nullptr, 10);
    random_.seed(seed_);
    ProxyOptions options = options_before(*cluster_);
    options.metrics = {"127.0.0.1", engine::free_port()};
    options.limits.max_client_bytes = kClientBytes;
    options.limits.max_held_bytes = GetParam();
    metrics_ = options.metrics;
    proxy_ = start_proxy(options);
    ASSERT_NE(proxy_, nullptr);
    ASSERT_EQ(connect()({"FLUSHALL"}), "+OK");
    ASSERT_TRUE(wait_until([&] { return gauge("keyway_proxy_clients") == 0; }));
    held_bytes_ = gauge("keyway_proxy_held_bytes");
  }
  void TearDown() override {
    if (proxy_ == nullptr) return;
    EXPECT_TRUE(wait_until([&] { return gauge("keyway_proxy_clients") == 0; }))
        << gauge("keyway_proxy_clients") << " clients are left";
    EXPECT_TRUE(wait_until([&] { return gauge("keyway_proxy_held_bytes") <= held_bytes_ + kSpareBytes; }))
        << "it held " << held_bytes_ << " bytes and now holds " << gauge("keyway_proxy_held_bytes");
    talk("afterwards");
    if (HasFailure()) GTEST_LOG_(ERROR) << "KEYWAY_TEST_SEED=" << seed_;
  }

  TestClient connect() { return TestClient(proxy_->address()); }
  size_t below(size_t count) { return random_() % count; }

  // A conversation goes as it should.
  void talk(const std::string& name) {
    Conversation conversation(name);
    TestClient client = connect();
    client.send(conversation.commands);
    EXPECT_EQ(client.read(conversation.replies.size()), conversation.replies);
  }

  // After the first `at` bytes the connection ends, or the rest comes when the proxy has seen them.
  void cut(const Conversation& conversation, size_t at, TestClient& other) {
    std::string_view commands = conversation.commands;
    TestClient client = connect();
    client.send(commands.substr(0, at));
    switch (at % 3) {
      case 0:
        return client.drop();
      case 1:
        client.end_commands();
        ASSERT_TRUE(client.read_to_end()) << "the connection hangs";
        return;
      default:
        ASSERT_EQ(other({"PING"}), "+PONG");
        client.send(commands.substr(at));
        ASSERT_EQ(client.read(conversation.replies.size()), conversation.replies);
    }
  }

  uint64_t gauge(std::string_view name) {
    TestClient client(metrics_);
    client.send("GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    std::string text = client.read_to_end().value_or("");
    size_t at = text.find(fmt::format("\n{} ", name));
    if (at == std::string::npos) return UINT64_MAX;
    size_t begin = at + name.size() + 2;
    return parse_uint(text.substr(begin, text.find('\n', begin) - begin)).value_or(UINT64_MAX);
  }

  // Bytes without meaning, or such as commands are made of.
  std::string noise(size_t max_bytes) {
    static constexpr auto kPieces =
        std::to_array<std::string_view>({"*1\r\n",
                                         "*2\r\n",
                                         "*3\r\n",
                                         "$3\r\n",
                                         "$4\r\n",
                                         "$0\r\n",
                                         "\r\n",
                                         "GET",
                                         "SET",
                                         "PING",
                                         "MULTI\r\n",
                                         "EXEC\r\n",
                                         "*-1\r\n",
                                         "$-1\r\n",
                                         ":1\r\n",
                                         "\"",
                                         "'",
                                         " ",
                                         "\\x",
                                         "DISCARD\r\n",
                                         "WATCH a\r\n",
                                         "SUBSCRIBE a\r\n",
                                         "HELLO 3\r\n",
                                         "HELLO 2\r\n",
                                         "AUTH a b\r\n",
                                         "CLIENT REPLY OFF\r\n",
                                         "SCAN 0\r\n",
                                         "MGET a b c\r\n",
                                         "QUIT\r\n",
                                         "RESET\r\n",
                                         "UNSUBSCRIBE\r\n",
                                         "EVAL \"return 1\" 0\r\n",
                                         "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",
                                         "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"});
    std::string bytes;
    size_t size = 1 + below(max_bytes);
    bool meaningless = below(4) == 0;
    while (bytes.size() < size) {
      if (meaningless || below(20) == 0) {
        bytes += static_cast<char>(below(256));
      } else {
        bytes += kPieces[below(kPieces.size())];
      }
    }
    return bytes;
  }

  static engine::TestCluster* cluster_;
  engine::TestFleet servers_;
  std::mt19937_64 random_;
  uint64_t seed_ = 0;
  Address metrics_;
  std::unique_ptr<Proxy> proxy_;
  uint64_t held_bytes_ = 0;
};

engine::TestCluster* SessionFuzz::cluster_ = nullptr;

TEST_P(SessionFuzz, Noise) {
  for (int i = 0; i < 400; ++i) {
    TestClient client = connect();
    client.send(noise(4000));
    switch (below(4)) {
      case 0:
        client.drop();
        break;
      case 1:
        break;
      default:
        client.end_commands();
        ASSERT_TRUE(client.read_to_end()) << "a connection hangs, round " << i << ", seed " << seed_;
    }
  }
}

// At each place: the connection ends there, or the rest comes a little later.
TEST_P(SessionFuzz, CutAtEachPlace) {
  TestClient other = connect();
  size_t size = Conversation("cut0000").commands.size();
  for (size_t at = 0; at < size; ++at) {
    ASSERT_NO_FATAL_FAILURE(cut(Conversation(fmt::format("cut{:04}", at)), at, other)) << "cut at " << at;
  }
}

TEST_P(SessionFuzz, CutWithinALargeValue) {
  TestClient other = connect();
  for (int i = 0; i < 60; ++i) {
    Conversation conversation(fmt::format("large{}", i), kBigBytes);
    size_t at = below(conversation.commands.size());
    ASSERT_NO_FATAL_FAILURE(cut(conversation, at, other)) << "cut at " << at << ", seed " << seed_;
  }
}

// Many conversations at once, in small pieces, in no order.
TEST_P(SessionFuzz, Interleaved) {
  struct Talk {
    Conversation conversation;
    TestClient client;
    size_t sent = 0;
  };
  std::vector<Talk> talks;
  for (int i = 0; i < 40; ++i) talks.push_back({Conversation(fmt::format("talk{}", i)), connect()});
  std::vector<Talk*> open;
  for (Talk& talk : talks) open.push_back(&talk);
  while (!open.empty()) {
    size_t chosen = below(open.size());
    Talk& talk = *open[chosen];
    std::string_view rest = std::string_view(talk.conversation.commands).substr(talk.sent);
    std::string_view piece = rest.substr(0, 1 + below(200));
    talk.client.send(piece);
    talk.sent += piece.size();
    if (piece.size() == rest.size()) open.erase(open.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
  for (Talk& talk : talks)
    EXPECT_EQ(talk.client.read(talk.conversation.replies.size()), talk.conversation.replies)
        << "seed " << seed_;
}

TEST_P(SessionFuzz, AbsurdLengths) {
  for (const std::string& bytes :
       {std::string("*1048577\r\n"), std::string("*99999999999999999999\r\n"), std::string("*x\r\n"),
        std::string("*1\r\n$-2\r\n"), std::string("*1\r\n$536870913\r\n"), std::string("*1\r\n+5\r\n"),
        std::string("*1\r\n$99999999999999999999\r\n"), std::string("*2\r\n$3\r\nGETxx"),
        std::string("*1\r\n:4\r\n"), std::string("SET \"abc\r\n"), std::string(70'000, 'a')}) {
    TestClient client = connect();
    client.send_command({"ECHO", "first"});
    client.send(bytes);
    EXPECT_EQ(client.read(), "$first") << bytes.substr(0, 40);
    EXPECT_THAT(client.read(), StartsWith("-ERR Protocol error: ")) << bytes.substr(0, 40);
    EXPECT_EQ(client.read_to_end(), "") << bytes.substr(0, 40);
  }
  // What may still become a command is waited for, without taking memory before it comes.
  std::vector<TestClient> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(connect());
    waiting.back().send(i % 2 == 0 ? "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$536870912\r\nabc"
                                   : "*1048576\r\n$3\r\nSET\r\n");
  }
  talk("beside");
  EXPECT_LT(gauge("keyway_proxy_held_bytes"), held_bytes_ + 100 * (size_t{1} << 20) + kSpareBytes);
}

TEST_P(SessionFuzz, OpenedAndDropped) {
  for (int round = 0; round < 8; ++round) {
    std::vector<TestClient> clients;
    for (int i = 0; i < 150; ++i) {
      clients.push_back(connect());
      Conversation conversation(fmt::format("dropped{}", i));
      for (size_t repeat = below(4); repeat > 0; --repeat) clients.back().send(conversation.commands);
      clients.back().send(
          std::string_view(conversation.commands).substr(0, below(conversation.commands.size())));
    }
    for (TestClient& client : clients) {
      if (below(2) == 0) client.drop();
    }
    talk(fmt::format("round{}", round));
  }
}

TEST_P(SessionFuzz, SlowReaders) {
  TestClient reader = connect();
  ASSERT_EQ(reader({"SET", "big", std::string(kBigBytes, 'v')}), "+OK");
  std::vector<TestClient> slow;
  uint64_t most_bytes = 0;
  for (int i = 0; i < 6; ++i) {
    slow.push_back(connect());
    for (int j = 0; j < 40; ++j) slow.back().send_command({"GET", "big"});
    talk(fmt::format("beside{}", i));
    most_bytes = std::max(most_bytes, gauge("keyway_proxy_held_bytes"));
  }
  // They are closed when too much is queued for them, or held back before it comes so far.
  EXPECT_LT(most_bytes, held_bytes_ + slow.size() * (kClientBytes + 4 * kBigBytes) + kSpareBytes);
  for (int i = 0; i < 5; ++i) reader.send_command({"GET", "big"});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(reader.read().size(), kBigBytes + 1);
  for (TestClient& client : slow) {
    if (below(2) == 0) client.drop();
  }
}

INSTANTIATE_TEST_SUITE_P(HeldBytes, SessionFuzz, testing::Values(Limits{}.max_held_bytes, size_t{16}),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace keyway::proxy
