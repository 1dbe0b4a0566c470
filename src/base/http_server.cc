#include "base/http_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/format.h"
#include "base/tcp.h"

namespace keyway {

namespace {

constexpr size_t kMaxRequestBytes = 8192;
constexpr int kRequestMs = 2000;  // for a whole request to come
constexpr int kForEver = -1;

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

std::string render(const HttpAnswer& answer) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      answer.status, reason(answer.status), answer.type, answer.text.size(), answer.text);
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(const Address& address, Handler handler) {
  Result<int> listener = listen_at(address);
  if (!listener) return fail(listener.error());
  Address bound = {address.host, local_of(*listener).port};
  std::unique_ptr<HttpServer> server(new HttpServer(*listener, std::move(bound), std::move(handler)));
  server->thread_ = std::thread([raw = server.get()] { raw->run(); });
  return server;
}

HttpServer::HttpServer(int listener, Address address, Handler handler)
    : listener_(listener),
      end_fd_(eventfd(0, EFD_CLOEXEC)),
      address_(std::move(address)),
      handler_(std::move(handler)) {}

HttpServer::~HttpServer() {
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(end_fd_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  close(end_fd_);
  close(listener_);
}

bool HttpServer::readable(int fd, int timeout_ms) {
  std::array<pollfd, 2> waiting = {pollfd{end_fd_, POLLIN, 0}, pollfd{fd, POLLIN, 0}};
  int ready = 0;
  // The program's signals may come to this thread, too.
  do {
    ready = poll(waiting.data(), waiting.size(), timeout_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0 && waiting[0].revents == 0;
}

void HttpServer::run() {
  while (readable(listener_, kForEver)) {
    int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    serve(fd);
    close(fd);
  }
}

void HttpServer::serve(int fd) {
  std::string request;
  while (request.find("\r\n\r\n") == std::string::npos) {
    std::array<char, 1024> bytes{};
    if (request.size() > kMaxRequestBytes || !readable(fd, kRequestMs)) return;
    ssize_t got = recv(fd, bytes.data(), bytes.size(), 0);
    if (got <= 0) return;
    request.append(bytes.data(), static_cast<size_t>(got));
  }
  HttpAnswer answer{405, "only GET\n"};
  if (request.starts_with("GET ")) {
    std::string_view path = std::string_view(request).substr(4);
    answer = handler_(path.substr(0, path.find_first_of(" ?\r")));
  }
  std::string text = render(answer);
  timeval limit{kRequestMs / 1000, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  [[maybe_unused]] ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace keyway
