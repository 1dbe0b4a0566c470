#include "cli/cluster/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/cluster/classic_views.h"
#include "cli/cluster/json_views.h"
#include "cli/cluster/progress_view.h"
#include "cli/cluster/summary.h"

namespace keyway::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kIdA(40, 'a');
const std::string kIdB(40, 'b');
const std::string kIdC(40, 'c');

cluster::PeerView view(const std::string& id, uint16_t port, cluster::SlotRanges slots,
                       const std::string& primary_id = "") {
  cluster::PeerView peer;
  peer.id = id;
  peer.address = {"127.0.0.1", port};
  peer.primary = primary_id.empty();
  peer.primary_id = primary_id;
  peer.config_epoch = primary_id.empty() ? port : 0;
  peer.slots = std::move(slots);
  return peer;
}

cluster::NodeFacts node(const cluster::PeerView& own, const std::vector<cluster::PeerView>& all,
                        int64_t keys) {
  cluster::NodeFacts facts;
  facts.name = to_string(own.address);
  facts.address = own.address;
  facts.id = own.id;
  facts.process = cluster::Process::kRunning;
  facts.reach = cluster::Reach::kAnswering;
  facts.server.id = own.id;
  facts.server.version = "7.0.15";
  facts.server.keys = keys;
  facts.server.memory_bytes = 2 << 20;
  for (cluster::PeerView peer : all) {
    peer.myself = peer.id == own.id;
    facts.server.peers.push_back(peer);
  }
  return facts;
}

// Two primaries, of which the first one has a replica.
cluster::Observed observed() {
  std::vector<cluster::PeerView> all = {view(kIdA, 7000, {{0, 8191}}), view(kIdB, 7001, {{8192, 16383}}),
                                        view(kIdC, 7002, {}, kIdA)};
  return {{node(all[1], all, 2), node(all[2], all, 3), node(all[0], all, 3)}, {}, false};
}

cluster::Finding finding(cluster::Trouble trouble, const std::string& text, const std::string& remedy) {
  return {trouble, text, remedy, {{5, 5}}, {kIdA}};
}

admin::CheckResult checked(std::vector<cluster::Finding> findings) {
  admin::CheckResult result;
  result.observed = observed();
  result.findings = std::move(findings);
  return result;
}

admin::MovePlan plan() {
  admin::MovePlan made;
  made.moves.push_back(
      {kIdA, kIdB, {"127.0.0.1", 7000}, {"127.0.0.1", 7001}, {{0, 99}, {200, 200}}, 1234567, 5 << 20});
  made.moves.push_back({kIdC, kIdB, {"127.0.0.1", 7002}, {"127.0.0.1", 7001}, {{300, 300}}, 0, 0});
  made.estimated_ms = 8000;
  made.big_keys = {"the key \"huge\" (127 MB) stalls its server for about 1.6 s"};
  return made;
}

std::string json_of(const std::function<void(JsonText&)>& write) {
  JsonText json;
  json.open_object();
  write(json);
  json.close();
  return json.take();
}

TEST(Summary, ReplicasComeAfterTheirPrimary) {
  std::vector<NodeSummary> nodes = summarize(observed());
  ASSERT_EQ(nodes.size(), 3U);
  EXPECT_EQ(nodes[0].id, kIdA);
  EXPECT_EQ(nodes[0].replicas, 1);
  EXPECT_EQ(nodes[1].id, kIdC);
  EXPECT_EQ(nodes[1].primary_id, kIdA);
  EXPECT_EQ(nodes[2].id, kIdB);
  ClusterTotals sum = totals(nodes);
  EXPECT_EQ(sum.primaries, 2);
  EXPECT_EQ(sum.replicas, 1);
  EXPECT_EQ(sum.slots, 16384);
  EXPECT_EQ(sum.keys, 5);
}

TEST(Summary, NodesThatNobodyKnowsAreNotLeftOut) {
  cluster::Observed seen = observed();
  cluster::NodeFacts dead;
  dead.address = {"127.0.0.1", 7009};
  dead.process = cluster::Process::kRunning;
  seen.nodes.push_back(dead);
  seen.nodes.push_back(dead);
  std::vector<NodeSummary> nodes = summarize(seen);
  ASSERT_EQ(nodes.size(), 5U);
  EXPECT_FALSE(nodes[4].answers);
  EXPECT_EQ(nodes[4].note, "does not answer");
}

TEST(Summary, ShortTexts) {
  EXPECT_EQ(short_slots({{0, 5}, {7, 7}, {9, 10}}, 3), "0-5,7,9-10");
  EXPECT_EQ(short_slots({{0, 5}, {7, 7}, {9, 10}}, 1), "0-5 and 2 more");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(grouped(-999), "-999");
  EXPECT_EQ(grouped(1000), "1,000");
}

