// leases [--seeds N] [--first S] [--jobs J]   runs N seeds from S on, prints those that fail
// leases --seed S [--trace]                   runs one
#include <atomic>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/format.h"
#include "base/log.h"
#include "base/strings.h"
#include "lease_run.h"

namespace {

using keyway::simulation::LeaseResult;

struct Options {
  uint64_t first = 1;
  int64_t seeds = 1000;
  int64_t jobs = 2;
  bool one = false;
  bool trace = false;
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    std::string_view flag = argv[i];
    if (flag == "--trace") {
      options.trace = true;
      continue;
    }
    std::optional<int64_t> value = i + 1 < argc ? keyway::parse_int(argv[++i]) : std::nullopt;
    if (!value || *value < 0) return false;
    if (flag == "--seeds") {
      options.seeds = *value;
    } else if (flag == "--first") {
      options.first = static_cast<uint64_t>(*value);
    } else if (flag == "--jobs") {
      options.jobs = *value;
    } else if (flag == "--seed") {
      options.one = true;
      options.first = static_cast<uint64_t>(*value);
    } else {
      return false;
    }
  }
  return true;
}

class Batch {
 public:
  explicit Batch(const Options& options) : options_(options) {}

  int64_t run() {
    std::vector<std::thread> threads;
    for (int64_t i = 0; i < std::max<int64_t>(options_.jobs, 1); ++i)
      threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    std::printf(
        "%lld seeds, %lld failed: %.1f h of virtual time, %lld writes, %lld acknowledged, %lld lost to "
        "faults, "
        "settled within %.1f s\n",
        static_cast<long long>(options_.seeds), static_cast<long long>(failed_), hours_,
        static_cast<long long>(writes_), static_cast<long long>(acknowledged_),
        static_cast<long long>(forgiven_), settled_s_);
    return failed_;
  }

 private:
  void work() {
    for (int64_t i = next_++; i < options_.seeds; i = next_++) {
      uint64_t seed = options_.first + static_cast<uint64_t>(i);
      LeaseResult result = keyway::simulation::run_leases(seed, false);
      std::lock_guard lock(mutex_);
      hours_ += static_cast<double>(result.virtual_us) / 3.6e9;
      writes_ += result.writes;
      acknowledged_ += result.acknowledged;
      forgiven_ += result.forgiven;
      settled_s_ = std::max(settled_s_, static_cast<double>(result.settled_us) / 1e6);
      if (!result.failure) continue;
      ++failed_;
      std::printf("seed %llu: %s\nreplay: leases --seed %llu --trace\n",
                  static_cast<unsigned long long>(seed), result.failure->c_str(),
                  static_cast<unsigned long long>(seed));
    }
  }

  Options options_;
  std::atomic<int64_t> next_{0};
  std::mutex mutex_;
  int64_t failed_ = 0;
  int64_t writes_ = 0;
  int64_t acknowledged_ = 0;
  int64_t forgiven_ = 0;
  double hours_ = 0;
  double settled_s_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs("usage: leases [--seeds N] [--first S] [--jobs J] | --seed S [--trace]\n", stderr);
    return 2;
  }
  if (!options.one) return Batch(options).run() == 0 ? 0 : 1;
  LeaseResult result = keyway::simulation::run_leases(options.first, options.trace);
  std::printf("seed %llu: %s (%lld writes, %lld acknowledged, settled after %.3f s)\n",
              static_cast<unsigned long long>(options.first), result.failure ? result.failure->c_str() : "ok",
              static_cast<long long>(result.writes), static_cast<long long>(result.acknowledged),
              static_cast<double>(result.settled_us) / 1e6);
  return result.failure ? 1 : 0;
}
