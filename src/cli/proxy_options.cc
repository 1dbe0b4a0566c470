#include "cli/proxy_options.h"

#include <algorithm>
#include <array>
#include <thread>

#include "base/format.h"
#include "base/strings.h"
#include "cli/cluster/access.h"
#include "cli/clusters.h"
#include "cli/document.h"
#include "cli/proxy_tls.h"
#include "cli/proxy_users.h"
#include "platform/local/paths.h"
#include "platform/local/users.h"
#include "proxy/config.h"

namespace keyway::cli {

namespace {

constexpr int64_t kReachTimeoutMs = 3000;

Result<proxy::Config> read_config(const std::string& file) {
  if (file.empty()) return proxy::Config{};
  Result<std::string> text = read_document("--config", file);
  if (!text) return fail(text.error());
  Result<proxy::Config> config = proxy::parse_config(*text, file);
  if (!config) return config;
  engine::TlsListenOptions& clients = config->tls.clients;
  engine::TlsOptions& servers = config->tls.servers;
  for (std::string* path :
       {&config->password_file, &config->log_file, &config->users_file, &clients.certificate_file,
        &clients.key_file, &clients.ca_file, &servers.certificate_file, &servers.key_file, &servers.ca_file})
    place_beside(file, *path);
  return config;
}

void settle_reads(const ReadFlags& flags, proxy::ReadOptions& reads) {
  if (flags.policy) reads.policy = *flags.policy;
  if (flags.max_lag_bytes) reads.max_lag_bytes = flags.max_lag_bytes;
  if (flags.max_lag_ms) reads.max_lag_ms = *flags.max_lag_ms;
  if (!flags.zone.empty()) reads.zone = flags.zone;
}

// Whether all is there that a proxy needs, and goes together.
Result<proxy::Config> complete(const std::string& file, proxy::Config config) {
  auto missing = [&](std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", file, what));
  };
  if (!config.listen) return missing("where to listen is not said; add listen: ADDR:PORT, or give --listen");
  if (config.seeds.empty() && config.cluster.empty())
    return missing("there is no cluster; add seeds: [ADDR:PORT] or cluster: NAME, or give them as words");
  if (!config.open_as.empty() && config.cluster.empty())
    return missing(
        "openAs works for a cluster of this machine only; add cluster: NAME, or use user and open");
  if (!config.cluster.empty() && config.tls.servers.enabled)
    return missing(
        fmt::format("the cluster {} of this machine speaks no TLS; leave out tls.servers", config.cluster));
  return config;
}

// The configuration with the flags on top; complete.
Result<proxy::Config> settle(const ProxyCommand& command) {
  Result<proxy::Config> config = read_config(command.config_file);
  if (!config) return config;
  if (!command.listen.host.empty()) config->listen = command.listen;
  if (!command.metrics.host.empty()) config->metrics = command.metrics;
  if (command.workers > 0) config->workers = command.workers;
  if (!config->workers) config->workers = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  if (!command.seeds.empty() || !command.cluster.empty()) {
    config->seeds = command.seeds;
    config->cluster = command.cluster;
  }
  if (!command.login.user.empty()) config->user = command.login.user;
  if (!command.login.password_file.empty()) config->password_file = command.login.password_file;
  config->open = config->open || command.open;
  if (!command.open_as.empty()) config->open_as = command.open_as;
  if (!command.log_file.empty()) config->log_file = command.log_file;
  if (!command.users_file.empty()) config->users_file = command.users_file;
  settle_reads(command.reads, config->reads);
  if (command.slow_us) config->limits.slow_us = *command.slow_us;
  if (!command.log_format.empty())
    config->log_format = command.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  if (Status settled = settle_proxy_tls(command, config->tls); !settled) return fail(settled.error());
  return complete(command.config_file, std::move(*config));
}

Result<Reached> reach_cluster(const proxy::Config& config, const std::string& home) {
  Login login;
  login.user = config.user;
  login.password_file = config.password_file;
  Seed seed{config.seeds.empty() ? Address{} : config.seeds.front(), config.cluster};
  return reach(seed, login, config.tls.servers, kReachTimeoutMs, home);
}

Result<std::string> local_password(const std::string& home, const std::string& name,
                                   const std::string& user) {
  Result<Chosen> cluster = choose_cluster(home, name);
  if (!cluster) return fail(cluster.error());
  Result<platform::local::Users> users = platform::local::load_users(cluster->paths.users_file());
  if (!users) return fail(users.error());
  return users->password(user);
}

// The passwords of the proxy's own account and, where it is known, of a cluster of this machine.
KnownPassword known_passwords(const proxy::Config& config, const engine::Credentials& account,
                              const KnownPassword& of_local_users) {
  bool local = !config.cluster.empty();
  return [=](const std::string& user) -> Result<std::string> {
    if (user == (account.user.empty() ? "default" : account.user)) return account.password;
    if (local) return of_local_users(user);
    return fail(ErrorCode::kNotFound, "it is not known");
  };
}

// The proxy's own users, and as whom clients act that do not log in.
Status settle_users(const proxy::Config& config, const KnownPassword& known, ProxyPlan& plan) {
  proxy::ProxyOptions& options = plan.options;
  if (!config.password_file.empty()) {
    if (std::string warning = warn_of_readers(config.password_file); !warning.empty())
      plan.warnings.push_back(std::move(warning));
  }
  if (config.users_file.empty()) return {};
  Result<OwnUsers> own = read_own_users(config.users_file, known);
  if (!own) return fail(own.error());
  plan.warnings.insert(plan.warnings.end(), own->warnings.begin(), own->warnings.end());
  options.users = own->users;
  bool open = config.open || !config.open_as.empty();
  const proxy::ProxyUser* stranger = own->users->without_login();
  options.login_required = !open && stranger == nullptr;
  if (stranger == nullptr) return {};
  if (open) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: the user default needs no password, so clients that do not log in are that one; "
                    "give it a password, or leave out open and openAs",
                    config.users_file));
  }
  options.anonymous = stranger->upstream;
  return {};
}

