#include "admin/joining.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;
using cluster::PeerView;
using cluster::Reach;

Error unreachable(const NodeFacts& node) {
  if (node.note.find("cluster support disabled") != std::string::npos) {
    return {ErrorCode::kConflict, fmt::format("{} is not in cluster mode: set cluster-enabled yes in its "
                                              "configuration and start it again",
                                              node.name)};
  }
  std::string said = node.note.empty() ? "" : ": " + node.note;
  switch (node.reach) {
    case Reach::kDenied:
      return {ErrorCode::kDenied,
              fmt::format("{} refuses the login or a command that is needed{}; give a user and password "
                          "that may do everything there",
                          node.name, said)};
    case Reach::kLoading:
      return {ErrorCode::kUnavailable,
              fmt::format("{} is busy or still loading its data{}; try again later", node.name, said)};
    default:
      return {ErrorCode::kUnavailable,
              fmt::format("{} does not answer{}; is it running, and the address right?", node.name, said)};
  }
}

std::string strangers_of(const NodeFacts& node, const std::set<std::string>& companions) {
  constexpr size_t shown = 3;
  std::vector<std::string> strangers;
  for (const PeerView& peer : node.server.peers) {
    if (peer.myself || peer.handshake || companions.contains(peer.id)) continue;
    strangers.push_back(peer.noaddr ? peer.id : to_string(peer.address));
  }
  size_t more = strangers.size() - std::min(shown, strangers.size());
  strangers.resize(strangers.size() - more);
  std::string text = join(strangers, ", ");
  return more == 0 ? text : fmt::format("{} and {} more", text, more);
}

}  // namespace

std::vector<Error> obstacles(const NodeFacts& node, const std::set<std::string>& companions) {
  if (!node.answering()) return {unreachable(node)};
  std::vector<Error> found;
  if (node.server.keys > 0) {
    found.push_back({ErrorCode::kConflict, fmt::format("{} holds {}: if nobody needs them, FLUSHALL on it",
                                                       node.name, count_of(node.server.keys, "key"))});
  }
  std::string strangers = strangers_of(node, companions);
  if (!strangers.empty()) {
    found.push_back({ErrorCode::kConflict,
                     fmt::format("{} belongs to a cluster already, it knows {}: remove it from that one, or "
                                 "CLUSTER RESET HARD on it",
                                 node.name, strangers)});
  }
  return found;
}

Error combined(const std::string& heading, const std::vector<Error>& errors) {
  bool alike = std::all_of(errors.begin(), errors.end(),
                           [&](const Error& error) { return error.code == errors.front().code; });
  Error all{alike ? errors.front().code : ErrorCode::kConflict, heading};
  for (const Error& error : errors) all.message += "\n  " + error.message;
  return all;
}

}  // namespace keyway::admin
