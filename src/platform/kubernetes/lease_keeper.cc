#include "platform/kubernetes/lease_keeper.h"

#include <time.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "base/format.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr int64_t kMaxSleepMs = 1'000;

int64_t clock_ms(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  constexpr int64_t ms_per_s = 1'000;
  constexpr int64_t ns_per_ms = 1'000'000;
  return int64_t{now.tv_sec} * ms_per_s + now.tv_nsec / ns_per_ms;
}

int64_t unix_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

struct LeaseKeeper::Impl : std::enable_shared_from_this<LeaseKeeper::Impl> {
  Impl(ApiClient& api, Place wanted, LeaseTimes given_times, std::function<void(bool)> on_change)
      : client(api),
        place(std::move(wanted)),
        times(given_times),
        changed(std::move(on_change)),
        lease(place.identity, given_times),
        timer(api.io()) {}

  // Also counts while the machine sleeps.
  static int64_t now() { return clock_ms(CLOCK_BOOTTIME); }

  void go_on();
  void sleep(int64_t until_ms);
  void ask(const Lease::Order& order);
  void take_answer(Lease::Ask asked, const ApiResult<std::string>& body);
  void take_refusal(Lease::Ask asked, const ApiError& error);
  void tell();
  void stop();

  ApiClient& client;
  const Place place;
  const LeaseTimes times;
  std::function<void(bool)> changed;
  Lease lease;
  boost::asio::steady_timer timer;
  uint64_t request = 0;
  bool asking = false;
  bool stopped = false;
  bool told = false;  // what `changed` was last told
  std::string problem;
};

void LeaseKeeper::Impl::go_on() {
  if (stopped) return;
  tell();
  if (stopped || asking) return sleep(INT64_MAX);
  Lease::Order order = lease.next(now(), unix_us());
  if (order.ask == Lease::Ask::kNothing) return sleep(order.at_ms);
  ask(order);
  sleep(INT64_MAX);
}

// Also until the moment at which it would be lost, which has to be told. Asio's clock rests with the machine,
// hence the short sleeps while it is held.
void LeaseKeeper::Impl::sleep(int64_t until_ms) {
  if (stopped) return;
  int64_t now_ms = now();
  if (lease.holds(now_ms)) until_ms = std::min({until_ms, lease.held_until_ms(), now_ms + kMaxSleepMs});
  if (until_ms == INT64_MAX) return;
  timer.expires_after(std::chrono::milliseconds(std::max<int64_t>(until_ms - now_ms, 0)));
  timer.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error) self->go_on();
  });
}

void LeaseKeeper::Impl::ask(const Lease::Order& order) {
  ApiRequest question;
  std::string object =
      order.ask == Lease::Ask::kRead ? "" : lease_json(place.name_space, place.name, order.record);
  if (order.ask == Lease::Ask::kRead) question = get_request(kLeases, place.name_space, place.name);
  if (order.ask == Lease::Ask::kCreate) question = create_request(kLeases, place.name_space, object);
  if (order.ask == Lease::Ask::kWrite)
    question = replace_request(kLeases, place.name_space, place.name, object);
  // Once, and not for long: what comes too late for the holder is of no use. The Lease asks again itself.
  question.repeatable = false;
  question.urgent = true;
  question.timeout_ms = std::max<int64_t>((times.hold_ms - times.renew_ms) / 2, 1);
  asking = true;
  request = client.send(std::move(question),
                        [self = shared_from_this(), asked = order.ask](const ApiResult<std::string>& body) {
                          self->asking = false;
                          if (!self->stopped) self->take_answer(asked, body);
                        });
}

void LeaseKeeper::Impl::take_answer(Lease::Ask asked, const ApiResult<std::string>& body) {
  if (!body) {
    take_refusal(asked, body.error());
    return go_on();
  }
  Result<LeaseRecord> record = parse_lease(*body);
  if (!record) {
    problem = fmt::format("lease {}/{}: {}", place.name_space, place.name, record.error().message);
    lease.was_lost(now());
    return go_on();
  }
  problem.clear();
  if (asked == Lease::Ask::kRead)
    lease.was_read(now(), *record);
  else
    lease.was_written(now(), record->resource_version);
  go_on();
}

void LeaseKeeper::Impl::take_refusal(Lease::Ask asked, const ApiError& error) {
  if (asked == Lease::Ask::kRead && error.code == ApiCode::kNotFound)
    return lease.was_read(now(), std::nullopt);
  bool beaten = asked != Lease::Ask::kRead &&
                (error.code == ApiCode::kConflict || error.code == ApiCode::kAlreadyExists);
  bool deleted = asked == Lease::Ask::kWrite && error.code == ApiCode::kNotFound;
  if (beaten || deleted) return lease.was_refused(now());
  problem = error.message;
  lease.was_lost(now());
}

void LeaseKeeper::Impl::tell() {
  bool held = lease.holds(now());
  if (held == told) return;
  told = held;
  if (changed) changed(held);
}

void LeaseKeeper::Impl::stop() {
  stopped = true;
  timer.cancel();
  if (asking) client.cancel(request);
}

LeaseKeeper::LeaseKeeper(ApiClient& client, Place place, LeaseTimes times,
                         std::function<void(bool held)> changed)
    : impl_(std::make_shared<Impl>(client, std::move(place), times, std::move(changed))) {
  boost::asio::post(client.io(), [impl = impl_] { impl->go_on(); });
}

LeaseKeeper::~LeaseKeeper() { impl_->stop(); }

bool LeaseKeeper::holds() const { return impl_->lease.holds(Impl::now()); }

int64_t LeaseKeeper::held_for_ms() const {
  int64_t now_ms = Impl::now();
  return impl_->lease.holds(now_ms) ? impl_->lease.held_until_ms() - now_ms : 0;
}

int64_t LeaseKeeper::transitions() const { return impl_->lease.transitions(); }
std::string LeaseKeeper::holder() const { return impl_->lease.holder(); }
const std::string& LeaseKeeper::problem() const { return impl_->problem; }

void LeaseKeeper::release() {
  impl_->lease.release(Impl::now());
  boost::asio::post(impl_->client.io(), [impl = impl_] { impl->go_on(); });
}

bool LeaseKeeper::released() const { return impl_->lease.released(); }

void LeaseKeeper::try_again() {
  impl_->lease.try_again(Impl::now());
  boost::asio::post(impl_->client.io(), [impl = impl_] { impl->go_on(); });
}

void LeaseKeeper::seen(const LeaseRecord& record) {
  impl_->lease.was_seen(Impl::now(), record);
  boost::asio::post(impl_->client.io(), [impl = impl_] { impl->go_on(); });
}

}  // namespace keyway::platform::kubernetes
