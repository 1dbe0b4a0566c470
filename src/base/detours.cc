#include "base/detours.h"

#include "base/format.h"

namespace keyway {

Result<Address> way_to(const std::shared_ptr<const Detours>& detours, const Address& real) {
  if (detours == nullptr) return real;
  if (std::optional<Address> way = detours->of(real)) return *std::move(way);
  return fail(ErrorCode::kUnavailable, fmt::format("there is no way to {} from here (yet)", to_string(real)));
}

}  // namespace keyway
