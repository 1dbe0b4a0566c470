#include "cli/status_view.h"

#include "base/address.h"
#include "base/format.h"
#include "base/strings.h"
#include "cli/table.h"

namespace keyway::cli {

using reconcile::ClusterStatus;
using reconcile::NodeStatus;
using reconcile::ShardStatus;

namespace {

// More than a few lines of what is under way tell nobody more.
constexpr size_t kMaxDoing = 6;

std::string heading(const ClusterStatus& status, const Terminal& terminal) {
  size_t nodes = 0;
  for (const ShardStatus& shard : status.shards) nodes += shard.replicas.size() + (shard.primary ? 1 : 0);
  std::string shards =
      status.mode == "sharded" ? count_of(static_cast<int64_t>(status.shards.size()), "shard") + ", " : "";
  std::string text = fmt::format("{}  {}  {}, {}{}", paint(status.name, Style::kStrong, terminal.colour),
                                 paint(status.state, style_of(status.state), terminal.colour), status.mode,
                                 shards, count_of(static_cast<int64_t>(nodes), "node"));
  if (!status.engine.empty()) text += fmt::format(", {}", status.engine);
  if (status.supervisor_pid != 0) text += fmt::format(", supervisor {}", status.supervisor_pid);
  return text;
}

std::string lag_text(const NodeStatus& node) {
  if (node.role != "replica" || !node.lag_s) return "";
  std::string bytes = node.lag_bytes > 0 ? ", " + human_bytes(node.lag_bytes) : "";
  return fmt::format("{:.0f} s{}", *node.lag_s, bytes);
}

std::vector<Cell> node_row(const ShardStatus& shard, const NodeStatus& node, bool first) {
  bool answers = node.role != "unknown";
  std::string slots = cluster::to_string(shard.slots);
  for (char& c : slots) c = c == ' ' ? ',' : c;
  return {{first ? shard.name : "", Style::kStrong},
          {first ? slots : ""},
          {node.name},
          {answers ? node.role : "-", node.role == "primary" ? Style::kStrong : Style::kPlain},
          {node.address},
          {answers ? std::to_string(node.keys) : "-"},
          {answers ? human_bytes(node.memory_bytes) : "-"},
          {answers ? std::to_string(node.offset) : "-"},
          {lag_text(node)},
          {node.pid != 0 ? std::to_string(node.pid) : "-"},
          {node.health, style_of(node.health)}};
}

Table node_table(const ClusterStatus& status) {
  bool sharded = status.mode == "sharded";
  Table table({{"SHARD"},
               {sharded ? "SLOTS" : "", false, 2},
               {"NODE"},
               {"ROLE"},
               {"ADDRESS", false, 1},
               {"KEYS", true, 3},
               {"MEMORY", true, 4},
               {"OFFSET", true, 6},
               {"LAG", true, 5},
               {"PID", true, 7},
               {"HEALTH"}});
  for (const ShardStatus& shard : status.shards) {
    bool first = true;
    if (shard.primary) table.add(node_row(shard, *shard.primary, std::exchange(first, false)));
    for (NodeStatus node : shard.replicas) {
      if (status.state == "stopped") node.health = "stopped";  // as it shall be: no alarm
      table.add(node_row(shard, node, std::exchange(first, false)));
    }
  }
  return table;
}

void add_notes(std::vector<std::string>& lines, const ClusterStatus& status) {
  for (const ShardStatus& shard : status.shards) {
    if (shard.primary && !shard.primary->note.empty())
      lines.push_back(fmt::format("{}: {}", shard.primary->name, shard.primary->note));
    for (const NodeStatus& node : shard.replicas) {
      if (!node.note.empty()) lines.push_back(fmt::format("{}: {}", node.name, printable(node.note)));
    }
  }
}

void add_doing(std::vector<std::string>& lines, const ClusterStatus& status, const Terminal& terminal) {
  std::string_view bullet = terminal.utf8 ? "→" : ">";
  for (size_t i = 0; i < status.doing.size(); ++i) {
    if (i == kMaxDoing) {
      lines.push_back(fmt::format("{} and {} more", bullet, status.doing.size() - i));
      return;
    }
    lines.push_back(fmt::format("{} {}", bullet, printable(status.doing[i])));
  }
}

void add_problems(std::vector<std::string>& lines, const ClusterStatus& status, const Terminal& terminal) {
  for (const cluster::Problem& problem : status.problems) {
    std::string_view where = problem.node.empty() ? problem.shard : problem.node;
    std::string text = where.empty() ? problem.text : fmt::format("{}: {}", where, problem.text);
    lines.push_back(paint("! " + printable(text), Style::kBad, terminal.colour));
  }
}

void add_proxy(std::vector<std::string>& lines, const ClusterStatus& status, const Terminal& terminal) {
  if (!status.proxy) return;
  const reconcile::ProxyStatus& proxy = *status.proxy;
  std::string text = fmt::format("Proxy at {}", proxy.address);
  if (proxy.pid != 0) {
    text +=
        fmt::format(", pid {}, {}", proxy.pid,
                    proxy.user.empty() ? "clients log in" : "clients that do not log in are " + proxy.user);
    return lines.push_back(std::move(text));
  }
  if (status.state == "stopped") return;
  text += " does not run" + (proxy.note.empty() ? "" : ": " + printable(proxy.note));
  lines.push_back(paint(text, Style::kWarning, terminal.colour));
}

void add_supervisor(std::vector<std::string>& lines, const ClusterStatus& status, const Terminal& terminal) {
  if (status.supervisor_pid != 0) return;
  std::string text =
      status.state == "stopped"
          ? fmt::format("Stopped, its data kept. Start it again: keyway up {} --detach", status.name)
          : fmt::format("No supervisor runs, so nothing is repaired. Bring it back: keyway up {} --detach",
                        status.name);
  lines.push_back(paint(text, Style::kWarning, terminal.colour));
}

std::vector<std::string> all_lines(const ClusterStatus& status, const Terminal& terminal) {
  std::vector<std::string> lines = {heading(status, terminal), ""};
  for (std::string& line : node_table(status).render(terminal)) lines.push_back(std::move(line));
  size_t before = lines.size();
  lines.emplace_back();
  if (status.state != "stopped") {
    add_notes(lines, status);
    add_doing(lines, status, terminal);
  }
  add_proxy(lines, status, terminal);
  add_problems(lines, status, terminal);
  add_supervisor(lines, status, terminal);
  if (lines.size() == before + 1) lines.pop_back();
  return lines;
}

// Replicas first, then primaries, from the last shard upward. How many were left out.
size_t leave_out_healthy(ClusterStatus& status, size_t count) {
  size_t left_out = 0;
  for (auto shard = status.shards.rbegin(); shard != status.shards.rend(); ++shard) {
    left_out += std::erase_if(shard->replicas, [&, taken = left_out](const NodeStatus& node) mutable {
      return node.health == "ok" && taken++ < count;
    });
  }
  for (auto shard = status.shards.rbegin(); shard != status.shards.rend() && left_out < count; ++shard) {
    if (!shard->primary || shard->primary->health != "ok") continue;
    shard->primary.reset();
    ++left_out;
  }
  return left_out;
}

// How to reach the proxy; the cli itself looks at 127.0.0.1:6379.
std::string proxy_call(const reconcile::ProxyStatus& proxy, std::string_view cli, std::string_view user) {
  Address address = parse_address(proxy.address).value_or(Address{});
  std::string text(cli);
  if (address.host != "127.0.0.1") text += fmt::format(" -h {}", address.host);
  text += fmt::format(" -p {}", address.port);
  if (proxy.user.empty()) return text + fmt::format(" --user {} --askpass", user);
  return text + " set AAA 10";
}

}  // namespace

Style style_of(std::string_view state) {
  if (state == "ok" || state == "ready") return Style::kGood;
  for (std::string_view bad : {"down", "blocked", "silent", "denied", "unloadable", "foreign"}) {
    if (state == bad) return Style::kBad;
  }
  return state == "stopped" ? Style::kFaint : Style::kWarning;
}

std::vector<std::string> status_lines(const ClusterStatus& status, const Terminal& terminal,
                                      size_t max_lines) {
  std::vector<std::string> lines = all_lines(status, terminal);
  if (max_lines == 0 || lines.size() <= max_lines) return lines;
  ClusterStatus shorter = status;
  size_t left_out = leave_out_healthy(shorter, lines.size() + 1 - max_lines);
  std::string head = std::move(lines.front());
  lines = all_lines(shorter, terminal);
  lines.front() = std::move(head);
  std::string note =
      fmt::format("({} that {} well left out)", count_of(static_cast<int64_t>(left_out), "node"),
                  left_out == 1 ? "is" : "are");
  lines.push_back(paint(note, Style::kFaint, terminal.colour));
  return lines;
}

std::vector<std::string> hint_lines(const ClusterStatus& status, std::string_view user,
                                    const Terminal& terminal) {
  auto hint = [&](std::string_view what, std::string_view how) {
    return fmt::format("{}{:<{}}{}", paint(what, Style::kStrong, terminal.colour), "", 10 - what.size(), how);
  };
  const NodeStatus* node = nullptr;
  for (const ShardStatus& shard : status.shards) {
    if (node == nullptr && shard.primary) node = &*shard.primary;
  }
  if (node == nullptr) return {};
  bool sharded = status.mode == "sharded";
  std::string_view cli = status.engine.starts_with("valkey") ? "valkey-cli" : "redis-cli";
  Address address = parse_address(node->address).value_or(Address{});
  std::vector<std::string> lines;
  if (status.proxy) lines.push_back(hint("Connect:", proxy_call(*status.proxy, cli, user)));
  std::vector<std::string> more = {
      hint(status.proxy ? (sharded ? "Cluster:" : "Server:") : "Connect:",
           fmt::format("keyway exec {} {} -- {}{}", status.name, node->name, cli, sharded ? " -c" : "")),
      hint("", fmt::format("{}{} -h {} -p {} --user {} --askpass", cli, sharded ? " -c" : "", address.host,
                           address.port, user)),
      hint("Password:", fmt::format("keyway password {} {}", status.name, user)),
      hint("Scale:", sharded
                         ? fmt::format("keyway scale {} --shards {}", status.name, status.shards.size() + 1)
                         : fmt::format("keyway scale {} --replicas {}", status.name,
                                       status.shards[0].replicas.size() + 1)),
      hint("Stop:", fmt::format("keyway down {}", status.name)),
  };
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

}  // namespace keyway::cli
