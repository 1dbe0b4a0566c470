#include "operator/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "operator/parts.h"
#include "operator/test_kubernetes.h"
#include "platform/kubernetes/resource.h"

namespace keyway::operators {
namespace {

namespace kubernetes = platform::kubernetes;
using Json = nlohmann::json;

const std::string kCluster = "/apis/keyway.dev/v1alpha1/namespaces/data/keywayclusters/app";

std::string pod_path(const std::string& name) { return "/api/v1/namespaces/data/pods/" + name; }

class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() {
    api_.put(kCluster, {{"spec", {{"shards", 1}}}});
    for (const char* name : {"one", "other"}) api_.put(pod_path(name), {{"spec", Json::object()}});
    cluster_ = *parse_cluster(api_.find(kCluster).dump());
  }

  ServerPod seen(const std::string& name) { return *parse_server_pod(api_.find(pod_path(name)).dump()); }

  // Carries out each in turn, as the operator does: in a thread of its own, while the server's loop turns
  // here.
  void carry_out(const std::vector<std::pair<Snapshot, ServerPod>>& looks) {
    std::atomic<bool> done = false;
    std::thread thread([&] {
      boost::asio::io_context io{1};
      kubernetes::ApiClient client(io, api_.server.config());
      const World world(client, "data", budgets_, [](const std::string&) {});
      Executor executor(client, world, [] { return true; });
      for (const auto& [snapshot, pod] : looks) {
        Decision decision;
        decision.after.push_back(delete_deed(kubernetes::kPods, pod.meta, {pod.meta.uid, false, "Test", ""}));
        EXPECT_TRUE(executor.carry_out(snapshot, decision).empty());
      }
      done = true;
    });
    EXPECT_TRUE(kubernetes::run_until(io_, [&] { return done.load(); }, 10'000));
    thread.join();
  }

  Snapshot snapshot(std::vector<ServerPod> pods) const {
    Snapshot snapshot;
    snapshot.cluster = cluster_;
    snapshot.pods = std::move(pods);
    return snapshot;
  }

  boost::asio::io_context io_;
  TestKubernetes api_{io_};
  ClusterView cluster_;
  ResourceType budgets_{"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"};
};

TEST_F(ExecutorTest, NoPodGoesWhileTheLastOneStillShows) {
  const ServerPod one = seen("one");
  const ServerPod other = seen("other");
  const Snapshot before = snapshot({one, other});
  carry_out({{before, one}, {before, other}});
  EXPECT_TRUE(api_.find(pod_path("one")).is_null());
  EXPECT_FALSE(api_.find(pod_path("other")).is_null()) << "the snapshot is older than the first deletion";
}

TEST_F(ExecutorTest, TheNextPodGoesWhenTheLastOneShowsAsGone) {
  const ServerPod one = seen("one");
  const ServerPod other = seen("other");
  ServerPod ending = one;
  ending.meta.deleting = true;
  carry_out({{snapshot({one, other}), one}, {snapshot({ending, other}), other}});
  EXPECT_TRUE(api_.find(pod_path("one")).is_null());
  EXPECT_TRUE(api_.find(pod_path("other")).is_null());
}

}  // namespace
}  // namespace keyway::operators
