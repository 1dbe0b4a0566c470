#include "proxy/handling.h"

#include <gtest/gtest.h>

#include "proxy/own_commands.h"
#include "resp/command_table.h"

namespace keyway::proxy {
namespace {

Handling handling(std::initializer_list<std::string_view> words) {
  const resp::CommandSpec* spec = resp::CommandTable::builtin().resolve({words.begin(), words.size()});
  EXPECT_NE(spec, nullptr) << *words.begin();
  return spec == nullptr ? Handling::kRefused : treatment_of(*spec).handling;
}

TEST(Handling, FollowsKeysWhereNothingElseIsSaid) {
  EXPECT_EQ(handling({"GET"}), Handling::kByKeys);
  EXPECT_EQ(handling({"OBJECT", "ENCODING", "k"}), Handling::kByKeys);
  EXPECT_EQ(handling({"BLPOP"}), Handling::kBlocking);
  EXPECT_EQ(handling({"MGET"}), Handling::kSplit);
  EXPECT_EQ(handling({"DBSIZE"}), Handling::kEveryShard);
  EXPECT_EQ(handling({"FCALL"}), Handling::kScript);
  EXPECT_EQ(handling({"EVAL_RO"}), Handling::kEval);
  EXPECT_EQ(handling({"EVALSHA"}), Handling::kEvalSha);
  EXPECT_EQ(handling({"FUNCTION", "LOAD", "text"}), Handling::kLoadScript);
  EXPECT_EQ(handling({"WAIT"}), Handling::kCopies);
}

TEST(Handling, WhatConcernsOneServerIsRefused) {
  for (std::string_view name : {"SHUTDOWN", "REPLICAOF", "FAILOVER", "PSYNC", "SWAPDB", "ASKING"})
    EXPECT_EQ(handling({name}), Handling::kRefused) << name;
}

// What would change a connection that clients share must never be sent by it.
TEST(Handling, NothingThatChangesAConnectionGoesByASharedOne) {
  for (std::string_view name :
       {"AUTH", "HELLO", "SELECT", "QUIT", "RESET", "READONLY", "CLIENT", "MULTI", "EXEC", "WATCH",
        "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "ASKING", "SYNC"}) {
    Handling found = handling({name});
    EXPECT_TRUE(found == Handling::kOwn || found == Handling::kTransaction || found == Handling::kSubscribe ||
                found == Handling::kRefused)
        << name;
  }
  resp::CommandTable::builtin().for_each([](const resp::CommandSpec& spec) {
    if (!spec.name.starts_with("client|") && !spec.name.starts_with("cluster|")) return;
    EXPECT_EQ(treatment_of(spec).handling, Handling::kOwn) << spec.name;
  });
}

TEST(Handling, OwnCommandsAreKnown) {
  for (std::string_view name : {"hello", "auth", "scan", "client|id", "cluster|slots", "select"})
    EXPECT_NE(find_own_command(name), nullptr) << name;
  EXPECT_EQ(find_own_command("client|no-such"), nullptr) << "refused, not pretended";
}

}  // namespace
}  // namespace keyway::proxy
