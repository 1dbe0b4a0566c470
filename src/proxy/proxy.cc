#include "proxy/proxy.h"

#include <chrono>
#include <deque>
#include <utility>

#include "base/http_server.h"
#include "proxy/board.h"
#include "proxy/certificates.h"
#include "proxy/events.h"
#include "proxy/mailroom.h"
#include "proxy/metrics.h"
#include "proxy/replica_scout.h"
#include "proxy/report.h"
#include "proxy/scout.h"
#include "proxy/script_store.h"
#include "proxy/socket.h"
#include "proxy/worker.h"

namespace keyway::proxy {

struct Proxy::Impl {
  explicit Impl(const ProxyOptions& chosen)
      : listen(chosen.listen),
        board(chosen),
        certificates(chosen.tls, board),
        scout(board, [this] { certificates.look(); }),
        replica_scout(board, chosen.reads) {}

  Address listen;
  Board board;
  Mailroom mailroom;
  ScriptStore scripts;
  Certificates certificates;
  std::deque<Worker> workers;
  Scout scout;
  ReplicaScout replica_scout;
  std::unique_ptr<HttpServer> http;  // ends first

  HttpAnswer answer(std::string_view path) const;
};

namespace {

int64_t clock_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

HttpAnswer Proxy::Impl::answer(std::string_view path) const {
  if (path == "/healthz") return {200, "ok\n"};
  if (path == "/readyz") {
    Board::News news = board.news();
    if (news.draining) return {503, "ending\n"};
    return news.topology != nullptr ? HttpAnswer{200, "ok\n"}
                                    : HttpAnswer{503, "no node of the cluster has answered\n"};
  }
  constexpr std::string_view kJson = "application/json";
  std::vector<const Stats*> stats;
  for (const Worker& worker : workers) stats.push_back(&worker.stats());
  if (path == "/metrics") return {200, render_metrics(stats) + certificates.metrics()};
  if (path == "/stats") return {200, report_stats(stats, clock_us()), kJson};
  if (path == "/slowlog") return {200, report_slow(stats), kJson};
  if (path == "/hotkeys") return {200, report_keys(stats), kJson};
  return {404, "there are /metrics, /healthz, /readyz, /stats, /slowlog and /hotkeys\n"};
}

Proxy::Proxy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Proxy::~Proxy() { drain(); }

Result<std::unique_ptr<Proxy>> Proxy::make(const ProxyOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  if (Status loaded = impl->certificates.load(); !loaded) return fail(loaded.error());
  int first = -1;
  for (int i = 0; i < options.workers; ++i) {
    Result<int> listener = i == 0 ? listen_at(impl->listen) : listen_beside(first);
    if (!listener) return fail(listener.error());
    if (i == 0) {
      first = *listener;
      impl->listen.port = local_of(first).port;
    }
    impl->workers.emplace_back(impl->board, impl->mailroom, impl->scripts, *listener);
  }
  if (!options.metrics.host.empty()) {
    auto http = HttpServer::start(options.metrics,
                                  [raw = impl.get()](std::string_view path) { return raw->answer(path); });
    if (!http) return fail(http.error());
    impl->http = std::move(*http);
  }
  return std::unique_ptr<Proxy>(new Proxy(std::move(impl)));
}

void Proxy::start() {
  const ProxyOptions& options = *impl_->board.news().options;
  tell(LogLevel::kInfo, Event::kStart, "listening at " + to_string(impl_->listen),
       {{"workers", std::to_string(options.workers)}});
  impl_->scout.start();
  impl_->replica_scout.start();
  for (Worker& worker : impl_->workers) worker.start();
}

Status Proxy::reload_certificates() { return impl_->certificates.load(); }
Status Proxy::reload(const ProxyOptions& options) {
  std::shared_ptr<const ProxyOptions> before = impl_->board.news().options;
  auto now = std::make_shared<ProxyOptions>(options);
  if (now->listen != before->listen || now->metrics != before->metrics || now->workers != before->workers)
    tell(LogLevel::kWarning, Event::kReload,
         "listen, metrics and workers cannot change while the proxy runs; they are kept");
  now->listen = before->listen;
  now->metrics = before->metrics;
  now->reads = before->reads;
  now->workers = before->workers;
  if (Status loaded = impl_->certificates.load(now->tls); !loaded) return loaded;
  impl_->board.set_options(std::move(now));
  tell(LogLevel::kInfo, Event::kReload, "the configuration was read again");
  return {};
}

void Proxy::drain() {
  if (impl_->board.news().draining) return;
  tell(LogLevel::kInfo, Event::kDrain, "ending: clients get the answers that they wait for",
       {{"clients", std::to_string(impl_->board.clients())}});
  impl_->board.drain();
  for (Worker& worker : impl_->workers) worker.join();
  tell(LogLevel::kInfo, Event::kDrain, "ended",
       {{"clients_cut_off", std::to_string(impl_->board.clients())}});
}

const Address& Proxy::address() const { return impl_->listen; }

}  // namespace keyway::proxy
