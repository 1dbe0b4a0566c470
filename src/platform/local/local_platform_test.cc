// LocalPlatform with real servers: their whole life, and every way in which a supervisor can lose sight of
// them.
#include "platform/local/local_platform.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "engine/fleet.h"
#include "platform/local/store.h"
#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using cluster::DataOnDisk;
using cluster::Mode;
using cluster::NodeFacts;
using cluster::Process;
using cluster::StartNode;
using testing::AllOf;
using testing::HasSubstr;

class LocalPlatformTest : public testing::Test {
 protected:
  void create(const cluster::Spec& spec) {
    spec_ = spec;
    Result<Created> created = create_cluster(home_.path, spec);
    ASSERT_TRUE(created) << created.error().message;
    paths_ = cluster_paths(home_.path, spec.name);
    open();
  }

  // A supervisor that comes; the one before, if any, has to be gone.
  void open() {
    Result<std::unique_ptr<LocalPlatform>> opened =
        LocalPlatform::open(io_, home_.path, "blue", [this] { ++exits_; });
    ASSERT_TRUE(opened) << opened.error().message;
    platform_ = std::move(*opened);
  }

  NodeFacts facts(const std::string& node) {
    cluster::Observed observed = platform_->look();
    const NodeFacts* found = observed.find(node);
    EXPECT_NE(found, nullptr) << node;
    return found != nullptr ? *found : NodeFacts{};
  }

  StartNode step(const std::string& node) {
    StartNode start;
    start.node = node;
    start.config = platform_->desired().shards[0].config;
    return start;
  }

  resp::Reply ask(const std::string& node, const resp::Command& command) {
    engine::Fleet fleet(io_, [this] {
      Platform::Account account = platform_->account();
      return engine::Credentials{account.user, account.password};
    });
    Result<resp::Reply> reply = fleet.call(facts(node).address, command, 2000);
    if (reply) return *reply;
    resp::Reply error;
    error.type = resp::ReplyType::kError;
    error.text = reply.error().message;
    return error;
  }

  bool answers(const std::string& node) {
    return wait_until([&] { return ask(node, {"PING"}).text == "PONG"; });
  }

  void start(const StartNode& start) {
    Status started = platform_->start(start);
    ASSERT_TRUE(started) << started.error().message;
    ASSERT_TRUE(answers(start.node)) << read_tail(log_of(start.node), 0, 4096);
  }
  void start(const std::string& node) { start(step(node)); }

  void give_users(const std::string& node) {
    Result<std::vector<resp::Command>> commands = platform_->stage_users(node);
    ASSERT_TRUE(commands) << commands.error().message;
    for (const resp::Command& command : *commands) ASSERT_FALSE(ask(node, command).is_error()) << command[2];
    ASSERT_TRUE(platform_->users_applied(node));
  }

  bool becomes(const std::string& node, Process process) {
    return wait_until([&] {
      io_.restart();
      io_.poll();
      return facts(node).process == process;
    });
  }

  // The end of a server whose start fails, seen by the platform.
  NodeFacts fail_start(const std::string& node) {
    EXPECT_TRUE(platform_->start(step(node)));
    EXPECT_TRUE(becomes(node, Process::kStopped));
    return facts(node);
  }

  std::string log_of(const std::string& node) { return paths_.node(node).log_file(); }

  TestHome home_;
  boost::asio::io_context io_;
  cluster::Spec spec_;
  ClusterPaths paths_;
  std::unique_ptr<LocalPlatform> platform_;
  int exits_ = 0;
};

