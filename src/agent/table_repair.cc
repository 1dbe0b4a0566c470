#include "agent/table_repair.h"

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "engine/observe.h"

namespace keyway::agent {

namespace {

constexpr std::string_view kVars = "vars ";
constexpr size_t kShownBytes = 80;  // of a line, in an error

// "id ip:port@bus[,…] rest" with another ip:port; the bus port keeps its distance.
std::string readdress(std::string_view line, const Address& from, uint16_t bus_port, const Address& to) {
  size_t begin = line.find(' ') + 1;
  size_t end = line.find_first_of(", ", begin);
  int distance = bus_port - from.port;
  return fmt::format("{}{}:{}@{}{}", line.substr(0, begin), to.host, to.port, to.port + distance,
                     line.substr(end));
}

bool is_vars(std::string_view line) {
  std::vector<std::string_view> words = split_blanks(line);
  return words.size() == 5 && words[0] == "vars" && words[1] == "currentEpoch" && parse_uint(words[2]) &&
         words[3] == "lastVoteEpoch" && parse_uint(words[4]);
}

class Repair {
 public:
  Repair(const Address& own, const std::map<std::string, Address>& addresses)
      : own_(own), addresses_(addresses) {}

  // Whether the line can be kept.
  bool take(std::string_view line) {
    if (line.starts_with(kVars)) {
      if (!is_vars(line)) return false;
      result.text += fmt::format("{}\n", line);
      has_vars_ = true;
      return true;
    }
    auto peers = engine::parse_cluster_nodes(line, nullptr);
    if (!peers) return false;
    const cluster::PeerView& peer = peers->front();
    epoch_ = std::max(epoch_, peer.config_epoch);
    if (peer.myself) note_own(peer);
    const Address* present = present_address(peer);
    if (present == nullptr || *present == peer.address) {
      result.text += fmt::format("{}\n", line);
      return true;
    }
    result.text += fmt::format("{}\n", readdress(line, peer.address, peer.bus_port, *present));
    ++result.readdressed;
    return true;
  }

  // It may have voted in any epoch that it knew of, and votes only in later ones.
  void complete() {
    if (!has_vars_) result.text += fmt::format("vars currentEpoch {0} lastVoteEpoch {0}\n", epoch_);
  }

  TableRepair result;

 private:
  void note_own(const cluster::PeerView& peer) {
    result.id = peer.id;
    result.primary = peer.primary;
    result.has_slots = !peer.slots.empty();
    result.primary_id = peer.primary_id;
  }

  const Address* present_address(const cluster::PeerView& peer) const {
    if (peer.myself) return &own_;
    auto found = addresses_.find(peer.id);
    return found == addresses_.end() ? nullptr : &found->second;
  }

  const Address& own_;
  const std::map<std::string, Address>& addresses_;
  bool has_vars_ = false;
  uint64_t epoch_ = 0;  // the highest of all lines
};

}  // namespace

Result<TableRepair> repair_table(std::string_view text, const Address& own,
                                 const std::map<std::string, Address>& addresses) {
  Repair repair(own, addresses);
  std::string_view rest = text;
  while (!rest.empty()) {
    size_t end = rest.find('\n');
    bool whole = end != std::string_view::npos;
    std::string_view line = rest.substr(0, end);
    rest = whole ? rest.substr(end + 1) : std::string_view{};
    if (trim(line).empty()) continue;
    // Without its line end the last line may lack anything, if only the last slots.
    if (!whole || !repair.take(line)) {
      if (!rest.empty())
        return fail(ErrorCode::kCorrupt,
                    fmt::format("nodes.conf has a line that is none: {}", line.substr(0, kShownBytes)));
      repair.result.torn = true;
    }
  }
  TableRepair& result = repair.result;
  if (result.id.empty()) {
    bool nothing = result.text.empty();
    if (!nothing) return fail(ErrorCode::kCorrupt, "nodes.conf does not say which node this server is");
    result.changed = !text.empty();
    return std::move(result);
  }
  repair.complete();
  result.changed = result.text != text;
  return std::move(result);
}

}  // namespace keyway::agent
