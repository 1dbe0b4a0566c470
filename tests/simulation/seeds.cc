#include "seeds.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "base/strings.h"

namespace keyway::simulation {

bool parse_seeds(int argc, char** argv, const std::map<std::string_view, bool*>& flags,
                 SeedOptions& options) {
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    if (auto flag = flags.find(name); flag != flags.end()) {
      *flag->second = true;
      continue;
    }
    std::optional<int64_t> value = i + 1 < argc ? parse_int(argv[++i]) : std::nullopt;
    if (!value || *value < 0) return false;
    if (name == "--seeds") {
      options.seeds = *value;
    } else if (name == "--jobs") {
      options.jobs = *value;
    } else if (name == "--first" || name == "--seed") {
      options.first = static_cast<uint64_t>(*value);
      options.one = options.one || name == "--seed";
    } else {
      return false;
    }
  }
  return true;
}

void run_seeds(const SeedOptions& options, const std::function<void(uint64_t seed)>& run) {
  std::atomic<int64_t> next{0};
  auto work = [&] {
    for (int64_t i = next++; i < options.seeds; i = next++) run(options.first + static_cast<uint64_t>(i));
  };
  int64_t jobs = options.jobs > 0 ? options.jobs : std::thread::hardware_concurrency();
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < std::max<int64_t>(1, jobs); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace keyway::simulation
