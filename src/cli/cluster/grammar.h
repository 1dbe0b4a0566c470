// The cluster tool's commands and options as data, in its three spellings: what words.cc sorts, parse.cc
// reads, usage.cc prints and completion offers comes from these tables alone. Constant; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "cli/cluster/request.h"
#include "cli/grammar.h"

namespace keyway::cli {

struct ToolOption {
  std::string_view name;  // the key under which its value is kept
  // How it is written in each spelling: several, parted by commas, the best first; empty: not there.
  std::string_view own;
  std::string_view redis_cli;
  std::string_view redis_trib;
  std::string_view value;  // what help calls its value; empty: a switch
  std::string_view help;
  bool many = false;        // may be given more than once
  Word word = Word::kNone;  // what its value is

  std::vector<std::string_view> spelled(Spelling spelling) const;
};

struct ToolCommand {
  std::string_view name;
  std::string_view words;      // own style: "ADDR NEW"
  std::string_view old_words;  // of redis-cli and redis-trib
  std::string_view summary;
  std::vector<std::string_view> options;  // beside those that all have
  std::string_view details;               // further paragraphs of its help
};

const std::vector<ToolCommand>& tool_commands();
const std::vector<ToolOption>& tool_options();

// Options that every command takes: how servers are reached, --json, --yes, --help.
const std::vector<std::string_view>& common_tool_options();

// Null if there is none.
const ToolCommand* tool_command_named(std::string_view name);
// Requires that there is such an option.
const ToolOption& tool_option_named(std::string_view name);

// The option of `command` that is written as `word`; null if it has none.
const ToolOption* tool_option_spelled(const ToolCommand& command, Spelling spelling, std::string_view word);

}  // namespace keyway::cli
