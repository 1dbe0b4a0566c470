// keyway proxy: runs until it is told to end.
#include "proxy/proxy.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/format.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/proxy_options.h"
#include "proxy/events.h"
#include "proxy/translator.h"

namespace keyway::cli {

namespace {

constexpr int64_t kLookMs = 1000;
constexpr size_t kMaxLogBytes = size_t{8} << 20;

// Each client and each connection to a server takes a descriptor: as many as may be had.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Status set_log(const ProxyPlan& plan) {
  if (plan.log_file.empty()) {
    log_to_stream(STDERR_FILENO, plan.log_format, plan.log_level);
  } else if (Status opened = log_to_file(plan.log_file, kMaxLogBytes, plan.log_format, plan.log_level);
             !opened) {
    return opened;
  }
  for (const std::string& warning : plan.warnings)
    proxy::tell(LogLevel::kWarning, proxy::Event::kTrouble, warning);
  return {};
}

// What cannot be read changes nothing.
void reload(proxy::Proxy& proxy, const ProxyCommand& command, const Context& context) {
  Result<ProxyPlan> plan = read_proxy_plan(command, context.home);
  Status done = plan ? proxy.reload(plan->options) : fail(plan.error());
  if (done) done = set_log(*plan);
  if (done) return;
  proxy::tell(LogLevel::kError, proxy::Event::kReload, "the configuration stays as it was",
              {{"why", done.error().message}});
}

Outcome translate(const proxy::ProxyOptions& wanted, Context& context) {
  proxy::TranslatorOptions options;
  options.listen = wanted.listen;
  options.metrics = wanted.metrics;
  options.seeds = wanted.seeds;
  options.account = wanted.account;
  raise_descriptor_limit();
  // Before any thread begins, so that signals come here.
  Interrupts interrupts;
  auto translator = proxy::Translator::make(options);
  if (!translator) return fail(translator.error());
  (*translator)->start();
  const Address& metrics = (*translator)->metrics_address();
  context.output.note(fmt::format(
      "listening at {} and the ports above it, one for each node{}", to_string((*translator)->address()),
      metrics.host.empty() ? "" : fmt::format("; `keyway proxy map {}` shows them", to_string(metrics))));
  while (!interrupts.wait(kLookMs)) {
  }
  context.output.note("ending: clients get the answers that they wait for");
  (*translator)->drain();
  return kExitDone;
}

}  // namespace

Outcome run(const ProxyCommand& command, Context& context) {
  if (command.check) {
    Result<std::string> description = describe_proxy(command);
    if (!description) return fail(description.error());
    context.output.print(*description);
    return kExitDone;
  }
  Result<ProxyPlan> plan = read_proxy_plan(command, context.home);
  if (!plan) return fail(plan.error());
  if (command.translate) return translate(plan->options, context);
  raise_descriptor_limit();
  // Before any thread begins, so that signals come here.
  Interrupts interrupts(Interrupts::Hangup::kAsksToReload);
  Result<std::unique_ptr<proxy::Proxy>> proxy = proxy::Proxy::make(plan->options);
  if (!proxy) return fail(proxy.error());
  if (Status logging = set_log(*plan); !logging) return fail(logging.error());
  (*proxy)->start();
  while (!interrupts.wait(kLookMs)) {
    if (interrupts.take_reload()) reload(**proxy, command, context);
    proxy::tell_left_out();
  }
  (*proxy)->drain();
  return kExitDone;
}

}  // namespace keyway::cli
