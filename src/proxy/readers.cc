#include "proxy/readers.h"

namespace keyway::proxy {

void Readers::apply(const ReadPlan& plan, Routes& routes) {
  groups_.clear();
  for (const auto& [owner, readers] : plan.readers) {
    uint16_t place = routes.place_of(owner);
    if (groups_.size() <= place) groups_.resize(size_t{place} + 1);
    for (const Address& reader : readers) groups_[place].places.push_back(routes.place_of(reader));
  }
  moving_ = plan.moving;
  any_ = !plan.readers.empty();
}

uint16_t Readers::next(uint16_t slot, uint16_t owner, int64_t now_ms) {
  if (owner >= groups_.size() || moving_.test(slot)) return Routes::kNobody;
  Group& group = groups_[owner];
  for (size_t i = 0; i < group.places.size(); ++i) {
    ++group.turn;
    uint16_t place = group.places[group.turn % group.places.size()];
    if (!is_spared(place, now_ms)) return place;
  }
  return Routes::kNobody;
}

void Readers::spare(uint16_t place, int64_t now_ms) {
  if (spared_until_ms_.size() <= place) spared_until_ms_.resize(size_t{place} + 1, 0);
  spared_until_ms_[place] = now_ms + kSpareMs;
}

}  // namespace keyway::proxy
