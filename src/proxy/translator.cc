#include "proxy/translator.h"

#include <string>

#include "base/format.h"
#include "base/http_server.h"
#include "proxy/board.h"
#include "proxy/metrics.h"
#include "proxy/scout.h"
#include "proxy/socket.h"
#include "proxy/translating_worker.h"

namespace keyway::proxy {

namespace {

// What the scout goes by.
ProxyOptions for_board(const TranslatorOptions& options) {
  ProxyOptions looked_by;
  looked_by.seeds = options.seeds;
  looked_by.account = options.account;
  looked_by.detours = options.detours;
  return looked_by;
}

}  // namespace

struct Translator::Impl {
  Impl(const TranslatorOptions& options, const Address& bound, int listener)
      : limits(options.limits),
        listen(bound),
        board(for_board(options)),
        worker(board, limits, bound, options.listen.port == 0, listener),
        scout(board, [] {}) {}

  HttpAnswer answer(std::string_view path) const;
  HttpAnswer map_answer() const;

  const Limits limits;
  const Address listen;
  Address metrics;
  Board board;
  TranslatingWorker worker;
  Scout scout;
  std::unique_ptr<HttpServer> http;  // ends first
};

// A line for each node: its id, role, real host and port, local host and port.
HttpAnswer Translator::Impl::map_answer() const {
  std::shared_ptr<const NodeMap> map = worker.node_map();
  if (map == nullptr) return {503, "no node of the cluster has answered\n"};
  std::string text;
  for (const MappedNode& node : map->nodes()) {
    text += fmt::format("{} {} {} {} {} {}\n", node.id, node.primary ? "primary" : "replica", node.real.host,
                        node.real.port, listen.host, node.port);
  }
  return {200, text};
}

HttpAnswer Translator::Impl::answer(std::string_view path) const {
  if (path == "/healthz") return {200, "ok\n"};
  if (path == "/map") return map_answer();
  if (path == "/metrics") return {200, render_metrics({&worker.stats()})};
  if (path != "/readyz") return {404, "there are /map, /metrics, /healthz and /readyz\n"};
  if (board.news().draining) return {503, "ending\n"};
  HttpAnswer map = map_answer();
  return map.status == 200 ? HttpAnswer{200, "ok\n"} : map;
}

Translator::Translator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Translator::~Translator() { drain(); }

Result<std::unique_ptr<Translator>> Translator::make(const TranslatorOptions& options) {
  Result<int> listener = listen_at(options.listen);
  if (!listener) return fail(listener.error());
  Address bound{options.listen.host, local_of(*listener).port};
  auto impl = std::make_unique<Impl>(options, bound, *listener);
  if (!options.metrics.host.empty()) {
    auto http = HttpServer::start(options.metrics,
                                  [raw = impl.get()](std::string_view path) { return raw->answer(path); });
    if (!http) return fail(http.error());
    impl->metrics = (*http)->address();
    impl->http = std::move(*http);
  }
  return std::unique_ptr<Translator>(new Translator(std::move(impl)));
}

void Translator::start() {
  impl_->scout.start();
  impl_->worker.start();
}

void Translator::drain() {
  impl_->board.drain();
  impl_->worker.join();
}

const Address& Translator::address() const { return impl_->listen; }
std::shared_ptr<const NodeMap> Translator::node_map() const { return impl_->worker.node_map(); }
const Address& Translator::metrics_address() const { return impl_->metrics; }

}  // namespace keyway::proxy
