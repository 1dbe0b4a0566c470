#include "operator/operator.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <map>
#include <mutex>

#include "base/clock.h"
#include "base/format.h"
#include "base/http_server.h"
#include "base/log.h"
#include "base/strings.h"
#include "operator/decide.h"
#include "operator/executor.h"
#include "operator/metrics.h"
#include "operator/status.h"
#include "operator/world.h"
#include "platform/kubernetes/api_versions.h"
#include "platform/kubernetes/lease_keeper.h"
#include "platform/kubernetes/operator_objects.h"
#include "platform/kubernetes/work_queue.h"
#include "platform/local/random.h"

namespace keyway::operators {

namespace asio = boost::asio;
namespace kubernetes = platform::kubernetes;

namespace {

constexpr int64_t kGatherMs = 20;  // several changes at once are looked at together
constexpr int64_t kMostWaitMs = 500;
// After something was done: what it has led to need not show in a watch.
constexpr int64_t kLookAgainMs = 300;
constexpr int64_t kReleaseMs = 3'000;
constexpr int64_t kSilentMs = 60'000;  // a loop that did not turn for so long is stuck
constexpr int64_t kDiscoverAgainMs = 1'000;
constexpr size_t kPasswordBytes = 20;

std::string new_password() { return keyway::hex(platform::local::random_bytes(kPasswordBytes)); }

}  // namespace

struct Operator::Impl {
  Impl(kubernetes::ClientConfig config, Settings given)
      : settings(std::move(given)), signals(io), client(io, std::move(config)), beat(io) {}

  Status open_http();
  HttpAnswer answer(std::string_view path) const;
  void watch_signals();
  void turn();
  bool discover();
  void begin_watching();
  void look_at_all();
  void work();
  void pass(const std::string& cluster);
  void write_status(const Snapshot& snapshot, const Decision& decision, const std::vector<Remark>& failures);
  bool failed(const std::string& cluster, const kubernetes::ApiError& error);
  bool may_write() const { return !ending && keeper && keeper->holds(); }
  void wait();
  void publish();
  void leave();

  // A status that was written and that the watch need not show yet.
  struct Written {
    std::string seen_version;  // of the object that it was written over
    std::string status;
  };

  const Settings settings;
  const int64_t started_ms = monotonic_ms();
  asio::io_context io{1};
  asio::signal_set signals;
  kubernetes::ApiClient client;
  asio::steady_timer beat;
  bool ending = false;

  ResourceType budgets;
  std::unique_ptr<World> world;
  std::unique_ptr<kubernetes::LeaseKeeper> keeper;
  std::unique_ptr<Executor> executor;
  kubernetes::WorkQueue queue;
  std::map<std::string, Written> written;
  Tools tools;
  bool looked_at_all = false;  // since this process leads
  std::string told_problem;

  mutable std::mutex published_mutex;
  Counts now;
  Counts published;       // for other threads
  int64_t turned_ms = 0;  // monotonic; guarded as well
  std::unique_ptr<HttpServer> http;
};

Status Operator::Impl::open_http() {
  auto opened = HttpServer::start(settings.http, [this](std::string_view path) { return answer(path); });
  if (!opened) return fail(opened.error());
  std::lock_guard lock(published_mutex);
  http = std::move(*opened);
  return {};
}

// In the HTTP server's thread.
HttpAnswer Operator::Impl::answer(std::string_view path) const {
  std::lock_guard lock(published_mutex);
  if (path == kubernetes::kMetricsPath) return {200, render_metrics(published)};
  if (path == kubernetes::kLivePath) {
    const bool alive = monotonic_ms() - turned_ms < kSilentMs;
    return alive ? HttpAnswer{200, "ok\n"} : HttpAnswer{503, "the loop does not turn\n"};
  }
  if (path == kubernetes::kReadyPath) {
    if (published.synced) return {200, published.leads ? "leads\n" : "stands by\n"};
    return {503, fmt::format("the objects have not been read yet: {}\n", published.problem)};
  }
  return {404, "there are /livez, /readyz and /metrics\n"};
}

void Operator::Impl::watch_signals() {
  boost::system::error_code ignored;
  for (int number : {SIGTERM, SIGINT}) signals.add(number, ignored);
  signals.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) ending = true;
  });
}

// Turns also while a request is waited for.
void Operator::Impl::turn() {
  publish();
  constexpr std::chrono::seconds kPeriod(1);
  beat.expires_after(kPeriod);
  beat.async_wait([this](const boost::system::error_code& error) {
    if (!error) turn();
  });
}

// Which version of PodDisruptionBudgets there is. An API server that cannot be reached is waited for.
bool Operator::Impl::discover() {
  kubernetes::ApiResult<kubernetes::ApiVersions> versions = kubernetes::discover(client);
  if (!versions) {
    now.problem = versions.error().message;
    if (now.problem != told_problem) log_warning("the API server cannot be used yet", {{"why", now.problem}});
    told_problem = now.problem;
    return false;
  }
  budgets = kubernetes::disruption_budgets(*versions);
  tools.surroundings = {settings.keyway_image, std::string(budgets.version)};
  tools.new_password = new_password;
  log_info("the API server answers", {{"version", versions->server}});
  return true;
}

void Operator::Impl::begin_watching() {
  world = std::make_unique<World>(client, settings.name_space, budgets, [this](const std::string& cluster) {
    // One that is left out for want of room is found when all are looked at.
    if (!queue.add(cluster, monotonic_ms(), kGatherMs)) looked_at_all = false;
  });
  executor = std::make_unique<Executor>(client, *world, [this] { return may_write(); });
  keeper = std::make_unique<kubernetes::LeaseKeeper>(
      client,
      kubernetes::LeaseKeeper::Place{settings.home_namespace, std::string(kubernetes::kOperatorName),
                                     settings.identity},
      settings.lease_times, [this](bool held) {
        log_info(held ? "this operator leads" : "this operator does not lead any more");
        looked_at_all = false;
      });
}

