// The proxy's own users before a real cluster: who may come in, what each of them may do, and what becomes of
// them when the users change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/test_proxy.h"

namespace keyway::proxy {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kDenied = "-WRONGPASS invalid username-password pair or user is disabled.";
constexpr const char* kNotYet = "-NOAUTH Authentication required.";
constexpr const char* kReaders = "user reader on >r-word ~app:* +@read +@connection +acl|whoami\n";

ProxyUser user_of(const std::string& password, const Account& upstream) {
  return {false, {hash_password(password)}, upstream};
}

class UsersServerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<engine::TestEngine> engines = engine::test_engines();
    if (engines.empty()) GTEST_SKIP() << "no server on this machine";
    cluster_ = std::make_unique<engine::TestCluster>(engines.front(), 3, 0, kReaders);
    ASSERT_TRUE(engine::wait_until([&] { return cluster_->is_whole(servers_.fleet); }));
    options_ = options_before(*cluster_);
    options_.anonymous = {};
    options_.login_required = true;
    options_.workers = 2;
    users_["app"] = user_of("a-word", {engine::kTestUser, engine::kTestPassword});
    users_["looker"] = user_of("l-word", {"reader", "r-word"});
    take_users();
  }

  void take_users() { options_.users = std::make_shared<const Users>(users_); }
  void start() {
    proxy_ = start_proxy(options_);
    ASSERT_NE(proxy_, nullptr);
  }
  void reload() {
    take_users();
    ASSERT_TRUE(proxy_->reload(options_));
  }
  TestClient connect() { return TestClient(proxy_->address()); }

  engine::TestFleet servers_;
  std::unique_ptr<engine::TestCluster> cluster_;
  ProxyOptions options_;
  Users::ByName users_;
  std::unique_ptr<Proxy> proxy_;
};

TEST_F(UsersServerTest, NothingIsDoneBeforeALogin) {
  start();
  TestClient client = connect();
  EXPECT_EQ(client({"PING"}), kNotYet);
  EXPECT_EQ(client({"GET", "k"}), kNotYet);
  EXPECT_EQ(client({"CLIENT", "LIST"}), kNotYet);
  EXPECT_EQ(client({"CLUSTER", "SLOTS"}), kNotYet);
  EXPECT_EQ(client({"SUBSCRIBE", "news"}), kNotYet);
  EXPECT_EQ(client({"MULTI"}), kNotYet);
  EXPECT_THAT(client({"HELLO", "3"}), StartsWith("-NOAUTH HELLO must be called"));
  EXPECT_EQ(client({"RESET"}), "+RESET");
  EXPECT_EQ(client({"AUTH", "app", "wrong"}), kDenied);
  EXPECT_EQ(client({"AUTH", "nobody", "a-word"}), kDenied);
  EXPECT_EQ(client({"AUTH", engine::kTestUser, engine::kTestPassword}), kDenied) << "a user of the servers";
  EXPECT_EQ(client({"PING"}), kNotYet);
  EXPECT_EQ(client({"AUTH", "app", "a-word"}), "+OK");
  EXPECT_EQ(client({"SET", "k", "1"}), "+OK");
  EXPECT_EQ(client({"RESET"}), "+RESET");
  EXPECT_EQ(client({"GET", "k"}), kNotYet);
}

TEST_F(UsersServerTest, NobodyMaySendMuchBeforeALogin) {
  start();
  TestClient client = connect();
  client.send("*2\r\n$4\r\nAUTH\r\n$1000000\r\n");
  EXPECT_EQ(client.read(), "-ERR Protocol error: invalid bulk length");
  EXPECT_EQ(client.read(), "");
  TestClient patient = connect();
  std::string bytes = "*1000\r\n";
  for (int i = 0; i < 20; ++i) bytes += "$1000\r\n" + std::string(1000, 'x') + "\r\n";
  patient.send(bytes);
  EXPECT_EQ(patient.read(), "-ERR Protocol error: too big request");
  TestClient known = connect();
  EXPECT_EQ(known({"AUTH", "app", "a-word"}), "+OK");
  EXPECT_EQ(known({"SET", "k", std::string(1 << 20, 'x')}), "+OK");
}

