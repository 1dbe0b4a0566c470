#include "proxy/worker.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "proxy/events.h"
#include "proxy/login.h"
#include "proxy/socket.h"

namespace keyway::proxy {

namespace {

constexpr int kAcceptsATurn = 64;
constexpr int kPausedTurnMs = 10;  // CLIENT PAUSE ends so late at most
constexpr int kDescriptorWaitMs = 100;
constexpr std::string_view kTooMany = "-ERR max number of clients reached\r\n";

}  // namespace

Worker::Worker(Board& board, Mailroom& mailroom, ScriptStore& scripts, int listener)
    : board_(board),
      options_(board.news().options),
      limits_(options_->limits),
      anonymous_(options_->anonymous),
      scripts_(scripts),
      router_(loop_, limits_, stats_, scripts_, [&board] { board.ask_to_look(); }),
      services_{loop_, limits_, anonymous_, stats_, router_, dispatcher_, *this, mailroom, scripts_, 0},
      dispatcher_(services_),
      listener_(listener),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      accepting_([this] { accept_clients(); }),
      waking_([this] { wake_up(); }) {
  services_.users = options_->users;
  services_.login_required = options_->login_required;
  board.add_reader(wake_fd_);
  services_.box = mailroom.add_box(wake_fd_);
}

Worker::~Worker() {
  join();
  while (!clients_.empty()) clients_.begin()->second->close();
  router_.close();
  loop_.finish_turn();
  if (listener_ >= 0) ::close(listener_);
  ::close(wake_fd_);
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  if (Status waking = loop_.poller().add(wake_fd_, waking_, {true, false, false}); !waking) {
    tell(LogLevel::kError, Event::kTrouble, "a worker cannot be woken", {{"why", waking.error().message}});
    return;
  }
  loop_.turn(0);
  open_at_ms_ = loop_.now_ms() + limits_.wait_ms;
  take_news();
  while (!draining_ || (!clients_.empty() && loop_.now_ms() < drained_by_ms_)) {
    // Before it waits: what it has to know may have been known before it began.
    if (!open_ && (topology_ != nullptr || loop_.now_ms() > open_at_ms_)) open_door();
    loop_.turn(patience_ms());
    router_.tick();
    if (services_.pause.until_ms != 0) check_pause();
    look_after_handshakes();
    if (heed_at_ms_ != 0 && loop_.now_ms() >= heed_at_ms_) heed_listener();
    stats_.traffic.tick(loop_.now_ms());
    loop_.finish_turn();
    stats_.held_bytes.set(loop_.pool().in_use_bytes());
  }
}

void Worker::open_door() {
  open_ = true;
  if (listener_ < 0) return;
  if (Status listening = loop_.poller().add(listener_, accepting_, {true, false, false}); !listening)
    tell(LogLevel::kError, Event::kTrouble, "a worker cannot take clients",
         {{"why", listening.error().message}});
}

void Worker::accept_clients() {
  for (int i = 0; i < kAcceptsATurn && listener_ >= 0; ++i) {
    if (services_.handshakes.count() >= limits_.max_handshakes) {
      door_held_ = true;
      return loop_.poller().change(listener_, accepting_, {false, false, false});
    }
    int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) return;
    if (fd < 0) return leave_listener();
    if (!board_.admit_client(limits_.max_clients)) {
      refuse(fd);
      continue;
    }
    serve(fd);
  }
}

void Worker::serve(int fd) {
  prepare_client(fd);
  auto client = std::make_unique<Client>(services_, fd, services_.mailroom.client_id(services_.box, served_));
  ++served_;
  Client* accepted = client.get();
  if (Status opened = accepted->open(); !opened) {
    tell(LogLevel::kWarning, Event::kRefusedClient, "a client cannot be served",
         {{"client", to_string(accepted->address())}, {"why", opened.error().message}});
    return board_.client_left();
  }
  clients_.emplace(accepted, std::move(client));
  stats_.clients_accepted.add();
  stats_.clients.set(clients_.size());
}

void Worker::leave_listener() {
  tell(LogLevel::kWarning, Event::kRefusedClient, "clients have to wait until others have gone",
       {{"why", errno_text(errno)}});
  heed_at_ms_ = loop_.now_ms() + kDescriptorWaitMs;
  loop_.poller().change(listener_, accepting_, {false, false, false});
}

