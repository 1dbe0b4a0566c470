#include "cli/history_view.h"

#include <gtest/gtest.h>

namespace keyway::cli {
namespace {

using reconcile::FlightRecord;

FlightRecord look(int64_t at_ms, bool p1_alive) {
  FlightRecord record;
  record.at_ms = at_ms;
  record.desired.mode = cluster::Mode::kReplicated;
  cluster::NodeFacts node;
  node.name = "p1-0";
  node.shard = "p1";
  node.process = p1_alive ? cluster::Process::kRunning : cluster::Process::kStopped;
  node.reach = p1_alive ? cluster::Reach::kAnswering : cluster::Reach::kSilent;
  node.note = "killed by signal 9";
  record.observed.nodes.push_back(node);
  return record;
}

FlightRecord slice(int64_t at_ms, const std::string& what) {
  FlightRecord record;
  record.has_facts = false;
  record.outcomes.push_back({at_ms, {"p2", "move_slots", what, "balance"}, "", "9 keys"});
  return record;
}

std::vector<std::string> texts(const std::vector<FlightRecord>& records, std::string_view shard = "") {
  std::vector<std::string> texts;
  for (const HistoryLine& line : history_lines(records, shard)) texts.push_back(line.text);
  return texts;
}

using Texts = std::vector<std::string>;

TEST(HistoryViewTest, NodesThatChangeAreTold) {
  EXPECT_EQ(texts({look(1, true), look(2, true), look(3, false), look(4, true)}),
            (Texts{"p1-0: down, was ok primary (killed by signal 9)", "p1-0: ok primary, was down"}));
}

TEST(HistoryViewTest, StepsAreToldWithReasonAndFailure) {
  FlightRecord record = look(1, true);
  record.outcomes = {{1, {"p1", "promote", "promote p1-1", "p1-0 is gone"}, "", ""},
                     {2, {"p1", "follow", "make p1-0 a replica", ""}, "it does not answer", ""}};
  std::vector<HistoryLine> lines = history_lines({record}, "");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].text, "promote p1-1: p1-0 is gone");
  EXPECT_EQ(lines[0].style, Style::kGood);
  EXPECT_EQ(lines[1].text, "could not make p1-0 a replica; it does not answer");
  EXPECT_EQ(lines[1].style, Style::kBad);
}

TEST(HistoryViewTest, SlicesOfAMoveAreOneLine) {
  EXPECT_EQ(texts({slice(1, "move 30 slots"), slice(2, "move 20 slots"), slice(3, "move 10 slots")}),
            (Texts{"move 10 slots: balance (9 keys)"}));
}

TEST(HistoryViewTest, AProblemIsToldWhenItComesUp) {
  FlightRecord troubled = look(2, true);
  troubled.problems.push_back({"p1", "", "its data is damaged"});
  EXPECT_EQ(texts({look(1, true), troubled, troubled, look(3, true), troubled}),
            (Texts{"its data is damaged", "its data is damaged"}));
}

TEST(HistoryViewTest, OneShardOnly) {
  EXPECT_EQ(texts({look(1, true), look(2, false), slice(3, "move 1 slot")}, "p2"),
            (Texts{"move 1 slot: balance (9 keys)"}));
}

TEST(HistoryViewTest, TimesAreInUtc) { EXPECT_EQ(utc_text(1'700'000'000'123), "2023-11-14 22:13:20.123"); }

}  // namespace
}  // namespace keyway::cli
