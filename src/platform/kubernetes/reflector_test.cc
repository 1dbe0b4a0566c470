#include "platform/kubernetes/reflector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "platform/kubernetes/test_api_server.h"

namespace keyway::platform::kubernetes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string pod(const std::string& name, int version, const std::string& phase = "Running") {
  return fmt::format(R"({{"kind":"Pod","metadata":{{"name":"{}","namespace":"data","resourceVersion":"{}",)"
                     R"("managedFields":[{{"manager":"x"}}]}},"status":{{"phase":"{}"}}}})",
                     name, version, phase);
}

std::string list(const std::vector<std::string>& items, int version, const std::string& token = "") {
  return fmt::format(
      R"({{"kind":"PodList","metadata":{{"resourceVersion":"{}","continue":"{}"}},"items":[{}]}})", version,
      token, join(items, ","));
}

std::string event(const std::string& type, const std::string& object) {
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
}

std::string expired() {
  return event("ERROR", R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})");
}

bool is_watch(const TestRequest& request) { return request.target.find("watch=1") != std::string::npos; }

class ReflectorTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.backoff_min_ms = 1;
    options_.backoff_max_ms = 20;
    client_options_.backoff_min_ms = 1;
    server_.handler = [this](const TestRequest& request, TestApiPeer& peer) {
      if (is_watch(request)) {
        watches_.push_back(peer.shared_from_this());
        targets_.push_back(request.target);
        if (on_watch_) return on_watch_(peer);
        return peer.begin_chunks();
      }
      ++lists_;
      if (on_list_) return on_list_(request, peer);
      peer.answer(200, list_);
    };
  }
  void TearDown() override {
    reflector_.reset();
    client_.reset();
  }

  Reflector& start() {
    client_.emplace(io_, server_.config(), client_options_);
    cache_.emplace(parse_pod, max_objects_, [this](const PodView* before, const PodView* now) {
      const PodView& one = now != nullptr ? *now : *before;
      changes_.push_back((before == nullptr ? "+" : now == nullptr ? "-" : "~") + one.meta.name);
    });
    reflector_.emplace(*client_, kPods, "data", *cache_, options_);
    return *reflector_;
  }
  bool watching(size_t count) {
    return run_until(io_, [&] { return watches_.size() >= count; });
  }
  bool eventually(const std::function<bool()>& condition) { return run_until(io_, condition); }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [key, view] : cache_->objects()) names.push_back(key);
    return names;
  }
  std::string phase(const std::string& key) const {
    const PodView* view = cache_->find(key);
    return view == nullptr ? "" : view->phase;
  }

  boost::asio::io_context io_;
  TestApiServer server_{io_};
  ReflectorOptions options_;
  ApiClientOptions client_options_;
  size_t max_objects_ = 1'000;
  std::optional<ApiClient> client_;
  std::optional<ObjectCache<PodView>> cache_;
  std::optional<Reflector> reflector_;
  std::string list_ = list({pod("a", 1), pod("b", 2)}, 5);
  std::function<void(const TestRequest&, TestApiPeer&)> on_list_;
  std::function<void(TestApiPeer&)> on_watch_;
  int lists_ = 0;
  std::vector<std::shared_ptr<TestApiPeer>> watches_;
  std::vector<std::string> targets_;
  std::vector<std::string> changes_;
};

TEST_F(ReflectorTest, ListsThenFollows) {
  options_.list.label_selector = "role=partition-shard";
  start();
  ASSERT_TRUE(watching(1));
  EXPECT_TRUE(reflector_->synced());
  EXPECT_THAT(names(), ElementsAre("data/a", "data/b"));
  EXPECT_THAT(targets_[0], HasSubstr("resourceVersion=5"));
  EXPECT_THAT(targets_[0], HasSubstr("allowWatchBookmarks=true"));
  EXPECT_THAT(targets_[0], HasSubstr("labelSelector=role%3Dpartition-shard"));
  watches_[0]->chunk(event("ADDED", pod("c", 6)) + event("MODIFIED", pod("a", 7, "Failed")));
  watches_[0]->chunk(event("DELETED", pod("b", 8)));
  ASSERT_TRUE(eventually([&] { return cache_->find("data/b") == nullptr; }));
  EXPECT_THAT(names(), ElementsAre("data/a", "data/c"));
  EXPECT_EQ(phase("data/a"), "Failed");
  EXPECT_THAT(changes_, ElementsAre("+a", "+b", "+c", "~a", "-b"));
  EXPECT_EQ(lists_, 1);
}

