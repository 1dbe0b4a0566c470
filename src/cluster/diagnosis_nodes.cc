// Troubles between nodes.
#include "base/format.h"
#include "base/strings.h"
#include "cluster/diagnosing.h"
#include "cluster/node_troubles.h"

namespace keyway::cluster {

namespace {

std::string owner_name(const Scene& scene, const std::string& id) {
  return id.empty() ? std::string("nobody") : scene.label(id);
}

// Viewers that believe the same are one finding.
void find_disagreement(const Scene& scene, Findings& findings) {
  std::map<std::pair<std::string, std::string>, std::map<std::string, std::vector<std::string>>> alike;
  std::map<std::string, SlotRanges> by_text;
  for (const WrongBelief& belief : wrong_beliefs(scene)) {
    std::string slots = to_string(belief.slots);
    by_text[slots] = belief.slots;
    alike[{belief.believed, belief.owner}][slots].push_back(belief.viewer);
  }
  for (const auto& [who, groups] : alike) {
    for (const auto& [text, viewers] : groups) {
      Finding& finding = findings.emplace_back();
      finding.trouble = Trouble::kDisagreement;
      finding.slots = by_text[text];
      finding.ids = viewers;
      finding.text = fmt::format("{} {} {} for {}, not {}", name_nodes(scene, viewers),
                                 viewers.size() == 1 ? "takes" : "take", name_slots(finding.slots),
                                 who.first.empty() ? "nobody's" : scene.label(who.first) + "'s",
                                 scene.label(who.second) + "'s");
      finding.remedy = fmt::format("{} {} told that {} owns them", name_nodes(scene, viewers),
                                   viewers.size() == 1 ? "is" : "are", scene.label(who.second));
    }
  }
}

void find_deaf_viewers(const Scene& scene, Findings& findings) {
  for (const DeafViewer& deaf : deaf_viewers(scene)) {
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kDisagreement;
    finding.ids = {deaf.viewer};
    finding.text = fmt::format(
        "{} takes {} for a primary of config epoch {}, and does not heed its word that it is a replica of "
        "{}, whose "
        "epoch is earlier",
        scene.label(deaf.viewer), scene.label(deaf.id), deaf.believed_epoch, scene.label(deaf.primary));
    finding.remedy = fmt::format("{} takes a new one", scene.label(deaf.primary));
  }
}

void find_equal_epochs(const Scene& scene, Findings& findings) {
  for (const std::vector<std::string>& ids : colliding_epochs(scene)) {
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kEqualEpochs;
    finding.ids = ids;
    finding.text = fmt::format("{} have the same config epoch, {}: who of them wins a slot is chance",
                               name_nodes(scene, ids), scene.known().find(ids.front())->view.config_epoch);
    finding.remedy = fmt::format("all but {} take a new one", scene.label(ids.front()));
  }
}

std::string what_it_is(const Scene& scene, const std::string& id) {
  const KnownNode* node = scene.known().find(id);
  if (node == nullptr) return "node";
  if (!node->view.primary) return "replica";
  int slots = count(node->view.slots);
  return slots == 0 ? "the primary without slots" : fmt::format("the primary of {}", count_of(slots, "slot"));
}

std::string why_unreachable(const Scene& scene, const NodeFacts& node) {
  std::string who = fmt::format("{} {} ({})", what_it_is(scene, node.id), scene.label(node.id), node.id);
  switch (node.reach) {
    case Reach::kLoading:
      return fmt::format("{} is busy or still loading its data; wait for it", who);
    case Reach::kDenied:
      return fmt::format("{} refuses the password: {}", who, node.note);
    case Reach::kSilent:
    case Reach::kAnswering:
      break;
  }
  if (!scene.lost(node.id)) {
    return fmt::format("{} does not answer, though other nodes are connected to it: {}", who, node.note);
  }
  return fmt::format("{} does not answer: {}; start it again, or remove it with del-node", who, node.note);
}

void find_unreachable(const Scene& scene, Findings& findings) {
  for (const NodeFacts& node : scene.observed().nodes) {
    if (node.answering()) continue;
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kUnreachable;
    finding.ids = {node.id};
    finding.text = why_unreachable(scene, node);
  }
}

void find_orphans(const Scene& scene, Findings& findings) {
  for (const Orphan& orphan : orphans(scene)) {
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kReplicaOfNobody;
    finding.ids = {orphan.id};
    const KnownNode* followed = scene.known().find(orphan.followed);
    const char* what = followed == nullptr       ? ", which the cluster does not know"
                       : !followed->view.primary ? ", which is a replica itself"
                                                 : ", which is gone and owns nothing";
    finding.text = fmt::format("replica {} follows {}{}", scene.label(orphan.id),
                               owner_name(scene, orphan.followed), orphan.followed.empty() ? "" : what);
    if (orphan.keys > 0) {
      finding.text += fmt::format(
          "; it holds {}, which may be nowhere else: start the primary again, or have fix drop them "
          "(--give-up-unreachable)",
          count_of(orphan.keys, "key"));
    } else if (!orphan.primary.empty()) {
      finding.remedy = fmt::format("it follows {}", scene.label(orphan.primary));
    }
  }
}

void find_links_down(const Scene& scene, Findings& findings) {
  for (const NodeFacts& node : scene.observed().nodes) {
    const PeerView* own = own_view(node);
    if (own == nullptr || own->primary || node.server.link_up) continue;
    if (scene.primary(own->primary_id) == nullptr) continue;
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kLinkDown;
    finding.ids = {own->id, own->primary_id};
    const std::string primary = scene.label(own->primary_id);
    finding.text =
        node.server.syncing
            ? fmt::format("replica {} is still copying the data of {}; wait for it", scene.label(own->id),
                          primary)
            : fmt::format(
                  "replica {} has no connection to its primary {}; its log says why (a wrong masterauth, "
                  "an address that it cannot reach)",
                  scene.label(own->id), primary);
  }
}

void tell_half_forgotten(const Scene& scene, const HalfKnown& who, Findings& findings) {
  Finding& finding = findings.emplace_back();
  finding.trouble = Trouble::kHalfForgotten;
  finding.ids = {who.id};
  bool answers = scene.answering(who.id) != nullptr;
  finding.text = fmt::format("{}{} is unknown to {}", scene.label(who.id),
                             answers ? "" : fmt::format(" ({}), which does not answer,", who.id),
                             name_nodes(scene, who.forgotten_by));
  if (answers) {
    finding.remedy = "it is introduced to them again";
  } else if (who.removable) {
    finding.remedy = "the others forget it too";
  } else {
    finding.text += "; start it again";
  }
}

void find_strangers(const Scene& scene, Findings& findings) {
  for (const HalfKnown& who : half_known(scene)) {
    if (!who.forgotten_by.empty()) tell_half_forgotten(scene, who, findings);
    if (who.never_met.empty()) continue;
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kNeverMet;
    finding.ids = {who.id};
    finding.ids.insert(finding.ids.end(), who.never_met.begin(), who.never_met.end());
    finding.text = fmt::format("{} and {} do not know each other", scene.label(who.id),
                               name_nodes(scene, who.never_met));
    finding.remedy = "they are introduced to each other";
  }
}

void find_stale_addresses(const Scene& scene, Findings& findings) {
  for (const StaleAddress& stale : stale_addresses(scene)) {
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kStaleAddress;
    finding.ids = {stale.viewer, stale.id};
    finding.text = fmt::format("{} looks for {} at {}", scene.label(stale.viewer), to_string(stale.actual),
                               to_string(stale.believed));
    if (stale.believed == stale.actual) {
      finding.text =
          fmt::format("{} looks for the cluster bus of {} at port {}, not {}", scene.label(stale.viewer),
                      to_string(stale.actual), stale.believed_bus_port, stale.actual_bus_port);
    }
    finding.remedy = "it is told the current address";
  }
}

}  // namespace

void find_node_troubles(const Scene& scene, Findings& findings) {
  find_disagreement(scene, findings);
  find_deaf_viewers(scene, findings);
  find_equal_epochs(scene, findings);
  find_unreachable(scene, findings);
  find_orphans(scene, findings);
  find_links_down(scene, findings);
  find_strangers(scene, findings);
  find_stale_addresses(scene, findings);
}

}  // namespace keyway::cluster
