#include "admin/move.h"

#include <algorithm>

namespace keyway::admin {

int MovePlan::slots() const {
  int sum = 0;
  for (const PlannedMove& move : moves) sum += cluster::count(move.slots);
  return sum;
}

int64_t MovePlan::keys() const {
  int64_t sum = 0;
  for (const PlannedMove& move : moves) sum += move.keys;
  return sum;
}

int64_t MovePlan::bytes() const {
  int64_t sum = 0;
  for (const PlannedMove& move : moves) {
    if (move.bytes < 0) return -1;
    sum += move.bytes;
  }
  return sum;
}

}  // namespace keyway::admin
