#include "platform/local/store.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

#include "platform/local/lock.h"
#include "platform/local/test_home.h"
#include "platform/local/users.h"

namespace keyway::platform::local {
namespace {

using cluster::Mode;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Nothing but the store's own lock is left in the home.
bool is_untouched(const std::string& home) {
  if (!file_exists(clusters_folder(home))) return true;
  return std::filesystem::is_empty(clusters_folder(home));
}

TEST(CreateCluster, RecordsNodesPortsAndUsers) {
  TestHome home;
  cluster::Spec spec = test_spec(Mode::kSharded, 2, 1);
  Result<Created> created = create_cluster(home.path, spec);
  ASSERT_TRUE(created) << created.error().message;
  ClusterPaths paths = cluster_paths(home.path, "blue");
  ClusterState state = load_state(paths).value();
  ASSERT_EQ(state.nodes.size(), 4u);
  EXPECT_EQ(state.nodes, created->state.nodes);
  std::set<std::string> ids;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(state.nodes[i].port, spec.port + static_cast<int>(i));
    EXPECT_EQ(state.nodes[i].id.size(), 40u);
    EXPECT_EQ(state.nodes[i].id.find_first_not_of("0123456789abcdef"), std::string::npos);
    ids.insert(state.nodes[i].id);
  }
  EXPECT_EQ(ids.size(), 4u);
  EXPECT_EQ(state.nodes[0].name, "p1-0");
  EXPECT_EQ(state.nodes[3].name, "p2-1");
  EXPECT_EQ(state.nodes[3].shard, "p2");
  EXPECT_EQ(state.engine_path, spec.engine.path);
  EXPECT_TRUE(load_users(paths.users_file()).value().password("workload"));
  struct stat about{};
  ASSERT_EQ(::stat(paths.folder.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0700u);
  Result<Created> again = create_cluster(home.path, spec);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
}

TEST(CreateCluster, LeavesNoTraceOfWhatItRefuses) {
  TestHome home;
  cluster::Spec bad_config = test_spec(Mode::kReplicated, 1, 0);
  bad_config.config["maxmemory-policy"] = "best";
  EXPECT_THAT(create_cluster(home.path, bad_config).error().message,
              HasSubstr("spec.config.maxmemory-policy"));
  cluster::Spec no_engine = test_spec(Mode::kReplicated, 1, 0);
  no_engine.engine.path = "/nowhere";
  EXPECT_EQ(create_cluster(home.path, no_engine).error().code, ErrorCode::kNotFound);
  cluster::Spec invalid = test_spec(Mode::kReplicated, 1, 0);
  invalid.name = "../up";
  EXPECT_EQ(create_cluster(home.path, invalid).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(is_untouched(home.path));
}

TEST(CreateCluster, SecondClusterGetsOtherPortsThoughNothingListens) {
  TestHome home;
  cluster::Spec blue = test_spec(Mode::kReplicated, 1, 1);
  cluster::Spec red = blue;
  red.name = "red";
  ASSERT_TRUE(create_cluster(home.path, blue));
  Result<Created> taken = create_cluster(home.path, red);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kConflict);
  EXPECT_THAT(taken.error().message, HasSubstr("belongs to cluster blue"));
  red.port = 0;
  Result<Created> created = create_cluster(home.path, red);
  ASSERT_TRUE(created) << created.error().message;
  for (const NodeState& node : created->state.nodes) {
    EXPECT_GE(node.port, kDefaultBasePort);
    EXPECT_FALSE(node.port >= blue.port && node.port <= blue.port + 1);
  }
  cluster::Spec green = red;
  green.name = "green";
  EXPECT_GT(create_cluster(home.path, green).value().state.nodes[0].port, created->state.nodes[1].port);
}

TEST(CreateCluster, SweepsWhatAKilledOneLeft) {
  TestHome home;
  std::string left = clusters_folder(home.path) + "/.new-blue/nodes";
  ASSERT_TRUE(prepare_home(home.path));
  ASSERT_TRUE(make_private_folder(left));
  ASSERT_TRUE(create_cluster(home.path, test_spec(Mode::kReplicated, 1, 0)));
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(clusters_folder(home.path))) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names, ElementsAre("blue"));
}

