// Client and server over a real socket: what each does with the other's good and bad manners.
#include "supervisor/control.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <thread>

#include "base/format.h"
#include "supervisor/control_server.h"
#include "supervisor/unix_socket.h"

namespace keyway::supervisor {
namespace {

using platform::local::Fd;

class TempFolder {
 public:
  TempFolder() {
    char name[] = "/tmp/keyway-control-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A server in a thread of its own, as in the supervisor; answers everything at once unless `hold` says
// otherwise.
class Host {
 public:
  explicit Host(const std::string& socket) {
    auto opened = ControlServer::open(io_, socket, [this](Request request, ControlServer::Reply reply) {
      handle(std::move(request), std::move(reply));
    });
    EXPECT_TRUE(opened) << opened.error().message;
    if (opened) server_ = std::move(*opened);
    thread_ = std::thread([this] {
      const auto guard = boost::asio::make_work_guard(io_);
      io_.run();
    });
  }
  ~Host() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this] { server_.reset(); });
    boost::asio::post(io_, [this] { io_.stop(); });
    thread_.join();
  }

  size_t clients() {
    std::promise<size_t> count;
    boost::asio::post(io_, [&] { count.set_value(server_->clients()); });
    return count.get_future().get();
  }

  std::atomic<bool> hold = false;  // let requests wait for ever
  std::atomic<int> handled = 0;

