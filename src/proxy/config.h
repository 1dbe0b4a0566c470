// The proxy's configuration file, a YAML document read as strictly as a cluster's spec: an unknown field, a
// wrong type or a value out of range is an error that says where it is and what to do. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "base/log.h"
#include "proxy/limits.h"
#include "proxy/read_plan.h"
#include "proxy/tls_settings.h"

namespace keyway::proxy {

// What the document says; what it leaves out is empty or the default.
struct Config {
  std::optional<Address> listen;   // port 0: any that is free
  std::optional<Address> metrics;  // where /metrics, /healthz and /readyz are served
  std::optional<int> workers;
  std::vector<Address> seeds;  // or
  std::string cluster;         // the name of a cluster of this machine
  std::string user;
  std::string password_file;
  bool open = false;
  std::string open_as;     // a user of a cluster of this machine
  std::string users_file;  // of the proxy's own users; empty: there are none
  TlsSettings tls;
  ReadOptions reads;
  LogFormat log_format = LogFormat::kText;
  LogLevel log_level = LogLevel::kInfo;
  std::string log_file;  // empty: standard error
  Limits limits;
};

inline constexpr int kMaxWorkers = 256;

// `source` names the document in errors (kInvalidArgument): "SOURCE:LINE:COLUMN: FIELD: what; what to do".
// Paths of files are as they are written there.
Result<Config> parse_config(std::string_view text, std::string_view source);

// A limit as the document names it.
struct ShownLimit {
  std::string_view name;
  int64_t value = 0;
  int64_t default_value = 0;
};

// All of them, in the order of the documentation.
std::vector<ShownLimit> show_limits(const Limits& limits);

}  // namespace keyway::proxy