TEST(Views, Plan) {
  EXPECT_THAT(
      plan_lines(plan(), Terminal{}),
      ElementsAre("FROM            TO              SLOTS     COUNT       KEYS    BYTES",
                  "127.0.0.1:7000  127.0.0.1:7001  0-99,200    101  1,234,567  5.0 MiB",
                  "127.0.0.1:7002  127.0.0.1:7001  300           1          0      0 B",
                  StartsWith("! the key \"huge\""), "", "102 slots and 1234567 keys, 5.0 MiB, about 8.0 s."));
  EXPECT_THAT(plan_lines({}, Terminal{}), ElementsAre("Nothing is to be moved."));
}

TEST(Views, Moved) {
  admin::MoveResult result;
  result.plan = plan();
  EXPECT_THAT(move_lines(result, Terminal{}), ElementsAre("Nothing was touched."));
  result.carried_out = true;
  result.slots = 102;
  result.keys = 1000;
  result.bytes = -1;
  result.elapsed_ms = 2000;
  EXPECT_THAT(move_lines(result, Terminal{}),
              ElementsAre("Moved 102 slots and 1000 keys, in 2.0 s, 500 keys/s."));
  result.interrupted = true;
  EXPECT_THAT(move_lines(result, Terminal{}), ElementsAre(HasSubstr("Interrupted")));
}

TEST(Views, CheckOfAWholeCluster) {
  Lines lines = check_lines(checked({}), "shop", Terminal{});
  EXPECT_THAT(lines[0], StartsWith("ROLE       ADDRESS         ID        SLOTS"));
  EXPECT_THAT(lines[1], StartsWith("primary    127.0.0.1:7000  aaaaaaaa  0-8191"));
  EXPECT_THAT(lines[2], StartsWith("  replica  127.0.0.1:7002  cccccccc"));
  EXPECT_THAT(lines.back(),
              "Nothing is wrong: 16384 of 16384 slots are served by 2 primaries with 1 replicas.");
}

TEST(Views, CheckTellsFindingsAndRemedies) {
  Lines lines =
      check_lines(checked({finding(cluster::Trouble::kOpenSlot, "slot 5 is open", "finish the move"),
                           finding(cluster::Trouble::kUnreachable, "x does not answer", "")}),
                  "shop", Terminal{});
  EXPECT_THAT(lines, Contains("! open_slot: slot 5 is open"));
  EXPECT_THAT(lines, Contains("    fix: finish the move"));
  EXPECT_THAT(lines.back(), StartsWith("2 findings: "));
  EXPECT_THAT(lines.back(), HasSubstr("keyway cluster fix shop"));
}

TEST(Views, Fix) {
  admin::FixResult result;
  EXPECT_THAT(fix_lines(result, false, Terminal{}), ElementsAre("Nothing is wrong."));
  result.before.findings = {finding(cluster::Trouble::kOpenSlot, "slot 5 is open", "finish the move")};
  EXPECT_THAT(fix_lines(result, true, Terminal{}),
              ElementsAre("! open_slot: slot 5 is open", "    fix: finish the move", "Nothing was touched."));
  result.done = {"finished the move of slot 5"};
  result.keys_moved = 2;
  EXPECT_THAT(fix_lines(result, false, Terminal{}), ElementsAre("Nothing is wrong any more. 2 keys moved."));
  result.after.findings = result.before.findings;
  EXPECT_THAT(fix_lines(result, false, Terminal{}), Contains("Still wrong: 2 keys moved."));
}

TEST(Views, RepliesOfSeveralLinesAreIndented) {
  admin::NodeReply one{kIdA, {"127.0.0.1", 7000}, {}, {}};
  one.reply.type = resp::ReplyType::kArray;
  one.reply.elements.resize(2);
  one.reply.elements[0] = {resp::ReplyType::kString, 0, 0, "maxmemory", {}};
  one.reply.elements[1] = {resp::ReplyType::kString, 0, 0, "0\x1b[2J", {}};
  admin::NodeReply silent{kIdB, {"127.0.0.1", 7001}, {}, Error{ErrorCode::kTimeout, "no answer"}};
  EXPECT_THAT(reply_lines({one, silent}, Terminal{}),
              ElementsAre("127.0.0.1:7000:", "  maxmemory", "  0\\x1b[2J", "127.0.0.1:7001: no answer"));
  EXPECT_FALSE(failed(one));
  EXPECT_TRUE(failed(silent));
  EXPECT_THAT(set_timeout_lines({one, silent}, 5000, Terminal{}).back(),
              "cluster-node-timeout is 5000 ms on 1 of 2 nodes.");
}

