// connect: local ports to a cluster's servers, for as long as it runs.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/format.h"
#include "base/log.h"
#include "base/strings.h"
#include "cli/cluster/access.h"
#include "cli/interrupt.h"
#include "cli/kubectl/actions.h"
#include "cli/kubectl/pod_ports.h"
#include "cli/kubectl/status.h"
#include "proxy/proxy.h"
#include "proxy/translator.h"

namespace keyway::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTurn = std::chrono::milliseconds(100);
constexpr int64_t kDrainMs = 500;  // nothing is carried meanwhile
constexpr int64_t kOpenMs = 20'000;
constexpr int64_t kSameTroubleMs = 10'000;
constexpr int kClusterPort = 7000;  // unless another is wished; of what knows clusters
constexpr int kPlainPort = 6379;
constexpr int kPortsTried = 100;

// What goes wrong while it runs: told at once, and the same not again and again.
class Troubles {
 public:
  explicit Troubles(Output& output) : output_(output) {}

  void tell(const std::string& why) {
    last_ = why;
    Clock::time_point& told = told_[why];
    if (told != Clock::time_point() && Clock::now() - told < std::chrono::milliseconds(kSameTroubleMs))
      return;
    if (told_.size() > kMaxRemembered) told_.clear();
    told_[why] = Clock::now();
    output_.note(why);
  }
  const std::string& last() const { return last_; }

 private:
  static constexpr size_t kMaxRemembered = 100;

  Output& output_;
  std::map<std::string, Clock::time_point> told_;
  std::string last_;
};

// All that a connection consists of while it is open.
struct Connecting {
  PluginSession& session;
  const PodCluster& cluster;
  const PluginRequest& request;
  Output& output;
  Interrupts& interrupts;
  Troubles& troubles;
  PodPorts& ports;
  engine::Credentials account;  // by which the cluster is looked at
  std::string user;             // for whom the line is printed

  // Lets the loop go on until `condition` holds; kTimeout, kConflict: interrupted.
  Status wait_for(const std::function<bool()>& condition, std::string_view what) const {
    Clock::time_point until = Clock::now() + std::chrono::milliseconds(kOpenMs);
    while (!condition()) {
      if (interrupts.wait(0)) return fail(ErrorCode::kConflict, "interrupted");
      if (Clock::now() > until) {
        std::string why = troubles.last().empty() ? "" : ": " + troubles.last();
        return fail(ErrorCode::kTimeout, fmt::format("{} within {}{}", what, human_duration(kOpenMs), why));
      }
      turn();
    }
    return {};
  }
  void turn() const {
    if (session.io.stopped()) session.io.restart();
    session.io.run_for(kTurn);
  }
  void stay() const {
    while (!interrupts.wait(0)) turn();
  }
};

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// As whom the cluster is looked at, and as whom people will.
Status take_accounts(Connecting& connecting) {
  const Login& login = connecting.request.login;
  if (!login.user.empty() || !login.password_file.empty()) {
    connecting.account.user = login.user;
    connecting.user = login.user.empty() ? "default" : login.user;
    if (login.password_file.empty())
      return fail(ErrorCode::kInvalidArgument, "--user needs --password-file, too");
    Result<std::string> password = read_password_file(login.password_file, login.user);
    if (!password) return fail(password.error());
    connecting.account.password = *password;
    return {};
  }
  auto users = read_users(connecting.session, connecting.cluster);
  // Without a Secret servers may be open to all.
  if (!users && users.error().code == ErrorCode::kNotFound) return {};
  if (!users) {
    return fail(users.error().code, users.error().message + "; or name a user by --user and --password-file");
  }
  connecting.account.user = users->contains("admin") ? "admin" : "default";
  connecting.account.password = (*users)[connecting.account.user];
  connecting.user = connecting.account.user;
  for (const auto& [name, password] : *users) {
    if (name != connecting.account.user && name != "default" && !password.empty()) connecting.user = name;
  }
  return {};
}