std::string describe_tls(const proxy::TlsSettings& tls) {
  if (!tls.enabled()) return "none";
  constexpr std::array<std::string_view, 3> kCertificates = {"", ", who may show certificates",
                                                             ", who must show certificates"};
  std::string clients = fmt::format("to clients{}", kCertificates[static_cast<size_t>(tls.clients.clients)]);
  if (!tls.servers.enabled) return clients;
  return tls.clients.enabled() ? clients + "; to servers" : "to servers";
}

std::string list_seeds(const std::vector<Address>& seeds) {
  std::vector<std::string> texts;
  for (const Address& seed : seeds) texts.push_back(to_string(seed));
  return join(texts, ", ");
}

std::string describe_strangers(const proxy::Config& config, const proxy::ProxyOptions& options) {
  if (options.login_required) return "are refused";
  if (!config.open_as.empty()) return "act as " + config.open_as;
  if (config.open) return "act as that user too";
  return options.users == nullptr ? "act as nobody" : "act as " + options.anonymous.shown_user();
}

std::string list_limits(const proxy::Limits& limits) {
  std::vector<std::string> changed;
  for (const proxy::ShownLimit& limit : show_limits(limits)) {
    if (limit.value != limit.default_value)
      changed.push_back(fmt::format("{} {} (not {})", limit.name, limit.value, limit.default_value));
  }
  return changed.empty() ? "as they are without a configuration" : join(changed, ", ");
}

}  // namespace

Result<ProxyPlan> read_proxy_plan(const ProxyCommand& command, const std::string& home) {
  Result<proxy::Config> config = settle(command);
  if (!config) return fail(config.error());
  std::string place = home;
  if (!config->cluster.empty() && home.empty()) {
    Result<std::string> found = platform::local::find_home();
    if (!found) return fail(found.error());
    place = *found;
  }
  Result<Reached> reached = reach_cluster(*config, place);
  if (!reached) return fail(reached.error());
  ProxyPlan plan;
  plan.log_format = config->log_format;
  plan.log_level = config->log_level;
  plan.log_file = config->log_file;
  proxy::ProxyOptions& options = plan.options;
  options.listen = *config->listen;
  options.metrics = config->metrics.value_or(Address{});
  options.workers = *config->workers;
  options.seeds = config->seeds.empty() ? std::vector{reached->address} : config->seeds;
  options.account = reached->account;
  KnownPassword password_of = known_passwords(*config, reached->account, [&](const std::string& user) {
    return local_password(place, config->cluster, user);
  });
  if (config->open) options.anonymous = {reached->account.user, reached->account.password};
  if (!config->open_as.empty()) {
    Result<std::string> password = password_of(config->open_as);
    if (!password) return fail(password.error());
    options.anonymous = {config->open_as, *password};
  }
  if (Status settled = settle_users(*config, password_of, plan); !settled) return fail(settled.error());
  options.reads = config->reads;
  options.tls = config->tls;
  options.limits = config->limits;
  return plan;
}

Result<std::string> describe_proxy(const ProxyCommand& command) {
  Result<proxy::Config> config = settle(command);
  if (!config) return fail(config.error());
  bool local = !config->cluster.empty();
  std::string user = config->user.empty() ? "default" : config->user;
  std::string account = fmt::format("{} of the local cluster", config->user.empty() ? "admin" : user);
  engine::Credentials credentials;
  if (!local) {
    Result<Reached> reached = reach_cluster(*config, "");
    if (!reached) return fail(reached.error());
    credentials = reached->account;
    account = credentials.empty() ? "nobody: there is no password" : user + ", with a password";
  }
  // Who the users of a cluster of this machine are is not looked at.
  KnownPassword known =
      known_passwords(*config, credentials, [](const std::string&) -> Result<std::string> { return ""; });
  ProxyPlan plan;
  if (Status settled = settle_users(*config, known, plan); !settled) return fail(settled.error());
  std::string text = "The configuration is fine.\n";
  auto add = [&](std::string_view name, std::string_view value) {
    text += fmt::format("{:<24}{}\n", name, value);
  };
  add("listens at", to_string(*config->listen));
  add("TLS", describe_tls(config->tls));
  add("metrics at", config->metrics ? to_string(*config->metrics) : "nowhere");
  add("workers", std::to_string(*config->workers));
  add("cluster", local ? config->cluster + ", of this machine" : list_seeds(config->seeds));
  add("is itself there", account);
  add("clients without login", describe_strangers(*config, plan.options));
  const proxy::Users* users = plan.options.users.get();
  add("users", users == nullptr ? "those of the cluster"
                                : fmt::format("{} of {}", users->all().size(), config->users_file));
  constexpr std::array<std::string_view, 3> kReads = {"primaries", "replicas where they will do",
                                                      "the nearest of primaries and replicas"};
  add("reads are answered by", kReads[static_cast<size_t>(config->reads.policy)]);
  add("log", fmt::format("{}, to {}", config->log_format == LogFormat::kJson ? "JSON" : "text",
                         config->log_file.empty() ? "standard error" : config->log_file));
  add("limits", list_limits(config->limits));
  for (const std::string& warning : plan.warnings) add("warning", warning);
  return text;
}

}  // namespace keyway::cli
