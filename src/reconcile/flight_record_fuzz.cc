// Any bytes as a line of history: what can be read can be written and read again, and planned from.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "reconcile/flight_record.h"

using namespace keyway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view line(reinterpret_cast<const char*>(data), size);
  Result<reconcile::FlightRecord> record = reconcile::parse_flight_record(line);
  if (!record) return 0;
  std::string written = reconcile::to_json_line(*record);
  Result<reconcile::FlightRecord> again = reconcile::parse_flight_record(written);
  if (!again || reconcile::to_json_line(*again) != written) std::abort();
  return 0;
}
