// The bounds of a proxy, with their defaults. A value; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace keyway::proxy {

struct Limits {
  size_t max_clients = 10'000;  // of all workers together
  size_t max_request_bytes = size_t{512} << 20;
  // A longer command with one key is passed on as it comes, if that is possible.
  size_t max_held_bytes = size_t{4} << 20;
  size_t max_in_flight = 1024;                    // requests of one client
  size_t max_in_flight_bytes = size_t{64} << 20;  // of these requests: no more are read
  size_t max_server_in_flight = 10'000;           // requests on one connection to a server: further ones wait
  size_t client_pause_bytes = size_t{1} << 20;    // queued for a client: no more of its requests are read
  size_t max_client_bytes = size_t{256} << 20;    // queued for a client: it is closed
  size_t max_waiting = 100'000;                   // requests that wait for a better time, of one worker
  size_t max_accounts = 1000;                     // that clients log in as, of one worker
  int64_t slow_us = 10'000;                       // requests that take so long are in the slow log; -1: none
  int64_t wait_ms = 10'000;                       // how long a request may wait for its slot to be served
  int64_t connect_timeout_ms = 3000;
  size_t max_handshakes = 1000;           // clients whose TLS handshake is under way, of one worker
  int64_t handshake_timeout_ms = 10'000;  // of a client
  int64_t server_silence_ms = 60'000;     // a server that owes an answer for so long is given up
  int64_t drain_ms = 30'000;              // how long clients are waited for at the end
  int64_t idle_lane_ms = 60'000;          // connections of an account that nobody uses any more are closed
};

}  // namespace keyway::proxy