void Operator::Impl::look_at_all() {
  looked_at_all = true;
  for (const auto& [key, cluster] : world->clusters()) {
    if (!queue.add(key, monotonic_ms())) looked_at_all = false;
  }
}

void Operator::Impl::work() {
  if (!may_write() || !world->synced()) return;
  if (!looked_at_all) look_at_all();
  std::optional<std::string> cluster = queue.take(monotonic_ms());
  if (!cluster) return;
  pass(*cluster);
  queue.done(*cluster);
  ++now.passes;
  if (now.first_pass_ms < 0) now.first_pass_ms = monotonic_ms() - started_ms;
}

bool Operator::Impl::failed(const std::string& cluster, const kubernetes::ApiError& error) {
  ++now.failed_passes;
  log_warning("a look at a cluster has failed", {{"cluster", cluster}, {"why", error.message}});
  return queue.add_failed(cluster, monotonic_ms());
}

void Operator::Impl::pass(const std::string& cluster) {
  std::optional<Snapshot> snapshot = world->snapshot(cluster);
  if (!snapshot) {
    queue.forget_failures(cluster);
    written.erase(cluster);
    executor->forget(cluster);
    return;
  }
  auto known = written.find(cluster);
  if (known != written.end() && known->second.seen_version == snapshot->cluster.meta.resource_version)
    snapshot->cluster.status = known->second.status;
  auto secret = executor->users_secret(snapshot->cluster.meta);
  if (!secret) {
    failed(cluster, secret.error());
    return;
  }
  snapshot->secret = *std::move(secret);
  const Decision decision = decide(*snapshot, tools);
  const uint64_t writes = executor->writes();
  const std::vector<Remark> failures = executor->carry_out(*snapshot, decision);
  if (!may_write()) return;
  if (executor->writes() != writes && !queue.add(cluster, monotonic_ms(), kLookAgainMs))
    looked_at_all = false;
  if (failures.empty()) {
    queue.forget_failures(cluster);
  } else {
    failed(cluster, {.message = failures.front().message});
  }
  write_status(*snapshot, decision, failures);
}

void Operator::Impl::write_status(const Snapshot& snapshot, const Decision& decision,
                                  const std::vector<Remark>& failures) {
  const SmallMeta& meta = snapshot.cluster.meta;
  if (meta.deleting) return;
  constexpr int64_t kMsInSecond = 1'000;
  const std::string status = status_json({snapshot, decision, failures, wall_ms() / kMsInSecond});
  if (same_status(status, snapshot.cluster.status)) return;
  auto done = executor->write_status(meta, status);
  if (done) {
    written[meta.key()] = {meta.resource_version, status};
  } else if (done.error().code != kubernetes::ApiCode::kNotFound) {
    failed(meta.key(), done.error());
  }
}

void Operator::Impl::wait() {
  const int64_t now_ms = monotonic_ms();
  int64_t wait_ms = kMostWaitMs;
  if (may_write() && world->synced()) {
    if (!looked_at_all) return;
    if (std::optional<int64_t> next_ms = queue.next_ms(now_ms))
      wait_ms = std::clamp<int64_t>(*next_ms - now_ms, 0, kMostWaitMs);
  }
  if (io.stopped()) io.restart();
  io.run_one_for(std::chrono::milliseconds(wait_ms));
}

void Operator::Impl::publish() {
  now.leads = may_write();
  now.synced = world && world->synced();
  now.requests = client.tries();
  now.waiting = static_cast<int64_t>(queue.size());
  if (world) {
    now.clusters = static_cast<int64_t>(world->clusters().size());
    now.problem = world->problem();
    if (now.problem.empty() && keeper) now.problem = keeper->problem();
  }
  if (executor) now.writes = executor->writes();
  std::lock_guard lock(published_mutex);
  published = now;
  turned_ms = monotonic_ms();
}

void Operator::Impl::leave() {
  log_info("told to end");
  if (!keeper) return;
  keeper->release();
  const int64_t deadline_ms = monotonic_ms() + kReleaseMs;
  while (!keeper->released() && monotonic_ms() < deadline_ms) {
    if (io.stopped()) io.restart();
    io.run_one_for(std::chrono::milliseconds(kGatherMs));
  }
}

Operator::Operator(kubernetes::ClientConfig config, Settings settings)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(settings))) {}

Operator::~Operator() = default;

Status Operator::run() {
  Impl& impl = *impl_;
  impl.turn();
  if (Status opened = impl.open_http(); !opened) return opened;
  impl.watch_signals();
  while (!impl.ending && !impl.discover()) {
    const int64_t again_ms = monotonic_ms() + kDiscoverAgainMs;
    while (!impl.ending && monotonic_ms() < again_ms)
      impl.io.run_one_for(std::chrono::milliseconds(kGatherMs));
  }
  if (!impl.ending) impl.begin_watching();
  while (!impl.ending) {
    impl.work();
    impl.publish();
    impl.wait();
  }
  impl.leave();
  impl.publish();
  return {};
}

void Operator::stop() {
  asio::post(impl_->io, [impl = impl_.get()] { impl->ending = true; });
}

Counts Operator::counts() const {
  std::lock_guard lock(impl_->published_mutex);
  return impl_->published;
}

Address Operator::http_address() const {
  std::lock_guard lock(impl_->published_mutex);
  return impl_->http ? impl_->http->address() : Address{};
}

}  // namespace keyway::operators
