#include "platform/kubernetes/reflector.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "base/format.h"
#include "base/log.h"
#include "platform/kubernetes/list_page.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr int kMaxDoublings = 16;
// A watch that ends sooner than this counts as a failure, lest one follows the other without a pause.
constexpr int64_t kShortMs = 1'000;

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

struct Reflector::Impl : std::enable_shared_from_this<Reflector::Impl> {
  // What is going on; with kPausing, what comes next is by `resource_version`: none, a list.
  enum class State { kListing, kWatching, kPausing, kStopped };

  Impl(ApiClient& api, const ResourceType& resource, std::string within, ObjectStore& into,
       ReflectorOptions how)
      : client(api),
        type(resource),
        name_space(std::move(within)),
        store(into),
        options(std::move(how)),
        pause(api.io()) {}

  void go_on();
  void list();
  void ask_page(const std::string& token);
  void take_page(const ApiResult<std::string>& body);
  void watch();
  Status take_line(std::string_view line);
  Status take_event(const WatchEvent& event);
  void watch_ended(const ApiResult<void>& ended);
  void failed(ApiError error);
  void pause_for(int64_t for_ms);
  void note(const Status& stored, bool& complete);
  void stop();

  ApiClient& client;
  const ResourceType type;
  const std::string name_space;
  ObjectStore& store;
  const ReflectorOptions options;

  State state = State::kPausing;
  boost::asio::steady_timer pause;
  uint64_t request = 0;  // under way
  std::string resource_version;
  size_t pages = 0;
  bool list_complete = true;  // every object of the list could be stored
  WatchLines lines;
  std::optional<ApiError> of_watch;  // what the server said within it
  int64_t watch_began_ms = 0;
  int failures = 0;  // in a row
  bool synced = false;
  std::optional<ApiError> problem;
  int64_t heard_ms = 0;
  uint64_t lists = 0;
  uint64_t watches = 0;
};

void Reflector::Impl::go_on() {
  if (state == State::kStopped) return;
  if (resource_version.empty())
    list();
  else
    watch();
}

void Reflector::Impl::list() {
  state = State::kListing;
  ++lists;
  pages = 0;
  list_complete = true;
  store.begin_list();
  ask_page("");
}

void Reflector::Impl::ask_page(const std::string& token) {
  request = client.send(list_request(type, name_space, options.list, token),
                        [self = shared_from_this()](const ApiResult<std::string>& body) {
                          if (self->state == State::kListing) self->take_page(body);
                        });
}

void Reflector::Impl::take_page(const ApiResult<std::string>& body) {
  if (!body) return failed(body.error());
  heard_ms = now_ms();
  Result<ListPage> page = cut_list(*body);
  if (!page) return failed({.code = ApiCode::kMalformed, .message = page.error().message});
  for (std::string_view item : page->items) {
    note(store.put(item), list_complete);
    if (state == State::kStopped) return;
  }
  if (!page->continue_token.empty()) {
    if (++pages < options.max_pages) return ask_page(page->continue_token);
    return failed(
        {.code = ApiCode::kMalformed, .message = fmt::format("list {}: it has no end", type.plural)});
  }
  store.end_list();
  if (state == State::kStopped) return;
  resource_version = page->resource_version;
  synced = true;
  if (list_complete) problem.reset();
  if (resource_version.empty())
    return failed({.code = ApiCode::kMalformed, .message = "the list has no resourceVersion"});
  watch();
}

// Objects that cannot be stored hold up none of the others.
void Reflector::Impl::note(const Status& stored, bool& complete) {
  if (stored) return;
  complete = false;
  problem = ApiError{.code = ApiCode::kMalformed,
                     .message = fmt::format("{}: {}", type.plural, stored.error().message)};
}