// Tries ports from the wished one on, or only that one if it was named.
template <typename Open>
auto open_at(const Connecting& connecting, int usual, const Open& open) -> decltype(open(Address{})) {
  const int wished = connecting.request.port;
  int port = wished != 0 ? wished : usual;
  auto opened = open(Address{"127.0.0.1", static_cast<uint16_t>(port)});
  for (int tried = 1; wished == 0 && !opened && tried < kPortsTried; ++tried)
    opened = open(Address{"127.0.0.1", static_cast<uint16_t>(port + tried)});
  return opened;
}

bool is_valkey(const PodCluster& cluster) {
  for (const auto& [name, shard] : cluster.shards) {
    for (const platform::kubernetes::PodView& pod : shard.pods) {
      for (const platform::kubernetes::ContainerView& container : pod.containers) {
        if (container.image.find("valkey") != std::string::npos) return true;
      }
    }
  }
  return false;
}

std::vector<std::string> how_to(const Connecting& connecting, const Address& at, bool sharded) {
  std::string_view cli = is_valkey(connecting.cluster) ? "valkey-cli" : "redis-cli";
  std::string call = fmt::format("{}{} -p {}", cli, sharded ? " -c" : "", at.port);
  if (connecting.user.empty()) return {"Connect:  " + call};
  std::string password = fmt::format("kubectl keyway password {} {}{}", connecting.cluster.name,
                                     connecting.user, place_flags(connecting.session, connecting.request));
  std::string as = connecting.user == "default" ? "" : fmt::format(" --user {}", connecting.user);
  if (!connecting.request.login.password_file.empty())
    return {fmt::format("Connect:  {}{} --askpass", call, as)};
  return {fmt::format("Connect:  REDISCLI_AUTH=$({}) {}{}", password, call, as), "Password: " + password};
}

void say_ready(const Connecting& connecting, std::vector<std::string> lines) {
  lines.emplace_back("Ctrl-C ends it.");
  connecting.output.print_lines(lines);
}

Outcome ended(const Connecting& connecting, Status waited) {
  if (connecting.interrupts.wait(0)) return kExitInterrupted;
  return waited ? Outcome(kExitDone) : Outcome(fail(waited.error()));
}

Outcome connect_translated(const Connecting& connecting) {
  proxy::TranslatorOptions options;
  options.seeds = connecting.ports.by_name();
  options.account = connecting.account;
  options.detours = connecting.ports.detours();
  options.limits.drain_ms = kDrainMs;
  auto translator = open_at(connecting, kClusterPort, [&](const Address& at) {
    options.listen = at;
    return proxy::Translator::make(options);
  });
  if (!translator) return fail(translator.error());
  (*translator)->start();
  auto all_there = [&] {
    auto map = (*translator)->node_map();
    return map != nullptr && !map->nodes().empty();
  };
  if (Status waited = connecting.wait_for(all_there, "no server of the cluster has answered"); !waited)
    return ended(connecting, waited);
  std::vector<std::string> lines;
  for (const proxy::MappedNode& node : (*translator)->node_map()->nodes()) {
    lines.push_back(fmt::format("127.0.0.1:{}  {:<8} {}", node.port, node.primary ? "primary" : "replica",
                                connecting.ports.pod_at(node.real)));
  }
  lines.emplace_back();
  for (std::string& line : how_to(connecting, (*translator)->address(), true)) lines.push_back(line);
  say_ready(connecting, std::move(lines));
  connecting.stay();
  return kExitDone;
}

Outcome connect_by_proxy(const Connecting& connecting) {
  proxy::ProxyOptions options;
  options.seeds = connecting.ports.by_name();
  options.account = connecting.account;
  options.detours = connecting.ports.detours();
  options.limits.drain_ms = kDrainMs;
  auto proxy = open_at(connecting, kPlainPort, [&](const Address& at) {
    options.listen = at;
    return proxy::Proxy::make(options);
  });
  if (!proxy) return fail(proxy.error());
  (*proxy)->start();
  say_ready(connecting, how_to(connecting, (*proxy)->address(), false));
  connecting.stay();
  return kExitDone;
}