TEST_F(ReflectorTest, PagesArePutTogether) {
  on_list_ = [](const TestRequest& request, TestApiPeer& peer) {
    bool second = request.target.find("continue=more%2B") != std::string::npos;
    peer.answer(200, second ? list({pod("b", 2)}, 5) : list({pod("a", 1)}, 5, "more+"));
  };
  start();
  ASSERT_TRUE(watching(1));
  EXPECT_THAT(names(), ElementsAre("data/a", "data/b"));
  EXPECT_EQ(lists_, 2);
}

TEST_F(ReflectorTest, APageThatIsTooOldBeginsTheListAnew) {
  bool once = false;
  on_list_ = [&once](const TestRequest& request, TestApiPeer& peer) {
    bool second = request.target.find("continue=") != std::string::npos;
    if (second && !std::exchange(once, true))
      return peer.answer(410, R"({"kind":"Status","code":410,"reason":"Expired","message":"old"})");
    peer.answer(200, second ? list({pod("b", 2)}, 5) : list({pod("a", 1)}, 5, "more"));
  };
  start();
  ASSERT_TRUE(watching(1));
  EXPECT_THAT(names(), ElementsAre("data/a", "data/b"));
  EXPECT_EQ(lists_, 4);
}

TEST_F(ReflectorTest, AChangeOfTheVersionAloneIsNoChange) {
  start();
  ASSERT_TRUE(watching(1));
  watches_[0]->chunk(event("MODIFIED", pod("a", 9)));
  ASSERT_TRUE(eventually([&] { return cache_->find("data/a")->meta.resource_version == "9"; }));
  EXPECT_THAT(changes_, ElementsAre("+a", "+b"));
}

TEST_F(ReflectorTest, AWatchThatEndsGoesOnWhereItWas) {
  start();
  ASSERT_TRUE(watching(1));
  watches_[0]->chunk(event("ADDED", pod("c", 6)));
  watches_[0]->chunk(event("BOOKMARK", R"({"kind":"Pod","metadata":{"resourceVersion":"20"}})"));
  watches_[0]->end_chunks();
  ASSERT_TRUE(watching(2));
  EXPECT_THAT(targets_[1], HasSubstr("resourceVersion=20"));
  EXPECT_EQ(lists_, 1);
  EXPECT_FALSE(reflector_->problem());
}

TEST_F(ReflectorTest, AWatchThatIsCutInMidLineLosesNothing) {
  start();
  ASSERT_TRUE(watching(1));
  std::string whole = event("ADDED", pod("c", 6));
  std::string half = event("ADDED", pod("d", 7));
  watches_[0]->chunk(whole + half.substr(0, half.size() / 2));
  ASSERT_TRUE(eventually([&] { return cache_->find("data/c") != nullptr; }));
  watches_[0]->close();
  ASSERT_TRUE(watching(2));
  EXPECT_THAT(targets_[1], HasSubstr("resourceVersion=6"));
  EXPECT_EQ(cache_->find("data/d"), nullptr);
  for (char c : half) watches_[1]->chunk(std::string(1, c));
  EXPECT_TRUE(eventually([&] { return cache_->find("data/d") != nullptr; }));
}

TEST_F(ReflectorTest, GoneWithinTheWatchMeansAnotherList) {
  start();
  ASSERT_TRUE(watching(1));
  list_ = list({pod("b", 30, "Failed"), pod("z", 31)}, 40);
  watches_[0]->chunk(expired());
  ASSERT_TRUE(watching(2));
  EXPECT_THAT(targets_[1], HasSubstr("resourceVersion=40"));
  EXPECT_THAT(names(), ElementsAre("data/b", "data/z"));
  EXPECT_THAT(changes_, ElementsAre("+a", "+b", "~b", "+z", "-a"));
}