void Reflector::Impl::watch() {
  state = State::kWatching;
  ++watches;
  lines = {};
  of_watch.reset();
  watch_began_ms = now_ms();
  std::shared_ptr<Impl> self = shared_from_this();
  auto current = [self] { return self->state == State::kWatching; };
  request = client.stream(watch_request(type, name_space, options.list,
                                        {.resource_version = resource_version, .lasts_s = options.lasts_s}),
                          options.silence_ms,
                          {.begun =
                               [self, current] {
                                 if (!current()) return;
                                 self->heard_ms = now_ms();
                                 if (self->list_complete) self->problem.reset();
                               },
                           .piece = [self, current](std::string_view piece) -> Status {
                             if (!current()) return {};
                             self->heard_ms = now_ms();
                             return self->lines.feed(
                                 piece, [&](std::string_view line) { return self->take_line(line); });
                           },
                           .ended =
                               [self, current](const ApiResult<void>& ended) {
                                 if (current()) self->watch_ended(ended);
                               }});
}

Status Reflector::Impl::take_line(std::string_view line) {
  if (state != State::kWatching) return {};
  Result<WatchEvent> event = read_watch_event(line);
  if (!event) return fail(event.error());
  return take_event(*event);
}

Status Reflector::Impl::take_event(const WatchEvent& event) {
  using Kind = WatchEvent::Kind;
  if (event.kind == Kind::kError) {
    of_watch = refusal_of(event.object, fmt::format("watch {}", type.plural));
    return fail(ErrorCode::kUnavailable, of_watch->message);
  }
  failures = 0;
  if (event.kind == Kind::kAdded || event.kind == Kind::kModified)
    note(store.put(event.object), list_complete);
  if (event.kind == Kind::kDeleted) note(store.take_away(event.object), list_complete);
  if (!event.resource_version.empty()) resource_version = event.resource_version;
  return {};
}

void Reflector::Impl::watch_ended(const ApiResult<void>& ended) {
  if (of_watch) return failed(*of_watch);
  bool short_lived = now_ms() - watch_began_ms < kShortMs;
  if (!ended) return failed(ended.error());
  if (!short_lived) {
    failures = 0;
    return watch();
  }
  ++failures;
  pause_for(options.backoff_min_ms);
}

// A watch that was merely cut is no problem that anybody should hear of, unless it goes on.
void Reflector::Impl::failed(ApiError error) {
  bool was_watching = state == State::kWatching;
  bool cut = was_watching && (error.code == ApiCode::kLost || error.code == ApiCode::kTimeout);
  // What cannot be passed on from here is passed by a list: the version is too old, or nothing can be made of
  // what comes, or the type has been taken away.
  if (!is_passing(error)) resource_version.clear();
  int64_t least_ms = error.retry_after_ms;
  ++failures;
  if (!cut || failures > 1) {
    if (!problem || problem->code != error.code)
      log_warning("cannot follow the API server",
                  {{"type", std::string(type.plural)}, {"why", error.message}});
    problem = std::move(error);
  }
  int64_t doubled = options.backoff_min_ms << std::min(failures - 1, kMaxDoublings);
  pause_for(std::max(least_ms, std::min(doubled, options.backoff_max_ms)));
}

void Reflector::Impl::pause_for(int64_t for_ms) {
  state = State::kPausing;
  pause.expires_after(std::chrono::milliseconds(for_ms));
  pause.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && self->state == State::kPausing) self->go_on();
  });
}

void Reflector::Impl::stop() {
  state = State::kStopped;
  pause.cancel();
  client.cancel(request);
}

Reflector::Reflector(ApiClient& client, const ResourceType& type, std::string name_space, ObjectStore& store,
                     ReflectorOptions options)
    : impl_(std::make_shared<Impl>(client, type, std::move(name_space), store, std::move(options))) {
  boost::asio::post(client.io(), [impl = impl_] { impl->go_on(); });
}

Reflector::~Reflector() { impl_->stop(); }

bool Reflector::synced() const { return impl_->synced; }
const std::optional<ApiError>& Reflector::problem() const { return impl_->problem; }
int64_t Reflector::heard_ms() const { return impl_->heard_ms; }
uint64_t Reflector::lists() const { return impl_->lists; }
uint64_t Reflector::watches() const { return impl_->watches; }

}  // namespace keyway::platform::kubernetes
