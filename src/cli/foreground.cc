#include "cli/foreground.h"

#include <unistd.h>

#include <chrono>
#include <csignal>

#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/live.h"
#include "cli/progress.h"
#include "cli/status_view.h"
#include "reconcile/status.h"
#include "supervisor/supervisor.h"

namespace keyway::cli {

namespace {

constexpr int64_t kRedrawMs = 100;
constexpr size_t kFrameLines = 3;  // around the status: two blank ones and how to stop

std::string event_json(const supervisor::Event& event) {
  return fmt::format(R"({{"time_ms": {}, "level": {}, "shard": {}, "text": {}}})", event.wall_ms,
                     json_quote(event.level), json_quote(event.shard), json_quote(event.text));
}

// Lives in the supervisor's thread, so nothing in it waits for the terminal.
class Foreground {
 public:
  Foreground(std::string cluster, std::string user, const Output& output)
      : cluster_(std::move(cluster)),
        user_(std::move(user)),
        json_(output.json()),
        view_(STDOUT_FILENO, output.out()) {}

  void event(const supervisor::Event& event) {
    view_.print(json_ ? event_json(event) : event_line(event, view_.terminal()));
  }

  // The last words.
  void stopped() {
    if (json_) return;
    view_.print(fmt::format("Stopped; the data is kept. Start it again: keyway up {}", cluster_));
    view_.clear();
  }

  void tick(const reconcile::Tick& tick, const std::optional<reconcile::ProxyStatus>& proxy, bool stopping) {
    if (json_) return;
    proxy_ = proxy;
    bool whole = tick.plan.converged() && !stopping;
    if (whole && !told_) {
      tell_hints(status_of(tick));
      told_ = true;
    }
    int64_t now_ms = steady_ms();
    bool changed = !tick.outcomes.empty() || whole != whole_;
    whole_ = whole;
    if (!changed && now_ms - drawn_ms_ < kRedrawMs) return;
    drawn_ms_ = now_ms;
    draw(status_of(tick), stopping);
  }

 private:
  reconcile::ClusterStatus status_of(const reconcile::Tick& tick) const {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    int64_t wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    reconcile::ClusterStatus status =
        reconcile::make_status(cluster_, tick.desired, tick.observed, tick.plan, wall_ms);
    status.supervisor_pid = getpid();
    status.proxy = proxy_;
    return status;
  }

  void tell_hints(const reconcile::ClusterStatus& status) {
    view_.print("");
    view_.print(fmt::format("Up in {}.", human_duration(steady_ms() - begin_ms_)));
    for (const std::string& line : hint_lines(status, user_, view_.terminal())) view_.print(line);
  }

  void draw(const reconcile::ClusterStatus& status, bool stopping) {
    const Terminal& terminal = view_.terminal();
    size_t room = view_.room() > kFrameLines ? view_.room() - kFrameLines : 0;
    std::vector<std::string> lines = {""};
    for (std::string& line : status_lines(status, terminal, room)) lines.push_back(std::move(line));
    lines.emplace_back();
    std::string_view what = stopping ? "Stopping the servers; their data is kept."
                                     : "Ctrl-C stops the servers and keeps their data.";
    lines.push_back(paint(what, Style::kFaint, terminal.colour));
    view_.show(std::move(lines));
  }

  std::string cluster_;
  std::string user_;
  std::optional<reconcile::ProxyStatus> proxy_;
  bool json_;
  LiveView view_;
  int64_t begin_ms_ = steady_ms();
  int64_t drawn_ms_ = 0;
  bool whole_ = false;
  bool told_ = false;
};

}  // namespace

Outcome run_in_foreground(const std::string& cluster, const std::string& user, Output& output) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away must not take the supervisor with it
  Foreground view(cluster, user, output);
  supervisor::SupervisorOptions options;
  options.cluster = cluster;
  options.on_event = [&](const supervisor::Event& event) { view.event(event); };
  options.on_tick = [&](const reconcile::Tick& tick, const std::optional<reconcile::ProxyStatus>& proxy,
                        bool stopping) { view.tick(tick, proxy, stopping); };
  Status status = supervisor::run_supervisor(options);
  if (!status) return fail(status.error());
  view.stopped();
  return kExitDone;
}

}  // namespace keyway::cli