// A port for each shard, which leads to whichever pod is its primary.
Outcome connect_primaries(const Connecting& connecting) {
  std::vector<std::string> lines;
  int port = connecting.request.port;
  for (const auto& [name, shard] : connecting.cluster.shards) {
    auto open = [&, shard_name = name](const Address& at) {
      return connecting.ports.add_primary_port(shard_name, at);
    };
    Result<Address> at = lines.empty() || port == 0 ? open_at(connecting, kPlainPort, open)
                                                    : open({"127.0.0.1", static_cast<uint16_t>(++port)});
    if (!at) return fail(at.error());
    lines.push_back(fmt::format("{}  the primary of {}", to_string(*at), name));
    if (lines.size() < connecting.cluster.shards.size()) continue;
    lines.emplace_back();
    for (std::string& line : how_to(connecting, *at, false)) lines.push_back(line);
  }
  say_ready(connecting, std::move(lines));
  connecting.stay();
  return kExitDone;
}

// Forwards to one pod, so that what is forbidden or broken is told before anything is promised.
Status try_forward(const Connecting& connecting, const std::string& pod) {
  namespace kubernetes = platform::kubernetes;
  std::optional<kubernetes::ApiResult<void>> outcome;
  auto forward = kubernetes::PortForward::open(
      connecting.session.client, {connecting.session.name_space, pod, kubernetes::kServerPort},
      {.opened = [&] { outcome = kubernetes::ApiResult<void>(); },
       .data = {},
       .room = {},
       .ended = [&](const kubernetes::ApiResult<void>& why) { outcome = why; }});
  Status waited = connecting.wait_for([&] { return outcome.has_value(); }, "no answer to a port-forward");
  forward->finish();
  if (!waited) return waited;
  return *outcome ? Status() : Status(fail(explained(outcome->error())));
}

// Some pod that runs. kUnavailable: none does, and why not.
Result<std::string> pod_that_runs(const PodCluster& cluster) {
  std::string why = "there are none yet";
  for (const auto& [name, shard] : cluster.shards) {
    for (const platform::kubernetes::PodView& pod : shard.pods) {
      if (pod.ready) return pod.meta.name;
      why = fmt::format("{}: {}", pod.meta.name, health_of(pod));
    }
  }
  return fail(ErrorCode::kUnavailable, fmt::format("no pod of {} is ready; {}", cluster.name, why));
}

}  // namespace

Outcome connect_cluster(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                        Output& output) {
  Result<std::string> pod = pod_that_runs(cluster);
  if (!pod) return fail(pod.error());
  raise_descriptor_limit();
  log_to_stream(STDERR_FILENO, LogFormat::kText, LogLevel::kError);
  Interrupts interrupts;
  Troubles troubles(output);
  PodPorts ports(session, cluster, [&](const std::string& why) { troubles.tell(why); });
  Connecting connecting{session, cluster, request, output, interrupts, troubles, ports, {}, {}};
  Status ready = take_accounts(connecting);
  if (ready) ready = try_forward(connecting, *pod);
  if (ready) ready = connecting.wait_for([&] { return ports.synced(); }, "the pods could not be listed");
  if (!ready) return ended(connecting, ready);
  output.print_lines(
      {fmt::format("{}, {} in {}, through {}", cluster.name, count_of(std::ssize(cluster.shards), "shard"),
                   session.name_space, session.server),
       ""});
  if (request.proxy) return connect_by_proxy(connecting);
  if (cluster.mode == cluster::Mode::kReplicated) return connect_primaries(connecting);
  return connect_translated(connecting);
}

}  // namespace keyway::cli
