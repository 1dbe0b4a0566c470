// `keyway operator`: keeps the Kubernetes objects of every KeywayCluster as its spec says. It speaks with the
// API server alone, never with the clusters' servers: what has to be done there is their agents' work, whom
// it tells by Leases (platform/kubernetes/cluster_lease.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/address.h"
#include "base/error.h"
#include "platform/kubernetes/client_config.h"
#include "platform/kubernetes/lease.h"

namespace keyway::operators {

struct Settings {
  std::string name_space;      // whose clusters it keeps; empty: all of them
  std::string home_namespace;  // where the Lease is over which operators agree
  std::string identity;        // unlike that of every other process
  std::string keyway_image;    // for pods: an image whose entry point is this program
  Address http;                // /livez, /readyz, /metrics; port 0 takes a free one
  platform::kubernetes::LeaseTimes lease_times;
};

// What is told of it. Values.
struct Counts {
  bool leads = false;
  bool synced = false;
  std::string problem;  // of the watches or the Lease; empty: none
  int64_t clusters = 0;
  int64_t waiting = 0;  // clusters that are still to be looked at
  uint64_t passes = 0;  // looks at a cluster
  uint64_t failed_passes = 0;
  uint64_t writes = 0;         // requests that change something
  uint64_t requests = 0;       // tries, of all kinds
  int64_t first_pass_ms = -1;  // from the start; -1: there was none yet
};

class Operator {
 public:
  // Nothing is asked before run().
  Operator(platform::kubernetes::ClientConfig config, Settings settings);
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;
  ~Operator();

  // Until SIGTERM, SIGINT or stop(); then the Lease is given up. kUnavailable: the API server is none that it
  // can use; errors of HttpServer.
  Status run();
  // From any thread.
  void stop();
  Counts counts() const;
  // Where it serves HTTP; empty before run().
  Address http_address() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::operators