 private:
  void handle(Request request, ControlServer::Reply reply) {
    ++handled;
    if (hold) return held_.push_back(std::move(reply));
    if (const auto* look = std::get_if<ProgressRequest>(&request)) {
      Progress progress;
      progress.generation = look->events_since;
      progress.status_json = std::string(100'000, 's');
      return reply(encode_progress(progress));
    }
    if (const auto* apply = std::get_if<ApplyRequest>(&request))
      return reply(encode_generation(apply->spec_yaml.size()));
    if (std::holds_alternative<DownRequest>(request)) return reply(encode_generation(1));
    reply(encode_error({ErrorCode::kConflict, fmt::format("no {} now", name_of(request))}));
  }

  boost::asio::io_context io_{1};
  std::unique_ptr<ControlServer> server_;
  std::vector<ControlServer::Reply> held_;
  std::thread thread_;
};

Fd raw_client(const std::string& socket) {
  auto place = SocketPlace::open(socket);
  auto fd = place->connect(1000);
  EXPECT_TRUE(fd) << fd.error().message;
  timeval limit{5, 0};
  ::setsockopt(fd->get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  return std::move(*fd);
}

// Everything up to the end of the stream or the first line's end.
std::string read_line(int fd) {
  std::string line;
  char byte = 0;
  while (::recv(fd, &byte, 1, 0) == 1) {
    line += byte;
    if (byte == '\n') break;
  }
  return line;
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(Control, RequestsAndRepliesOverOneConnection) {
  TempFolder folder;
  Host host(folder.path() + "/s.sock");
  auto client = Client::connect(folder.path() + "/s.sock");
  ASSERT_TRUE(client) << client.error().message;
  const auto progress = client->progress(17);
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->generation, 17u);
  EXPECT_EQ(progress->status_json.size(), 100'000u);
  EXPECT_EQ(client->apply("abc").value(), 3u);
  const auto refused = client->failover("p1", "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(refused.error().message, "no failover now");
  EXPECT_EQ(client->restart({"p1-0"}).error().message, "no restart now");
  EXPECT_TRUE(client->down());
  EXPECT_EQ(host.handled, 5);
}

TEST(Control, LargeRequestsPassUpToTheLimit) {
  TempFolder folder;
  Host host(folder.path() + "/s.sock");
  auto client = Client::connect(folder.path() + "/s.sock");
  ASSERT_TRUE(client);
  EXPECT_EQ(client->apply(std::string(kMaxRequestBytes - 100, 'x')).value(), kMaxRequestBytes - 100);
  const auto too_long = client->apply(std::string(kMaxRequestBytes, 'x'));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(client->progress(0)) << "the connection must still be good";
}

TEST(Control, NobodyThereIsNotFound) {
  TempFolder folder;
  EXPECT_EQ(Client::connect(folder.path() + "/s.sock").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Client::connect(folder.path() + "/none/s.sock").error().code, ErrorCode::kNotFound);
}

TEST(Control, WorksAtPathsLongerThanASocketAddress) {
  TempFolder folder;
  const std::string deep = folder.path() + "/" + std::string(120, 'd') + "/" + std::string(120, 'e');
  std::filesystem::create_directories(deep);
  {
    Host host(deep + "/s.sock");
    auto client = Client::connect(deep + "/s.sock");
    ASSERT_TRUE(client) << client.error().message;
    EXPECT_TRUE(client->progress(0));
  }
  EXPECT_FALSE(std::filesystem::exists(deep + "/s.sock"));
}

TEST(Control, SocketIsForItsOwnerOnly) {
  TempFolder folder;
  const mode_t before = ::umask(0);
  Host host(folder.path() + "/s.sock");
  ::umask(before);
  struct stat info{};
  ASSERT_EQ(::stat((folder.path() + "/s.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(Control, StaleSocketOfADeadSupervisorIsReplaced) {
  TempFolder folder;
  const std::string socket = folder.path() + "/s.sock";
  {
    auto place = SocketPlace::open(socket);
    ASSERT_TRUE(place->listen());  // closed at once, its file stays, as after kill -9
  }
  ASSERT_TRUE(std::filesystem::exists(socket));
  EXPECT_EQ(Client::connect(socket).error().code, ErrorCode::kNotFound);
  Host host(socket);
  auto client = Client::connect(socket);
  ASSERT_TRUE(client);
  EXPECT_TRUE(client->progress(0));
}

TEST(Control, EndOfTheServerIsSeenByItsClients) {
  TempFolder folder;
  Host host(folder.path() + "/s.sock");
  auto client = Client::connect(folder.path() + "/s.sock");
  ASSERT_TRUE(client->progress(0));
  host.stop();
  EXPECT_EQ(client->progress(0).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(client->down().error().code, ErrorCode::kUnavailable);
}

TEST(Control, NonsenseIsAnsweredAndTheConnectionStays) {
  TempFolder folder;
  Host host(folder.path() + "/s.sock");
  const Fd fd = raw_client(folder.path() + "/s.sock");
  const std::string nonsense = "hello\n";
  ASSERT_EQ(::send(fd.get(), nonsense.data(), nonsense.size(), 0), 6);
  EXPECT_EQ(decode_generation(read_line(fd.get())).error().code, ErrorCode::kInvalidArgument);
  const std::string down = encode_request(DownRequest{});
  ::send(fd.get(), down.data(), down.size(), 0);
  EXPECT_EQ(decode_generation(read_line(fd.get())).value(), 1u);
  EXPECT_EQ(host.handled, 1);
}

TEST(Control, PipelinedRequestsAreAnsweredInOrder) {
  TempFolder folder;
  Host host(folder.path() + "/s.sock");
  const Fd fd = raw_client(folder.path() + "/s.sock");
  std::string lines;
  for (int i = 1; i <= 20; ++i)
    lines += encode_request(ApplyRequest{std::string(static_cast<size_t>(i), 'x')});
  ::send(fd.get(), lines.data(), lines.size(), 0);
  for (uint64_t i = 1; i <= 20; ++i) EXPECT_EQ(decode_generation(read_line(fd.get())).value(), i);
}

TEST(Control, EndlessLineIsCutOff) {
  TempFolder folder;
  Host host(folder.path() + "/s.sock");
  const Fd fd = raw_client(folder.path() + "/s.sock");
  const std::string part(65536, 'x');
  for (size_t sent = 0; sent <= kMaxRequestBytes; sent += part.size()) {
    if (::send(fd.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0) break;
  }
  const std::string reply = read_line(fd.get());
  EXPECT_EQ(decode_generation(reply).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(eventually([&] { return host.clients() == 0; }));
}

TEST(Control, SlowAndHalfOpenClientsHoldUpNobody) {
  TempFolder folder;
  const std::string socket = folder.path() + "/s.sock";
  Host host(socket);
  std::vector<Fd> others;
  const std::string look = encode_request(ProgressRequest{});
  for (int i = 0; i < 30; ++i) {
    others.push_back(raw_client(socket));
    // Half of them say half a request, half ask for more than the socket holds and read nothing of it.
    const std::string words = i % 2 == 0 ? "{\"version\":1," : look + look + look + look;
    ::send(others.back().get(), words.data(), words.size(), 0);
  }
  auto client = Client::connect(socket);
  ASSERT_TRUE(client);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client->progress(0));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(host.clients(), 31u);
}

TEST(Control, TheClientThatWasIdleLongestMakesRoom) {
  TempFolder folder;
  const std::string socket = folder.path() + "/s.sock";
  Host host(socket);
  std::vector<Fd> idle;
  for (size_t i = 0; i < kMaxClients; ++i) idle.push_back(raw_client(socket));
  ASSERT_TRUE(eventually([&] { return host.clients() == kMaxClients; }));
  auto client = Client::connect(socket);
  ASSERT_TRUE(client);
  EXPECT_TRUE(client->progress(0));
  EXPECT_EQ(host.clients(), kMaxClients);
  EXPECT_EQ(read_line(idle.front().get()), "") << "the first one was closed";
  const std::string down = encode_request(DownRequest{});
  ::send(idle.back().get(), down.data(), down.size(), MSG_NOSIGNAL);
  EXPECT_TRUE(decode_generation(read_line(idle.back().get()))) << "the last one was not";
}

TEST(Control, ClientsThatWaitForAnAnswerAreNotDropped) {
  TempFolder folder;
  const std::string socket = folder.path() + "/s.sock";
  Host host(socket);
  host.hold = true;
  std::vector<Fd> waiting;
  const std::string down = encode_request(DownRequest{});
  for (size_t i = 0; i < kMaxClients; ++i) {
    waiting.push_back(raw_client(socket));
    ::send(waiting.back().get(), down.data(), down.size(), 0);
  }
  ASSERT_TRUE(eventually([&] { return host.handled == static_cast<int>(kMaxClients); }));
  const Fd late = raw_client(socket);
  EXPECT_EQ(read_line(late.get()), "") << "there is no room for it";
  EXPECT_EQ(host.clients(), kMaxClients);
}

TEST(Control, ReplyToAClientThatHasGoneIsNoHarm) {
  TempFolder folder;
  const std::string socket = folder.path() + "/s.sock";
  Host host(socket);
  for (int i = 0; i < 20; ++i) {
    const Fd fd = raw_client(socket);
    const std::string look = encode_request(ProgressRequest{});
    ::send(fd.get(), look.data(), look.size(), 0);
  }
  auto client = Client::connect(socket);
  ASSERT_TRUE(client);
  EXPECT_TRUE(client->progress(0));
  EXPECT_TRUE(eventually([&] { return host.clients() == 1; }));
}

}  // namespace
}  // namespace keyway::supervisor
