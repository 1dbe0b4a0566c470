#include "platform/kubernetes/api_client.h"

#include <boost/asio/post.hpp>

#include "base/format.h"
#include "platform/kubernetes/api_client_impl.h"

namespace keyway::platform::kubernetes {

ApiClient::ApiClient(boost::asio::io_context& io, ClientConfig config, ApiClientOptions options)
    : impl_(std::make_shared<ApiClientImpl>(io, std::move(config), std::move(options))) {}

ApiClient::~ApiClient() {
  while (!impl_->calls.empty()) cancel(impl_->calls.begin()->first);
  while (!impl_->streams.empty()) cancel(impl_->streams.begin()->first);
  impl_->transport.close_idle();
}

uint64_t ApiClient::send(ApiRequest request, Answer answer) {
  uint64_t number = ++impl_->last_number;
  auto call = std::make_shared<ApiCall>(*impl_, number, std::move(request), std::move(answer));
  impl_->calls.emplace(number, call);
  if (impl_->waiting.size() >= impl_->transport.options().max_waiting && !call->urgent()) {
    call->refuse(
        {.code = ApiCode::kUnreachable,
         .message = fmt::format("{} requests to the API server wait already", impl_->waiting.size())});
    return number;
  }
  call->line_up(call->urgent());
  boost::asio::post(impl_->transport.io(), [weak = std::weak_ptr(impl_)] {
    if (std::shared_ptr<ApiClientImpl> impl = weak.lock()) impl->serve();
  });
  return number;
}

ApiResult<std::string> ApiClient::call(ApiRequest request) {
  std::optional<ApiResult<std::string>> result;
  std::string what = request.what;
  uint64_t number =
      send(std::move(request), [&result](ApiResult<std::string> body) { result = std::move(body); });
  boost::asio::io_context& loop = io();
  if (loop.stopped()) loop.restart();
  while (!result && loop.run_one() > 0) {
  }
  if (result) return std::move(*result);
  cancel(number);
  return api_fail(ApiCode::kTimeout, what + ": given up, since the program ends");
}

uint64_t ApiClient::stream(ApiRequest request, int64_t silence_ms, StreamEvents events) {
  uint64_t number = ++impl_->last_number;
  auto stream =
      std::make_shared<ApiStream>(*impl_, number, std::move(request), silence_ms, std::move(events));
  impl_->streams.emplace(number, stream);
  boost::asio::post(impl_->transport.io(), [stream] { stream->begin(); });
  return number;
}

void ApiClient::cancel(uint64_t number) {
  if (auto call = impl_->calls.find(number); call != impl_->calls.end()) {
    std::shared_ptr<ApiCall>(call->second)->cancel();
    return;
  }
  if (auto stream = impl_->streams.find(number); stream != impl_->streams.end())
    std::shared_ptr<ApiStream>(stream->second)->cancel();
}

const ClientConfig& ApiClient::config() const { return impl_->transport.credentials().config(); }

boost::asio::io_context& ApiClient::io() { return impl_->transport.io(); }

ApiTransport& ApiClient::transport() { return impl_->transport; }

uint64_t ApiClient::tries() const { return impl_->tries; }

void ApiClientImpl::serve() {
  while (!waiting.empty() && (trying < transport.options().max_connections || waiting.front()->urgent())) {
    std::shared_ptr<ApiCall> next = std::move(waiting.front());
    waiting.pop_front();
    next->begin_try();
  }
}

}  // namespace keyway::platform::kubernetes
