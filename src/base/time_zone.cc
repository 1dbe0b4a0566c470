#include "base/time_zone.h"

#include <absl/time/time.h>

#include "base/format.h"

namespace keyway {

namespace {

using std::chrono::duration_cast;
using std::chrono::floor;
using std::chrono::milliseconds;

constexpr absl::CivilSecond kEpoch(1970);

}  // namespace

struct TimeZone::Impl {
  absl::TimeZone zone;
};

Result<TimeZone> TimeZone::load(const std::string& name) {
  auto impl = std::make_shared<Impl>();
  bool known = name.empty() || absl::LoadTimeZone(name, &impl->zone);
  // A path or a rule in the style of POSIX is no name.
  bool is_name = name.find_first_of(":+") == std::string::npos && !name.starts_with('/') &&
                 name.find("..") == std::string::npos;
  if (known && is_name) return TimeZone(std::move(impl));
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("'{}' is no time zone that this machine knows; it is a name such as Europe/Berlin (package "
                  "tzdata has them), or UTC",
                  name));
}

std::chrono::local_time<milliseconds> TimeZone::civil(int64_t wall_ms) const {
  std::chrono::sys_time<milliseconds> moment{milliseconds(wall_ms)};
  auto second = floor<std::chrono::seconds>(moment);
  absl::CivilSecond shown = impl_->zone.At(absl::FromUnixSeconds(second.time_since_epoch().count())).cs;
  return std::chrono::local_seconds(std::chrono::seconds(shown - kEpoch)) + (moment - second);
}

int64_t TimeZone::wall_ms(std::chrono::local_time<std::chrono::minutes> civil) const {
  auto info = impl_->zone.At(kEpoch + duration_cast<std::chrono::seconds>(civil.time_since_epoch()).count());
  bool skipped = info.kind == absl::TimeZone::TimeInfo::SKIPPED;
  return absl::ToUnixMillis(skipped ? info.trans : info.pre);
}

}  // namespace keyway