TEST_F(UsersServerTest, EachActsAsItsUserOfTheServers) {
  start();
  TestClient app = connect();
  EXPECT_EQ(app.call({"HELLO", "3", "AUTH", "app", "a-word"}).type, resp::ReplyType::kMap);
  EXPECT_EQ(app({"ACL", "WHOAMI"}), std::string("$") + engine::kTestUser);
  EXPECT_EQ(app({"SET", "app:1", "one"}), "+OK");
  EXPECT_EQ(app({"SET", "other", "two"}), "+OK");
  TestClient looker = connect();
  EXPECT_EQ(looker({"AUTH", "looker", "l-word"}), "+OK");
  EXPECT_EQ(looker({"ACL", "WHOAMI"}), "$reader");
  EXPECT_EQ(looker({"GET", "app:1"}), "$one");
  EXPECT_THAT(looker({"GET", "other"}), StartsWith("-NOPERM"));
  EXPECT_THAT(looker({"SET", "app:1", "x"}), StartsWith("-NOPERM"));
  EXPECT_THAT(app({"CLIENT", "LIST"}), testing::AllOf(HasSubstr("user=looker"), HasSubstr("user=app")));
  EXPECT_EQ(app({"CLIENT", "KILL", "USER", "looker"}), ":1");
  EXPECT_EQ(looker({"PING"}), "");
}

TEST_F(UsersServerTest, ADefaultUserWithoutPasswordIsWhoeverDoesNotLogIn) {
  users_["default"] = {true, {}, {"reader", "r-word"}};
  take_users();
  options_.anonymous = users_["default"].upstream;
  options_.login_required = false;
  start();
  TestClient client = connect();
  EXPECT_EQ(client({"ACL", "WHOAMI"}), "$reader");
  EXPECT_EQ(client({"AUTH", "whatever"}), "+OK");
  EXPECT_EQ(client({"ACL", "WHOAMI"}), "$reader");
  EXPECT_EQ(client({"AUTH", "app", "a-word"}), "+OK");
  EXPECT_EQ(client({"ACL", "WHOAMI"}), std::string("$") + engine::kTestUser);
}

TEST_F(UsersServerTest, AReloadDisconnectsThoseWhoseRightsItTakes) {
  users_["other"] = user_of("o-word", {"reader", "r-word"});
  take_users();
  start();
  TestClient app = connect(), looker = connect(), other = connect(), stranger = connect();
  EXPECT_EQ(app({"AUTH", "app", "a-word"}), "+OK");
  EXPECT_EQ(looker({"AUTH", "looker", "l-word"}), "+OK");
  EXPECT_EQ(other({"AUTH", "other", "o-word"}), "+OK");
  EXPECT_EQ(stranger({"PING"}), kNotYet);
  users_["app"].passwords = {hash_password("new")};
  users_["other"].upstream = {engine::kTestUser, engine::kTestPassword};
  users_.erase("looker");
  reload();
  EXPECT_EQ(looker.read(), "") << "it is no user any more";
  EXPECT_EQ(other.read(), "") << "it would act as somebody else";
  EXPECT_EQ(app({"SET", "k", "1"}), "+OK") << "it only has another password";
  EXPECT_EQ(stranger({"AUTH", "app", "a-word"}), kDenied);
  EXPECT_EQ(stranger({"AUTH", "app", "new"}), "+OK");
  EXPECT_EQ(stranger({"GET", "k"}), "$1");
}

TEST_F(UsersServerTest, WithUsersOfItsOwnThoseOfTheServersAreOut) {
  options_.users = nullptr;
  options_.login_required = false;
  options_.anonymous = {engine::kTestUser, engine::kTestPassword};
  start();
  TestClient known = connect(), stranger = connect();
  EXPECT_EQ(known({"AUTH", "reader", "r-word"}), "+OK");
  EXPECT_EQ(stranger({"PING"}), "+PONG");
  options_.login_required = true;
  options_.anonymous = {};
  reload();
  EXPECT_EQ(known.read(), "");
  EXPECT_EQ(stranger.read(), "");
  EXPECT_EQ(connect()({"PING"}), kNotYet);
}

TEST_F(UsersServerTest, ANewPasswordAtTheServersDropsNobody) {
  options_.workers = 1;
  start();
  TestClient looker = connect();
  EXPECT_EQ(looker({"AUTH", "looker", "l-word"}), "+OK");
  EXPECT_EQ(looker({"GET", "app:1"}), "nil");
  for (size_t node = 0; node < 3; ++node) {
    auto set = servers_.fleet.call(cluster_->address(node),
                                   {"ACL", "SETUSER", "reader", "resetpass", ">s-word"}, 2000);
    ASSERT_TRUE(set && set->ok());
  }
  users_["looker"].upstream.password = "s-word";
  reload();
  EXPECT_EQ(looker({"GET", "app:1"}), "nil");
  looker.send_command({"CLIENT", "TRACKING", "ON"});  // on connections that are made for it
  EXPECT_THAT(looker.read(), Not(HasSubstr("WRONGPASS")));
  EXPECT_EQ(looker({"GET", "app:1"}), "nil");
}

}  // namespace
}  // namespace keyway::proxy
