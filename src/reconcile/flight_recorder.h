// Keeps what the loop saw, planned and did, bounded, in a file beside the cluster. Written as it happens and
// not synced: it outlives every process, not the power. A look that tells nothing new is not written, so a
// cluster at rest costs no disk. Owned by the one who runs the loop; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/bounded_file.h"
#include "reconcile/flight_record.h"

namespace keyway::reconcile {

inline constexpr size_t kMaxHistoryBytes = size_t{8} << 20;  // and as much in the file before it

class FlightRecorder {
 public:
  explicit FlightRecorder(std::string path, size_t max_size_bytes = kMaxHistoryBytes)
      : file_(std::move(path), max_size_bytes) {}

  void record(const Tick& tick);

 private:
  BoundedFile file_;
  std::string told_;      // the news of the last record with facts
  int64_t facts_ms_ = 0;  // when that was
  bool failing_ = false;  // the last line could not be written, and the log has been told
};

// Who is what and how, what is planned and what is wrong: equal texts are no news. Without numbers that
// change by themselves.
std::string news_of(const Tick& tick);

}  // namespace keyway::reconcile
