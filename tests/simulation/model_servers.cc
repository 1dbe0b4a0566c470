#include "model_servers.h"

#include <algorithm>

#include "server.h"

namespace keyway::simulation {
namespace {

constexpr int64_t kWayUs = 150;     // from Keyway to a server, or back
constexpr int64_t kCommandUs = 10;  // for each command
constexpr int64_t kPostponedUs = 20'000;

Error unavailable(const World& world, int place) {
  std::string name = place < 0 ? "nobody" : world.place(place).name;
  return Error{ErrorCode::kUnavailable, "no connection to " + name};
}

}  // namespace

std::vector<engine::Response> ModelServers::exchange(const std::vector<engine::Request>& requests,
                                                     int64_t timeout_ms) {
  auto calls = std::make_shared<Calls>(requests.size());
  current_ = calls;
  int64_t deadline_us = world_.now_us() + timeout_ms * 1000;
  for (size_t i = 0; i < requests.size(); ++i) {
    interrupter_.point();
    Call& call = (*calls)[i];
    call.place = world_.place_at(requests[i].address);
    const Server* server = call.place < 0 ? nullptr : world_.server(call.place);
    if (server == nullptr || !server->listens()) {
      call.done = true;
      call.response.error = unavailable(world_, call.place);
      continue;
    }
    deliver(calls, i, requests[i].commands);
  }
  interrupter_.point();
  wait(deadline_us);
  current_ = nullptr;
  std::vector<engine::Response> responses;
  for (Call& call : *calls) {
    if (!call.done) {
      call.done = true;  // what comes now is for nobody
      call.response.error = Error{ErrorCode::kTimeout, "no answer from " + world_.place(call.place).name};
    }
    responses.push_back(std::move(call.response));
  }
  interrupter_.point();
  return responses;
}

void ModelServers::wait(int64_t deadline_us) {
  while (!all_answered() && world_.scheduler.step(deadline_us)) {
  }
  if (all_answered()) world_.scheduler.run_until(world_.now_us() + kWayUs);
}

// The commands reach the server even if the answer will find nobody.
void ModelServers::deliver(const std::shared_ptr<Calls>& calls, size_t index,
                           const std::vector<resp::Command>& commands) {
  int place = (*calls)[index].place;
  if (world_.network.cut(from_, place)) return;
  int pid = world_.server(place)->pid;
  auto pipeline = std::make_shared<Pipeline>(Pipeline{calls, index, commands, {}});
  world_.message_to(place, pid, kWayUs, [this, pipeline](Server& server) { carry_out(pipeline, server); });
}

void ModelServers::carry_out(const std::shared_ptr<Pipeline>& pipeline, Server& server) {
  while (pipeline->replies.size() < pipeline->commands.size()) {
    const resp::Command& command = pipeline->commands[pipeline->replies.size()];
    if (server.postpones(command)) {
      world_.on_server(server.place, server.pid, kPostponedUs,
                       [this, pipeline](Server& later) { carry_out(pipeline, later); });
      return;
    }
    std::optional<resp::Reply> reply = server.execute(command);
    if (!reply) return;
    pipeline->replies.push_back(std::move(*reply));
  }
  int at = server.place;
  if (world_.network.cut(at, from_)) return;
  int64_t way_us = static_cast<int64_t>(pipeline->commands.size()) * kCommandUs + world_.place(at).slow_us;
  world_.scheduler.after(way_us, [this, pipeline] {
    Call& call = (*pipeline->calls)[pipeline->index];
    if (call.done) return;
    call.done = true;
    call.response.replies = std::move(pipeline->replies);
    if (pipeline->calls == current_) answered();
  });
}

bool ModelServers::all_done(const Calls& calls) {
  return std::all_of(calls.begin(), calls.end(), [](const Call& call) { return call.done; });
}

void ModelServers::peer_gone(int place) {
  if (current_ == nullptr) return;
  for (Call& call : *current_) {
    if (call.place != place || call.done) continue;
    call.done = true;
    call.response.error = unavailable(world_, place);
    answered();
  }
}

}  // namespace keyway::simulation
