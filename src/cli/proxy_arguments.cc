#include "cli/proxy_arguments.h"

#include "base/format.h"
#include "cli/proxy_tls.h"
#include "proxy/config.h"

namespace keyway::cli {

namespace {

constexpr int kMaxSlowUs = 1'000'000'000;

Result<Address> listen_value(std::string_view flag, const std::string& text) {
  std::optional<Address> address = parse_listen_address(text);
  if (address) return *address;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: \"{}\" is no address with a port, such as 127.0.0.1:6379", flag, text));
}

Status take_serving(const Words& words, ProxyCommand& proxy) {
  ReadFlags& reads = proxy.reads;
  Status status = take(words, "reads", reads.policy, read_policy_value);
  if (status) status = take(words, "max_lag_bytes", reads.max_lag_bytes, lag_bytes_value);
  if (status) status = take(words, "max_lag_s", reads.max_lag_ms, duration_value);
  if (status) status = take(words, "slowlog_us", proxy.slow_us, number(-1, kMaxSlowUs));
  reads.zone = words.text("zone");
  return status;
}

// The nodes of a cluster, or the name of one of this machine.
Status take_cluster_words(const Words& words, ProxyCommand& proxy) {
  for (const std::string& word : words.positionals) {
    if (std::optional<Address> seed = parse_address(word); seed && !seed->empty()) {
      proxy.seeds.push_back(*seed);
    } else if (words.positionals.size() == 1) {
      proxy.cluster = word;
    } else {
      return misuse(*words.syntax,
                    fmt::format("\"{}\" is no address of a node, such as 10.0.0.1:7001", word));
    }
  }
  if (proxy.config_file.empty() && words.positionals.empty())
    return misuse(*words.syntax, "keyway proxy needs a node of the cluster");
  return {};
}

Status take_places(const Words& words, ProxyCommand& proxy) {
  if (proxy.config_file.empty() && !words.has("listen"))
    return misuse(*words.syntax, "keyway proxy needs --listen ADDR:PORT, or a --config FILE that says it");
  Status status = take(words, "listen", proxy.listen, listen_value);
  if (status) status = take(words, "metrics", proxy.metrics, listen_value);
  if (status) status = take(words, "workers", proxy.workers, number(1, proxy::kMaxWorkers));
  return status ? take_cluster_words(words, proxy) : status;
}

// Who the proxy and its clients are to the cluster.
Status take_logins(const Words& words, ProxyCommand& proxy) {
  proxy.login.user = words.text("user");
  proxy.login.password_file = words.text("password_file");
  proxy.users_file = words.text("users_file");
  proxy.open = words.has("open");
  proxy.open_as = words.text("open_as");
  bool names_cluster = !proxy.cluster.empty() || !proxy.config_file.empty();
  if (!proxy.open_as.empty() && (proxy.open || !names_cluster)) {
    return misuse(*words.syntax,
                  "--open-as goes with the name of a cluster of this machine, and without --open");
  }
  if (Status taken = take_proxy_tls(words.flags, proxy); !taken)
    return misuse(*words.syntax, taken.error().message);
  return {};
}

Status take_log_format(const Words& words, ProxyCommand& proxy) {
  proxy.log_format = words.text("log_format");
  proxy.log_file = words.text("log_file");
  if (!words.has("log_format") || proxy.log_format == "text" || proxy.log_format == "json") return {};
  return misuse(*words.syntax,
                fmt::format("--log-format: \"{}\" is neither text nor json", proxy.log_format));
}

// A translating proxy leaves most to clients and servers.
Status take_translate(const Words& words, ProxyCommand& proxy) {
  proxy.translate = words.has("translate");
  if (!proxy.translate) return {};
  if (words.has("tls") || words.has("tls_cert"))
    return misuse(*words.syntax, "--translate does without TLS in this version; leave it out");
  if (proxy.open || !proxy.open_as.empty() || !proxy.users_file.empty() || words.has("workers")) {
    return misuse(
        *words.syntax,
        "--translate leaves logging in to clients and servers, and has one worker; leave out --open, "
        "--open-as, --users-file and --workers");
  }
  if (!proxy.config_file.empty())
    return misuse(*words.syntax, "--translate takes no configuration in this version; leave out --config");
  return {};
}

// The address of a running proxy's --metrics, or the cluster of this machine that it belongs to.
Status take_proxy_place(Words& words, Address& metrics, std::string& cluster) {
  std::vector<std::string>& given = words.positionals;
  if (given.size() == 1 && given.front().find(':') != std::string::npos) {
    std::optional<Address> address = parse_address(given.front());
    if (!address || address->empty() || words.has("cluster")) {
      return misuse(*words.syntax,
                    fmt::format("keyway {} needs the address that a proxy has as --metrics, such as "
                                "127.0.0.1:9121, or the name of a cluster of this machine",
                                words.syntax->name));
    }
    metrics = *address;
    return {};
  }
  Result<std::string> name = take_cluster(words, 0);
  if (!name) return fail(name.error());
  cluster = *name;
  return {};
}

}  // namespace

Result<Command> make_proxy(Words& words) {
  ProxyCommand proxy;
  proxy.config_file = words.text("config");
  proxy.check = words.has("check");
  Status status = take_places(words, proxy);
  if (status) status = take_logins(words, proxy);
  if (status) status = take_translate(words, proxy);
  if (status) status = take_serving(words, proxy);
  if (status) status = take_log_format(words, proxy);
  if (!status) return fail(status.error());
  return proxy;
}

Result<Command> make_proxy_map(Words& words) {
  std::string format = words.has("format") ? words.text("format") : "json";
  if (format != "json" && format != "python")
    return misuse(*words.syntax, fmt::format("--format: \"{}\" is neither json nor python", format));
  ProxyMapCommand map;
  if (Status taken = take_proxy_place(words, map.metrics, map.cluster); !taken) return fail(taken.error());
  map.python = format == "python";
  return map;
}

Result<Command> make_proxy_top(Words& words) {
  ProxyTopCommand top;
  if (Status taken = take_proxy_place(words, top.metrics, top.cluster); !taken) return fail(taken.error());
  top.once = words.has("once");
  return top;
}

}  // namespace keyway::cli