TEST(ClassicViews, CheckHasTheLinesThatScriptsLookFor) {
  EXPECT_THAT(classic_check_lines(checked({}), "127.0.0.1:7000", Terminal{}),
              ElementsAre(">>> Performing Cluster Check (using node 127.0.0.1:7000)",
                          "M: " + kIdA + " 127.0.0.1:7000", "   slots:[0-8191] (8192 slots) master",
                          "   1 additional replica(s)", "S: " + kIdC + " 127.0.0.1:7002",
                          "   slots: (0 slots) slave", "   replicates " + kIdA,
                          "M: " + kIdB + " 127.0.0.1:7001", "   slots:[8192-16383] (8192 slots) master",
                          "[OK] All nodes agree about slots configuration.", ">>> Check for open slots...",
                          ">>> Check slots coverage...", "[OK] All 16384 slots covered."));
  EXPECT_THAT(classic_totals_lines(summarize(observed()), Terminal{}),
              ElementsAre("127.0.0.1:7000 (aaaaaaaa...) -> 3 keys | 8192 slots | 1 slaves.",
                          "127.0.0.1:7001 (bbbbbbbb...) -> 2 keys | 8192 slots | 0 slaves.",
                          "[OK] 5 keys in 2 masters.", "0.00 keys per slot on average."));
}

TEST(ClassicViews, CheckTellsErrors) {
  Lines lines = classic_check_lines(checked({finding(cluster::Trouble::kTwoOwners, "two own 5", ""),
                                             finding(cluster::Trouble::kUncovered, "slot 5 has no owner", ""),
                                             finding(cluster::Trouble::kOpenSlot, "slot 5 is open", ""),
                                             finding(cluster::Trouble::kNeverMet, "a and b never met", "")}),
                                    "127.0.0.1:7000", Terminal{});
  EXPECT_THAT(lines, Contains("[ERR] Nodes don't agree about configuration!"));
  EXPECT_THAT(lines, Contains("[WARNING] slot 5 is open"));
  EXPECT_THAT(lines, Contains("[ERR] Not all 16384 slots are covered by nodes."));
  EXPECT_THAT(lines, Contains("[ERR] a and b never met"));
}

TEST(ClassicViews, ReshardNamesSourcesAndDestination) {
  Lines lines = classic_reshard_lines(plan(), summarize(observed()), Terminal{});
  EXPECT_THAT(lines, Contains("Ready to move 102 slots."));
  EXPECT_THAT(lines, Contains("    M: " + kIdA + " 127.0.0.1:7000"));
  EXPECT_THAT(lines, Contains("    Moving slot range 0-99 from " + kIdA));
  EXPECT_THAT(lines, Contains("    Moving slot 200 from " + kIdA));
  EXPECT_THAT(classic_rebalance_lines(plan(), Terminal{}),
              Contains("Moving 101 slots from 127.0.0.1:7000 to 127.0.0.1:7001"));
}

TEST(ClassicViews, Create) {
  admin::CreateOptions options;
  options.nodes.resize(2);
  cluster::Placement placement{{{"a:1", {"b:2"}}}, {"a:1 and b:2 share a host"}};
  EXPECT_THAT(classic_placement_lines(options, placement, Terminal{}),
              ElementsAre(">>> Performing hash slots allocation on 2 nodes...",
                          "Master[0] -> Slots 0 - 16383", "Adding replica b:2 to a:1"));
  EXPECT_THAT(placement_lines(placement, Terminal{}),
              ElementsAre("PRIMARY  SLOTS    REPLICAS", "a:1      0-16383  b:2"));
}

TEST(JsonViews, UnknownNumbersAreNull) {
  admin::MovePlan unknown = plan();
  unknown.moves[0].bytes = -1;
  std::string text = json_of([&](JsonText& json) { write_plan(json, unknown); });
  EXPECT_THAT(text, HasSubstr("\"bytes\": null"));
  EXPECT_THAT(text, HasSubstr("\"from_address\": \"127.0.0.1:7000\""));
}

TEST(JsonViews, CheckHasNodesAndFindings) {
  std::string text = json_of([&](JsonText& json) {
    write_check(json, checked({finding(cluster::Trouble::kOpenSlot, "slot 5 is open", "finish")}));
  });
  EXPECT_THAT(text, HasSubstr("\"healthy\": false"));
  EXPECT_THAT(text, HasSubstr("\"trouble\": \"open_slot\""));
  EXPECT_THAT(text, HasSubstr("\"primary_id\": \"" + kIdA + "\""));
  EXPECT_THAT(text, HasSubstr("\"primary_id\": null"));
}

TEST(ProgressView, SaysHowFarAndHowFast) {
  admin::Progress progress{"moving slots", 1213, 3276, "slots", 50000, 1 << 20, 140000, 12'300'000, 8400};
  EXPECT_EQ(progress_line(progress),
            "moving slots: 1,213 of 3,276 slots (37 %), 140,000 keys/s, 12.3 MB/s, 8.0 s left");
  EXPECT_EQ(progress_bar(progress, 0, Terminal{}),
            "| moving slots ########................  37 %  1,213/3,276 slots  140,000 keys/s  12.3 MB/s  "
            "8.0 s left");
  admin::Progress unknown;
  unknown.what = "importing";
  unknown.done = 12;
  unknown.unit = "keys";
  EXPECT_EQ(progress_line(unknown), "importing: 12 keys");
}

}  // namespace
}  // namespace keyway::cli