void Worker::heed_listener() {
  heed_at_ms_ = 0;
  if (listener_ >= 0 && !door_held_) loop_.poller().change(listener_, accepting_, {true, false, false});
}

int Worker::patience_ms() const {
  int patience_ms = router_.patience_ms();
  if (heed_at_ms_ != 0) patience_ms = std::min(patience_ms, kDescriptorWaitMs);
  if (services_.pause.until_ms != 0) patience_ms = std::min(patience_ms, kPausedTurnMs);
  return patience_ms;
}

void Worker::check_pause() {
  if (services_.pause.until_ms <= loop_.now_ms()) services_.end_pause();
}

void Worker::wake_up() {
  eventfd_t count = 0;
  [[maybe_unused]] int got = eventfd_read(wake_fd_, &count);
  take_news();
  for (const Mailroom::Errand& errand : services_.mailroom.empty(services_.box)) errand(services_);
}

void Worker::refuse(int fd) {
  stats_.clients_refused.add();
  tell(LogLevel::kWarning, Event::kRefusedClient, "there are too many clients",
       {{"client", to_string(peer_of(fd))}, {"limit", std::to_string(limits_.max_clients)}});
  if (services_.tls == nullptr) {
    [[maybe_unused]] ssize_t sent = send(fd, kTooMany.data(), kTooMany.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  ::close(fd);
}

void Worker::look_after_handshakes() {
  Handshakes& handshakes = services_.handshakes;
  int64_t begun_by_ms = loop_.now_ms() - limits_.handshake_timeout_ms;
  while (Client* late = handshakes.begun_before(begun_by_ms)) late->give_handshake_up();
  if (!door_held_ || handshakes.count() >= limits_.max_handshakes || listener_ < 0) return;
  door_held_ = false;
  if (heed_at_ms_ != 0) return;
  loop_.poller().change(listener_, accepting_, {true, false, false});
}

void Worker::take_news() {
  Board::News news = board_.news();
  if (news.commands != nullptr && news.commands.get() != commands_) {
    commands_ = news.commands.get();
    dispatcher_.learn(news.commands);
  }
  if (news.topology != nullptr && news.topology.get() != topology_) {
    router_.set_topology(*news.topology);
    dispatcher_.set_sharded(news.topology->sharded);
    topology_ = news.topology.get();
    services_.topology = news.topology;
  }
  if (news.reads != reads_) {
    reads_ = news.reads;
    router_.set_reads(*reads_);
  }
  services_.tls = std::move(news.client_tls);
  router_.set_tls(std::move(news.server_tls));
  router_.set_detours(news.options->detours);
  if (news.options != options_) {
    adopt(*news.options);
    options_ = news.options;
  }
  if (news.draining && !draining_) begin_drain();
}

void Worker::adopt(const ProxyOptions& options) {
  limits_ = options.limits;
  adopt_password(anonymous_, options.anonymous);
  if (options_->users != nullptr && options.users != nullptr) {
    for (const auto& [name, before] : options_->users->all()) {
      if (const ProxyUser* now = options.users->find(name)) adopt_password(before.upstream, now->upstream);
    }
  }
  for (auto& [key, client] : clients_) {
    if (!keeps_rights(*client, *options_, options)) client->close_later();
  }
  anonymous_ = options.anonymous;
  services_.users = options.users;
  services_.login_required = options.login_required;
}

void Worker::adopt_password(const Account& before, const Account& now) {
  if (!before.empty() && !now.empty() && now.user == before.user)
    router_.change_password(before, now.password);
}

// Nobody new comes in; those who are here go when they have their answers.
void Worker::begin_drain() {
  draining_ = true;
  drained_by_ms_ = loop_.now_ms() + limits_.drain_ms;
  loop_.poller().remove(listener_);
  ::close(listener_);
  listener_ = -1;
  for (auto& [key, client] : clients_) client->close_when_answered();
}

void Services::end_pause() {
  pause = {};
  clients.for_each([this](Client& client) {
    client.hold(false);
    loop.go_on_later(client);
  });
}

void Worker::closed(Client& client) {
  auto found = clients_.find(&client);
  loop_.bury(std::move(found->second));
  clients_.erase(found);
  board_.client_left();
  stats_.clients.set(clients_.size());
  if (heed_at_ms_ != 0) heed_at_ms_ = loop_.now_ms();
}

void Worker::for_each(const std::function<void(Client&)>& visit) {
  for (auto& [key, client] : clients_) visit(*client);
}

}  // namespace keyway::proxy