TEST_F(ReflectorTest, GoneAsTheAnswerMeansAnotherList) {
  on_watch_ = [this](TestApiPeer& peer) {
    if (watches_.size() == 1)
      return peer.answer(410, R"({"kind":"Status","code":410,"reason":"Gone","message":"old"})");
    peer.begin_chunks();
  };
  start();
  ASSERT_TRUE(watching(2));
  EXPECT_EQ(lists_, 2);
  EXPECT_TRUE(eventually([&] { return !reflector_->problem(); }));
}

TEST_F(ReflectorTest, AHalfOpenWatchIsCut) {
  options_.silence_ms = 50;
  start();
  ASSERT_TRUE(watching(2));
  EXPECT_EQ(lists_, 1);
}

TEST_F(ReflectorTest, NonsenseInTheWatchMeansAnotherList) {
  start();
  ASSERT_TRUE(watching(1));
  watches_[0]->chunk("nonsense\n");
  ASSERT_TRUE(watching(2));
  EXPECT_EQ(lists_, 2);
}

TEST_F(ReflectorTest, AServerThatIsDownIsWaitedFor) {
  bool up = false;
  on_list_ = [this, &up](const TestRequest&, TestApiPeer& peer) {
    up ? peer.answer(200, list_) : peer.answer(500, "oh");
  };
  start();
  ASSERT_TRUE(eventually([&] { return reflector_->problem().has_value(); }));
  EXPECT_EQ(reflector_->problem()->code, ApiCode::kServerError);
  EXPECT_FALSE(reflector_->synced());
  up = true;
  ASSERT_TRUE(watching(1));
  EXPECT_TRUE(reflector_->synced());
  EXPECT_FALSE(reflector_->problem());
}

TEST_F(ReflectorTest, ASlowListIsWaitedFor) {
  boost::asio::steady_timer timer(io_);
  on_list_ = [&](const TestRequest&, TestApiPeer& peer) {
    timer.expires_after(std::chrono::milliseconds(200));
    timer.async_wait([this, self = peer.shared_from_this()](auto) { self->answer(200, list_); });
  };
  start();
  ASSERT_TRUE(watching(1));
  EXPECT_EQ(lists_, 1);
}

TEST_F(ReflectorTest, ForbiddenIsToldAndTriedAgainSlowly) {
  on_list_ = [](const TestRequest&, TestApiPeer& peer) {
    peer.answer(403, R"({"kind":"Status","code":403,"reason":"Forbidden","message":"pods is forbidden"})");
  };
  start();
  ASSERT_TRUE(eventually([&] { return lists_ >= 3; }));
  EXPECT_EQ(reflector_->problem()->code, ApiCode::kForbidden);
}

TEST_F(ReflectorTest, AnObjectThatCannotBeReadHoldsUpNoOther) {
  list_ = list({R"({"kind":"Pod"})", pod("a", 1)}, 5);
  start();
  ASSERT_TRUE(watching(1));
  EXPECT_THAT(names(), ElementsAre("data/a"));
  ASSERT_TRUE(reflector_->problem());
  EXPECT_THAT(reflector_->problem()->message, HasSubstr("no name"));
}

TEST_F(ReflectorTest, TheCacheIsBounded) {
  max_objects_ = 1;
  start();
  ASSERT_TRUE(watching(1));
  EXPECT_THAT(names(), ElementsAre("data/a"));
  ASSERT_TRUE(reflector_->problem());
  EXPECT_THAT(reflector_->problem()->message, HasSubstr("more than 1 objects"));
}

TEST_F(ReflectorTest, EndsAtOnce) {
  start();
  ASSERT_TRUE(watching(1));
  reflector_.reset();
  watches_[0]->chunk(event("ADDED", pod("c", 6)));
  EXPECT_FALSE(run_until(io_, [&] { return cache_->find("data/c") != nullptr; }, 50));
}

}  // namespace
}  // namespace keyway::platform::kubernetes