TEST_F(LocalPlatformTest, StartsAndStopsAServer) {
  create(test_spec(Mode::kReplicated, 1, 0));
  NodeFacts before = facts("p1-0");
  EXPECT_EQ(before.process, Process::kNeverStarted);
  EXPECT_EQ(before.data, DataOnDisk::kNone);
  EXPECT_EQ(before.address, (Address{"127.0.0.1", static_cast<uint16_t>(spec_.port)}));
  int64_t started_after = platform_->wall_ms();
  start("p1-0");
  NodeFacts running = facts("p1-0");
  EXPECT_EQ(running.process, Process::kRunning);
  EXPECT_TRUE(is_alive(*identify(running.pid)));
  EXPECT_GE(running.started_ms, started_after);
  EXPECT_EQ(running.applied_config, platform_->desired().shards[0].config);
  EXPECT_EQ(running.applied_users, platform_->desired().users_fingerprint);
  EXPECT_EQ(platform_->start(step("p1-0")).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(ask("p1-0", {"SET", "key", "value"}).ok());

  ASSERT_TRUE(platform_->stop("p1-0", true));
  ASSERT_TRUE(becomes("p1-0", Process::kStopped));
  NodeFacts stopped = facts("p1-0");
  EXPECT_EQ(stopped.failed_starts, 0);
  EXPECT_EQ(stopped.data, DataOnDisk::kPresent);
  EXPECT_EQ(stopped.note, "was stopped");
  EXPECT_EQ(exits_, 1);
  EXPECT_TRUE(platform_->stop("p1-0", true)) << "stopping twice is no error";
  start("p1-0");
  EXPECT_EQ(ask("p1-0", {"GET", "key"}).text, "value");
}

class LocalPlatformOn : public LocalPlatformTest, public testing::WithParamInterface<engine::TestEngine> {};

// Two nodes that wake up with tables naming each other, with the replica in its place.
TEST_P(LocalPlatformOn, StartsAShardFromItsTables) {
  cluster::Spec spec = test_spec(Mode::kSharded, 1, 1);
  spec.engine = engine_spec(GetParam());
  create(spec);
  std::vector<cluster::PeerView> peers;
  for (const NodeState& node : platform_->state().nodes) {
    cluster::PeerView peer;
    peer.id = node.id;
    peer.address = {spec.host, node.port};
    peer.bus_port = static_cast<uint16_t>(node.port + 10000);
    peer.shard_id = std::string(40, 'a');
    peer.config_epoch = 1;
    peer.primary = peers.empty();
    if (peer.primary)
      peer.slots = {{0, 16383}};
    else
      peer.primary_id = peers.front().id;
    peers.push_back(peer);
  }
  for (size_t i = 0; i < peers.size(); ++i) {
    StartNode with_table = step(platform_->state().nodes[i].name);
    with_table.table = peers;
    with_table.table[i].myself = true;
    with_table.current_epoch = 1;
    ASSERT_TRUE(platform_->start(with_table));
  }
  ASSERT_TRUE(answers("p1-0") && answers("p1-1"));
  EXPECT_TRUE(wait_until([&] { return ask("p1-0", {"SET", "key", "value"}).ok(); }))
      << ask("p1-0", {"CLUSTER", "INFO"}).text;
  EXPECT_TRUE(wait_until([&] { return ask("p1-0", {"WAIT", "1", "100"}).integer == 1; }));
  EXPECT_EQ(facts("p1-1").failed_starts, 0);
  for (const char* node : {"p1-0", "p1-1"}) ASSERT_TRUE(platform_->stop(node, true));
  EXPECT_TRUE(becomes("p1-0", Process::kStopped));
  EXPECT_TRUE(becomes("p1-1", Process::kStopped));
  EXPECT_EQ(facts("p1-1").data, DataOnDisk::kPresent);
}

INSTANTIATE_TEST_SUITE_P(Engines, LocalPlatformOn, testing::ValuesIn(engine::test_engines()),
                         engine_test_name);

TEST_F(LocalPlatformTest, KeepsSecretsToItself) {
  create(test_spec(Mode::kReplicated, 1, 0));
  start("p1-0");
  std::string password = platform_->account().password;
  int pid = facts("p1-0").pid;
  for (const char* file : {"cmdline", "environ"}) {
    EXPECT_THAT(read_file("/proc/" + std::to_string(pid) + "/" + file).value(),
                testing::Not(HasSubstr(password)));
  }
  EXPECT_THAT(read_file(log_of("p1-0")).value(), testing::Not(HasSubstr(password)));
  NodePaths node = paths_.node("p1-0");
  for (const std::string& path :
       {node.config_file(), node.users_file(), paths_.users_file(), paths_.state_file()}) {
    struct stat about{};
    ASSERT_EQ(::stat(path.c_str(), &about), 0) << path;
    EXPECT_EQ(about.st_mode & 0777, 0600u) << path;
  }
  for (const std::string& path : {node.users_file(), paths_.state_file(), paths_.run_file()}) {
    EXPECT_THAT(read_file(path).value(), testing::Not(HasSubstr(password))) << path;
  }
}

TEST_F(LocalPlatformTest, AnIdleLookWritesNothing) {
  create(test_spec(Mode::kReplicated, 1, 1));
  start("p1-0");
  struct stat before{};
  ASSERT_EQ(::stat(paths_.folder.c_str(), &before), 0);
  for (int i = 0; i < 100; ++i) platform_->look();
  struct stat after{};
  ASSERT_EQ(::stat(paths_.folder.c_str(), &after), 0);
  EXPECT_EQ(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

TEST_F(LocalPlatformTest, SeesAKilledServerWithoutAsking) {
  create(test_spec(Mode::kReplicated, 1, 0));
  start("p1-0");
  ::kill(facts("p1-0").pid, SIGKILL);
  ASSERT_TRUE(wait_until([&] {
    io_.restart();
    io_.poll();
    return exits_ == 1;
  }));
  NodeFacts stopped = facts("p1-0");
  EXPECT_EQ(stopped.process, Process::kStopped);
  EXPECT_THAT(stopped.note, HasSubstr("killed by signal 9"));
  EXPECT_EQ(stopped.failed_starts, 0) << "it had answered";
}

TEST_F(LocalPlatformTest, AServerOutlivesItsSupervisorAndIsAdopted) {
  create(test_spec(Mode::kReplicated, 1, 0));
  start("p1-0");
  NodeFacts before = facts("p1-0");
  platform_.reset();
  open();
  NodeFacts adopted = facts("p1-0");
  EXPECT_EQ(adopted.process, Process::kRunning);
  EXPECT_EQ(adopted.pid, before.pid);
  EXPECT_EQ(adopted.started_ms, before.started_ms);
  EXPECT_EQ(adopted.applied_config, before.applied_config);
  end_process(adopted.pid);
  EXPECT_TRUE(becomes("p1-0", Process::kStopped));
  EXPECT_GE(exits_, 1);
}

// The supervisor was killed between starting a server and writing down its pid, or what it wrote was lost.
TEST_F(LocalPlatformTest, FindsAServerThatIsNotOnRecord) {
  cluster::Spec spec = test_spec(Mode::kReplicated, 1, 0);
  spec.config["appendonly"] = "yes";
  spec.config["save"] = "";
  create(spec);
  start("p1-0");
  NodeFacts before = facts("p1-0");
  platform_.reset();
  ASSERT_EQ(::unlink(paths_.run_file().c_str()), 0);
  open();
  NodeFacts adopted = facts("p1-0");
  EXPECT_EQ(adopted.process, Process::kRunning);
  EXPECT_EQ(adopted.pid, before.pid);
  EXPECT_EQ(adopted.applied_config, before.applied_config) << "read back from its redis.conf";
  EXPECT_NEAR(static_cast<double>(adopted.started_ms), static_cast<double>(before.started_ms), 100);
}

TEST_F(LocalPlatformTest, ALaterProcessWithThePidIsNotTheServer) {
  create(test_spec(Mode::kReplicated, 1, 0));
  start("p1-0");
  end_process(facts("p1-0").pid);
  platform_.reset();
  ClusterState state = load_state(paths_).value();
  std::optional<ProcessIdentity> self = identify(::getpid());
  ASSERT_TRUE(self);
  state.nodes[0].run.process = *self;
  state.nodes[0].run.process.start_ticks -= 1;
  ASSERT_TRUE(save_run(paths_, state));
  open();
  EXPECT_EQ(facts("p1-0").process, Process::kStopped);
  EXPECT_TRUE(platform_->stop("p1-0", false)) << "which ends no stranger";
  start("p1-0");
}

TEST_F(LocalPlatformTest, NamesAStrangerOnThePort) {
  create(test_spec(Mode::kSharded, 1, 0));
  TestHome elsewhere;
  std::string server = platform_->state().engine_path;
  for (int distance : {0, 10000}) {
    std::string port = std::to_string(spec_.port + distance);
    Result<ProcessIdentity> stranger =
        launch(Launch{server, {"--port", port, "--save", ""}, elsewhere.path, elsewhere.path + "/log"});
    ASSERT_TRUE(stranger);
    ASSERT_TRUE(becomes("p1-0", Process::kForeign));
    EXPECT_THAT(facts("p1-0").note, AllOf(HasSubstr("port " + port + " is held by"),
                                          HasSubstr("(pid " + std::to_string(stranger->pid) + ")")));
    end_process(stranger->pid);
    ASSERT_TRUE(becomes("p1-0", Process::kNeverStarted));
  }
}

TEST_F(LocalPlatformTest, AdoptsItsOwnServerStartedByHand) {
  create(test_spec(Mode::kReplicated, 1, 0));
  start("p1-0");
  end_process(facts("p1-0").pid);
  ASSERT_TRUE(becomes("p1-0", Process::kStopped));
  NodePaths node = paths_.node("p1-0");
  Result<ProcessIdentity> by_hand =
      launch(Launch{platform_->state().engine_path, {"redis.conf"}, node.folder, node.log_file()});
  ASSERT_TRUE(by_hand);
  ASSERT_TRUE(becomes("p1-0", Process::kRunning));
  EXPECT_EQ(facts("p1-0").pid, by_hand->pid);
  EXPECT_NE(facts("p1-0").applied_users, platform_->desired().users_fingerprint) << "given anew, to be sure";
}

TEST_F(LocalPlatformTest, WhatCouldNotBeWrittenOfAStartIsWrittenLater) {
  create(test_spec(Mode::kReplicated, 1, 0));
  std::filesystem::create_directories(paths_.run_file() + "/in_the_way");  // as good as a full disk
  EXPECT_FALSE(platform_->start(step("p1-0")));
  ASSERT_TRUE(answers("p1-0"));
  std::filesystem::remove_all(paths_.run_file());
  EXPECT_GT(facts("p1-0").pid, 0);
  platform_.reset();
  open();
  EXPECT_EQ(facts("p1-0").applied_users, platform_->desired().users_fingerprint) << "not adopted anew";
}

TEST_F(LocalPlatformTest, TellsDataThatCannotBeLoaded) {
  create(test_spec(Mode::kReplicated, 1, 0));
  start("p1-0");
  ASSERT_TRUE(ask("p1-0", {"SET", "key", "value"}).ok());
  ASSERT_TRUE(platform_->stop("p1-0", true));
  ASSERT_TRUE(becomes("p1-0", Process::kStopped));
  std::string dump = paths_.node("p1-0").folder + "/dump.rdb";
  std::string whole = read_file(dump).value();
  ASSERT_TRUE(replace_file(dump, whole.substr(0, whole.size() / 2), Durability::kVolatile));
  for (int tries = 1; tries <= 3; ++tries) {
    NodeFacts failed = fail_start("p1-0");
    EXPECT_TRUE(failed.unloadable);
    EXPECT_EQ(failed.failed_starts, tries);
    EXPECT_THAT(failed.note, HasSubstr("Short read"));
    EXPECT_EQ(failed.data, DataOnDisk::kPresent);
  }
  platform_.reset();
  open();
  EXPECT_EQ(facts("p1-0").failed_starts, 3) << "known to the next supervisor";
  ASSERT_TRUE(platform_->request_restart({"p1-0"}));
  EXPECT_FALSE(facts("p1-0").unloadable) << "whoever asks has repaired it";
  EXPECT_EQ(facts("p1-0").failed_starts, 0);
  EXPECT_TRUE(fail_start("p1-0").unloadable) << "or has not";
  ASSERT_TRUE(platform_->set_data_aside("p1-0", true));
  NodeFacts emptied = facts("p1-0");
  EXPECT_FALSE(emptied.unloadable);
  EXPECT_EQ(emptied.failed_starts, 0);
  EXPECT_EQ(emptied.data, DataOnDisk::kNone);
  start("p1-0");
  EXPECT_EQ(platform_->set_data_aside("p1-0", false).error().code, ErrorCode::kConflict) << "it runs";
}

TEST_F(LocalPlatformTest, AnEmptiedFolderIsNoData) {
  create(test_spec(Mode::kSharded, 1, 0));
  StartNode with_table = step("p1-0");
  cluster::PeerView self;
  self.id = platform_->state().nodes[0].id;
  self.address = facts("p1-0").address;
  self.myself = self.primary = true;
  self.config_epoch = 1;
  self.shard_id = std::string(40, 'a');
  self.slots = {{0, 16383}};
  with_table.table = {self};
  with_table.current_epoch = 1;
  start(with_table);
  EXPECT_EQ(ask("p1-0", {"CLUSTER", "MYID"}).text, self.id);
  EXPECT_TRUE(facts("p1-0").has_node_table);
  end_process(facts("p1-0").pid);
  ASSERT_TRUE(becomes("p1-0", Process::kStopped));
  ASSERT_TRUE(delete_folder(paths_.node("p1-0").folder));
  NodeFacts emptied = facts("p1-0");
  EXPECT_EQ(emptied.process, Process::kStopped);
  EXPECT_FALSE(emptied.has_node_table);
  EXPECT_EQ(emptied.data, DataOnDisk::kNone);
  start(with_table);
  EXPECT_EQ(ask("p1-0", {"CLUSTER", "MYID"}).text, self.id) << "the old identity is back";
}

TEST_F(LocalPlatformTest, ReplicasFollowAcrossRestarts) {
  create(test_spec(Mode::kReplicated, 1, 2));
  start("p1-0");
  StartNode replica = step("p1-1");
  replica.follow = "p1-0";
  start(replica);
  StartNode held = step("p1-2");
  held.hold = true;
  start(held);
  ASSERT_TRUE(wait_until([&] { return ask("p1-0", {"WAIT", "1", "100"}).integer == 1; }));
  EXPECT_EQ(ask("p1-2", {"SET", "x", "1"}).error_code(), "READONLY");
  EXPECT_THAT(ask("p1-2", {"INFO", "replication"}).text, HasSubstr("master_port:1\r"));
  ASSERT_TRUE(platform_->persist_follow("p1-2", "p1-0"));
  EXPECT_THAT(read_file(paths_.node("p1-2").config_file()).value(),
              HasSubstr("replicaof 127.0.0.1 " + std::to_string(spec_.port)));
  EXPECT_EQ(load_state(paths_).value().find("p1-2")->follow, "p1-0");
  ASSERT_TRUE(platform_->persist_follow("p1-1", ""));
  EXPECT_THAT(read_file(paths_.node("p1-1").config_file()).value(), testing::Not(HasSubstr("replicaof")));
  EXPECT_EQ(platform_->persist_follow("p1-1", "nobody").error().code, ErrorCode::kNotFound);
}

TEST_F(LocalPlatformTest, ASwitchOfPersistenceLosesNothing) {
  create(test_spec(Mode::kReplicated, 1, 0));
  start("p1-0");
  ASSERT_TRUE(ask("p1-0", {"SET", "key", "value"}).ok());
  ASSERT_TRUE(platform_->stop("p1-0", true));
  ASSERT_TRUE(becomes("p1-0", Process::kStopped));
  StartNode with_files = step("p1-0");
  with_files.config["appendonly"] = "yes";
  start(with_files);
  EXPECT_EQ(ask("p1-0", {"GET", "key"}).text, "value");
  EXPECT_EQ(facts("p1-0").applied_config.at("appendonly"), "no") << "to be switched while it runs";
  ASSERT_TRUE(ask("p1-0", {"CONFIG", "SET", "appendonly", "yes"}).ok());
  ASSERT_TRUE(platform_->persist_config("p1-0", with_files.config));
  ASSERT_TRUE(wait_until([&] {
    return ask("p1-0", {"INFO", "persistence"}).text.find("aof_rewrite_in_progress:0") != std::string::npos;
  }));
  end_process(facts("p1-0").pid);
  ASSERT_TRUE(becomes("p1-0", Process::kStopped));
  start(with_files);
  EXPECT_EQ(ask("p1-0", {"GET", "key"}).text, "value");
  EXPECT_EQ(facts("p1-0").applied_config, with_files.config);
}

TEST_F(LocalPlatformTest, ChangedUsersReachARunningServerWithoutCuttingTheOthers) {
  create(test_spec(Mode::kReplicated, 1, 0));
  start("p1-0");
  std::string kept = platform_->users().password("workload").value();
  engine::Fleet client(io_, [&] { return engine::Credentials{"workload", kept}; });
  Address address = facts("p1-0").address;
  int64_t id_before = client.call(address, {"CLIENT", "ID"}, 2000).value().integer;

  cluster::Spec changed = spec_;
  changed.users = {{"workload", "+@all -@dangerous +info ~*", true}, {"reader", "+@read ~*", true}};
  Result<std::vector<std::string>> applied = platform_->apply(changed);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(platform_->users().password("workload").value(), kept);
  EXPECT_NE(facts("p1-0").applied_users, platform_->desired().users_fingerprint);
  give_users("p1-0");
  EXPECT_EQ(facts("p1-0").applied_users, platform_->desired().users_fingerprint);
  engine::Fleet reader(
      io_, [&] { return engine::Credentials{"reader", platform_->users().password("reader").value()}; });
  EXPECT_TRUE(reader.call(address, {"GET", "x"}, 2000).value().is_null());
  EXPECT_EQ(client.call(address, {"CLIENT", "ID"}, 2000).value().integer, id_before);

  changed.users = {{"reader", "+@read ~*", true}};
  ASSERT_TRUE(platform_->apply(changed));
  platform_.reset();
  open();
  give_users("p1-0");
  EXPECT_THAT(ask("p1-0", {"ACL", "USERS"}).elements.size(), 3u) << "admin, default, reader";
  EXPECT_EQ(client.call(address, {"CLIENT", "ID"}, 2000).error().code, ErrorCode::kDenied);
}

TEST_F(LocalPlatformTest, AppliesAllOfASpecOrNothing) {
  create(test_spec(Mode::kSharded, 1, 0));
  std::string state = read_file(paths_.state_file()).value();
  std::string users = read_file(paths_.users_file()).value();
  cluster::Spec bad = spec_;
  bad.config["maxmemory-policy"] = "best";
  bad.users.push_back({"new", "+@all ~*", true});
  EXPECT_EQ(platform_->apply(bad).error().code, ErrorCode::kInvalidArgument);
  bad = spec_;
  bad.mode = Mode::kReplicated;
  EXPECT_FALSE(platform_->apply(bad));
  EXPECT_EQ(read_file(paths_.state_file()).value(), state);
  EXPECT_EQ(read_file(paths_.users_file()).value(), users);

  cluster::Spec larger = cluster::default_spec("blue", Mode::kSharded, 2, 0);
  larger.engine = spec_.engine;
  Result<LocalPlatform::Preview> preview = platform_->preview(larger, platform_->look());
  ASSERT_TRUE(preview) << preview.error().message;
  EXPECT_EQ(preview->desired.shards.size(), 2u);
  ASSERT_EQ(preview->observed.nodes.size(), 2u);
  EXPECT_EQ(preview->observed.nodes[1].name, "p2-0");
  EXPECT_GT(preview->observed.nodes[1].address.port, spec_.port);
  EXPECT_EQ(read_file(paths_.state_file()).value(), state);

  ASSERT_TRUE(platform_->apply(larger));
  EXPECT_EQ(platform_->desired().shards.size(), 2u);
  EXPECT_EQ(facts("p2-0").process, Process::kNeverStarted);
  EXPECT_EQ(platform_->state().spec.port, spec_.port) << "the port is kept";
  EXPECT_EQ(platform_->remove("p2-0").error().code, ErrorCode::kConflict) << "it is desired";
  ASSERT_TRUE(platform_->apply(spec_));
  EXPECT_EQ(platform_->look().nodes.size(), 2u) << "on record until it is removed";
  ASSERT_TRUE(platform_->remove("p2-0"));
  EXPECT_EQ(platform_->look().nodes.size(), 1u);
  EXPECT_TRUE(platform_->remove("p2-0")) << "removing twice is no error";
}

TEST_F(LocalPlatformTest, RecordsAndRequestsOutliveTheSupervisor) {
  create(test_spec(Mode::kReplicated, 1, 1));
  ASSERT_TRUE(platform_->record_primary("p1", "p1-1"));
  ASSERT_TRUE(platform_->record_data("p1"));
  ASSERT_TRUE(platform_->record_formed());
  ASSERT_TRUE(platform_->record_identity("p1-0", std::string(40, 'e')));
  ASSERT_TRUE(platform_->request_switchover("p1", "p1-0"));
  ASSERT_TRUE(platform_->request_restart({"p1-0"}));
  EXPECT_EQ(platform_->request_switchover("p9", "").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(platform_->request_switchover("p1", "p1-7").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(platform_->request_restart({"p1-0", "p9-0"}).error().code, ErrorCode::kNotFound);
  platform_.reset();
  open();
  cluster::Observed observed = platform_->look();
  EXPECT_EQ(observed.shards.at("p1").primary, "p1-1");
  EXPECT_TRUE(observed.shards.at("p1").held_data);
  EXPECT_TRUE(observed.formed);
  EXPECT_EQ(observed.find("p1-0")->id, std::string(40, 'e'));
  EXPECT_EQ(platform_->desired().switchover.at("p1"), "p1-0");
  EXPECT_GT(platform_->desired().restart_before_ms.at("p1-0"), 0);
  ASSERT_TRUE(platform_->clear_switchover("p1"));
  start("p1-0");
  EXPECT_TRUE(platform_->desired().switchover.empty());
  EXPECT_TRUE(platform_->desired().restart_before_ms.empty()) << "met by the start";
}

TEST_F(LocalPlatformTest, HasOneSupervisorAndAnyNumberOfViewers) {
  create(test_spec(Mode::kReplicated, 1, 0));
  start("p1-0");
  Result<std::unique_ptr<LocalPlatform>> second = LocalPlatform::open(io_, home_.path, "blue", [] {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(::getpid())));
  Result<std::unique_ptr<LocalPlatform>> viewer = LocalPlatform::open_read_only(home_.path, "blue");
  ASSERT_TRUE(viewer) << viewer.error().message;
  EXPECT_EQ((*viewer)->look().find("p1-0")->pid, facts("p1-0").pid);
  EXPECT_EQ((*viewer)->account().password, platform_->account().password);
  EXPECT_EQ((*viewer)->stop("p1-0", false).error().code, ErrorCode::kConflict);
  EXPECT_EQ((*viewer)->record_formed().error().code, ErrorCode::kConflict);
  EXPECT_EQ(LocalPlatform::open_read_only(home_.path, "red").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(LocalPlatform::open(io_, home_.path, "../blue", [] {}).error().code, ErrorCode::kNotFound);
}

TEST_F(LocalPlatformTest, RefusesADamagedRecord) {
  create(test_spec(Mode::kReplicated, 1, 0));
  platform_.reset();
  std::string good = read_file(paths_.state_file()).value();
  ASSERT_TRUE(replace_file(paths_.state_file(), good.substr(0, 100), Durability::kVolatile));
  EXPECT_EQ(LocalPlatform::open(io_, home_.path, "blue", [] {}).error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(replace_file(paths_.state_file(), "{\"format\": 99}", Durability::kVolatile));
  EXPECT_EQ(LocalPlatform::open_read_only(home_.path, "blue").error().code, ErrorCode::kUnsupported);
  ASSERT_TRUE(replace_file(paths_.state_file(), good, Durability::kVolatile));
  open();
}

TEST_F(LocalPlatformTest, ALostUsersFileIsMadeAnewOnlyIfNoServerRuns) {
  create(test_spec(Mode::kReplicated, 1, 0));
  start("p1-0");
  int pid = facts("p1-0").pid;
  std::string password = platform_->account().password;
  platform_.reset();
  ASSERT_EQ(::unlink(paths_.users_file().c_str()), 0);
  Result<std::unique_ptr<LocalPlatform>> refused = LocalPlatform::open(io_, home_.path, "blue", [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  end_process(pid);
  open();
  EXPECT_NE(platform_->account().password, password);
  start("p1-0");
}

TEST_F(LocalPlatformTest, AMissingEngineIsToldAtTheStart) {
  cluster::Spec spec = test_spec(Mode::kReplicated, 1, 0);
  TestHome engines;
  std::string copy = engines.path + "/redis-server";
  std::filesystem::copy_file(std::filesystem::canonical(spec.engine.path), copy);
  spec.engine.path = copy;
  create(spec);
  platform_.reset();
  ASSERT_EQ(::unlink(copy.c_str()), 0);
  open();
  Status started = platform_->start(step("p1-0"));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(started.error().message, HasSubstr(copy));
  EXPECT_EQ(facts("p1-0").process, Process::kNeverStarted);
}

TEST_F(LocalPlatformTest, ListensOnIpv6) {
  if (!test_port("::1", 0)) GTEST_SKIP() << "this machine has no ::1";
  cluster::Spec spec = test_spec(Mode::kReplicated, 1, 1);
  spec.host = "::1";
  spec.port = free_row(2, "::1");
  create(spec);
  start("p1-0");
  StartNode replica = step("p1-1");
  replica.follow = "p1-0";
  start(replica);
  EXPECT_TRUE(wait_until([&] { return ask("p1-0", {"WAIT", "1", "100"}).integer == 1; }));
}

}  // namespace
}  // namespace keyway::platform::local