TEST(ListClusters, ShowsSupervisorsAndDamage) {
  TestHome home;
  EXPECT_TRUE(list_clusters(home.path + "/none").value().empty());
  ASSERT_TRUE(create_cluster(home.path, test_spec(Mode::kReplicated, 1, 0)));
  std::string damaged = cluster_paths(home.path, "damaged").folder;
  ASSERT_TRUE(make_private_folder(damaged));
  ASSERT_TRUE(replace_file(damaged + "/state.json", "{", Durability::kVolatile));
  Result<FileLock> lock = FileLock::take(cluster_paths(home.path, "blue").lock_file());
  ASSERT_TRUE(lock);
  std::vector<ClusterEntry> entries = list_clusters(home.path).value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name, "blue");
  EXPECT_EQ(entries[0].supervisor_pid, ::getpid());
  EXPECT_TRUE(entries[0].state);
  EXPECT_EQ(entries[1].name, "damaged");
  EXPECT_EQ(entries[1].supervisor_pid, 0);
  ASSERT_TRUE(entries[1].error);
  EXPECT_EQ(entries[1].error->code, ErrorCode::kCorrupt);
}

TEST(DeleteCluster, OnlyWithoutSupervisorAndServers) {
  TestHome home;
  EXPECT_EQ(delete_cluster(home.path, "blue").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(delete_cluster(home.path, "../x").error().code, ErrorCode::kNotFound);
  Result<Created> created = create_cluster(home.path, test_spec(Mode::kReplicated, 1, 0));
  ASSERT_TRUE(created) << created.error().message;
  ClusterPaths paths = cluster_paths(home.path, "blue");
  {
    Result<FileLock> lock = FileLock::take(paths.lock_file());
    Status held = delete_cluster(home.path, "blue");
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().code, ErrorCode::kConflict);
    EXPECT_THAT(held.error().message, AllOf(HasSubstr("keyway down"), HasSubstr(std::to_string(::getpid()))));
  }
  NodePaths node = paths.node("p1-0");
  ASSERT_TRUE(make_private_folder(node.folder));
  Result<ProcessIdentity> server = launch(Launch{created->state.engine_path,
                                                 {"--port", "0", "--unixsocket", "s", "--save", ""},
                                                 node.folder,
                                                 node.log_file()});
  ASSERT_TRUE(server);
  Status running = delete_cluster(home.path, "blue");
  ASSERT_FALSE(running);
  EXPECT_THAT(running.error().message, HasSubstr("p1-0"));
  end_process(server->pid);
  ASSERT_TRUE(delete_cluster(home.path, "blue"));
  EXPECT_TRUE(is_untouched(home.path));
}

TEST(SyncNodes, GrowsShrinksAndTakesBack) {
  TestHome home;
  cluster::Spec spec = test_spec(Mode::kSharded, 2, 0);
  ClusterState state = create_cluster(home.path, spec).value().state;
  cluster::Spec larger = cluster::default_spec("blue", Mode::kSharded, 3, 0);
  larger.host = spec.host;
  ASSERT_TRUE(sync_nodes(home.path, larger, state));
  ASSERT_EQ(state.nodes.size(), 3u);
  EXPECT_EQ(state.nodes[2].name, "p3-0");
  EXPECT_GT(state.nodes[2].port, state.nodes[1].port);
  std::string id = state.nodes[2].id;
  ASSERT_TRUE(sync_nodes(home.path, spec, state));
  ASSERT_EQ(state.nodes.size(), 3u) << "on record until it is removed";
  EXPECT_TRUE(state.nodes[2].removing);
  EXPECT_FALSE(state.nodes[1].removing);
  ASSERT_TRUE(sync_nodes(home.path, larger, state));
  EXPECT_FALSE(state.nodes[2].removing);
  EXPECT_EQ(state.nodes[2].id, id);
}

}  // namespace
}  // namespace keyway::platform::local
