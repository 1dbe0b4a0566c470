// Whether a server holds what the RDB file says that it loaded: how many keys there are, each by its name and
// type, and of a sample of each type the value and when it expires. Goes through the file once more. One
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "backup/rdb_survey.h"
#include "backup/trial_server.h"

namespace keyway::backup {

inline constexpr int64_t kSamplesOfType = 100;
inline constexpr size_t kMaxSampleBytes = size_t{1}
                                          << 20;  // larger values are compared by name and type only

struct Comparison {
  const RdbSurvey& survey;   // of that file
  std::string file;          // its path
  int scratch_database = 0;  // of the server, with nothing in it
  std::function<bool()> interrupted;
  std::function<void(int64_t keys)> compared;  // called now and then
};

// How many values were compared. kCorrupt: what differs.
Result<int64_t> compare(TrialServer& server, const Comparison& comparison);

}  // namespace keyway::backup
