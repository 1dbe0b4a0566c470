// keyway proxy top: what a running proxy does, each second.
#include <unistd.h>

#include <algorithm>

#include "base/format.h"
#include "base/http_get.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/live.h"
#include "cli/progress.h"
#include "cli/proxy_place.h"
#include "cli/top_view.h"

namespace keyway::cli {

namespace {

constexpr int64_t kPeriodMs = 1000;
constexpr int64_t kTimeoutMs = 3000;

Result<ProxySample> look(const Address& address) {
  std::array<std::string, 3> texts;
  constexpr std::array kPaths = {"/stats", "/hotkeys", "/slowlog"};
  for (size_t i = 0; i < kPaths.size(); ++i) {
    Result<std::string> text = http_get(address, kPaths[i], kTimeoutMs);
    if (!text) return fail(text.error());
    texts[i] = std::move(*text);
  }
  Result<ProxySample> sample = read_sample(texts[0], texts[1], texts[2]);
  if (!sample)
    return fail(sample.error().code, fmt::format("{}: {}", to_string(address), sample.error().message));
  return sample;
}

// Shows what was between samples, each second, until it is interrupted. A proxy that does not answer for a
// while is waited for.
class Top {
 public:
  Top(const Address& address, Output& output)
      : address_(address), output_(output), view_(STDOUT_FILENO, output.out(), !output.json()) {}

  int run(ProxySample before) {
    int64_t begun_ms = steady_ms();
    while (!interrupts_.wait(std::max<int64_t>(1, kPeriodMs - (steady_ms() - begun_ms)))) {
      if (steady_ms() - begun_ms < kPeriodMs) continue;  // the window was resized
      begun_ms = steady_ms();
      Result<ProxySample> after = look(address_);
      if (!after) {
        tell(after.error());
        continue;
      }
      show(before, *after);
      before = std::move(*after);
    }
    return kExitInterrupted;
  }

 private:
  bool in_place() const { return output_.out().interactive && !output_.json(); }

  void show(const ProxySample& before, const ProxySample& after) {
    if (output_.json()) return output_.print(top_json(before, after));
    if (in_place()) return view_.show(top_lines(before, after, view_.terminal()));
    output_.print_lines(top_lines(before, after, output_.out()));
    output_.print("\n");
  }

  void tell(const Error& error) {
    if (in_place()) {
      view_.show({printable(error.message)});
    } else {
      output_.note(error.message);
    }
  }

  Address address_;
  Output& output_;
  Interrupts interrupts_;
  LiveView view_;
};

Outcome once(const ProxySample& before, const Address& address, Output& output) {
  Interrupts interrupts;
  int64_t end_ms = steady_ms() + kPeriodMs;
  while (steady_ms() < end_ms) {
    if (interrupts.wait(std::max<int64_t>(1, end_ms - steady_ms()))) return kExitInterrupted;
  }
  Result<ProxySample> after = look(address);
  if (!after) return fail(after.error());
  if (output.json()) {
    output.print(top_json(before, *after));
  } else {
    output.print_lines(top_lines(before, *after, output.out()));
  }
  return kExitDone;
}

}  // namespace

Outcome run(const ProxyTopCommand& command, Context& context) {
  Result<Address> metrics = metrics_of(command.metrics, command.cluster, context.home);
  if (!metrics) return fail(metrics.error());
  Result<ProxySample> before = look(*metrics);
  if (!before) return fail(before.error());
  if (command.once) return once(*before, *metrics, context.output);
  return Top(*metrics, context.output).run(std::move(*before));
}

}  // namespace keyway::cli
