// The class behind run_agent(), for the files that implement it: its turns are in agent.cc, its end in
// agent_end.cc. Everything but answer() in one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "agent/clerk.h"
#include "agent/duty.h"
#include "agent/handover.h"
#include "agent/pod_state.h"
#include "agent/server_process.h"
#include "agent/settings.h"
#include "base/http_server.h"
#include "engine/fleet.h"
#include "platform/local/node_files.h"
#include "platform/local/server_config.h"

namespace keyway::agent {

class Agent {
 public:
  explicit Agent(const Settings& settings);

  Status open();
  Result<int> run();

 private:
  Result<std::unique_ptr<Registry>> make_registry();
  Status open_registry();
  Status open_http();
  HttpAnswer answer(std::string_view path);
  void watch_signals();
  void on_signal(int number);

  int64_t tick();
  void take_end();
  void start_server();
  bool write_config(const StartAs& role);
  void look();
  void read_users();
  void begin_stop();
  void hand_over();
  void stop_server();
  void publish();
  void let_go();
  void wait(int64_t delay_ms);
  bool stopping() const { return stop_ms_ != 0; }
  // Whether the server keeps an append only file.
  bool appends() const { return platform::local::appendonly_in(platform::local::read_directives(fragment_)); }
  bool is_primary() const;

  Settings settings_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
  engine::Credentials account_;
  std::string users_text_;
  std::string fragment_;
  ServerProcess server_;
  std::unique_ptr<engine::Fleet> fleet_;
  std::unique_ptr<ClerkThread> clerk_;
  std::unique_ptr<Duty> duty_;
  std::optional<Handover> handover_;

  PodState state_;
  std::mutex published_mutex_;
  PodState published_;  // for the HTTP server's thread
  std::unique_ptr<HttpServer> http_;

  bool wake_ = false;
  bool unsteady_ = true;
  int64_t stop_ms_ = 0;  // monotonic; when it was told to end; 0: not
  bool hurry_ = false;   // told so twice
  int64_t told_ms_ = 0;  // monotonic; when the server was last told to end
  int64_t left_ms_ = 0;  // monotonic; by when the clients of a server that has handed over have left it
  int64_t info_due_ms_ = 0;
  int64_t users_due_ms_ = 0;
  int64_t ticked_ms_ = 0;        // monotonic; 0: never
  int64_t silent_since_ms_ = 0;  // monotonic; of the server that runs; 0: it is not
  int64_t let_go_ms_ = 0;        // monotonic; 0: it was done
  bool last_unloadable_ = false;
  std::optional<int> result_;
  std::string story_;
};

}  // namespace keyway::agent
