// leases [--seeds N] [--first S] [--jobs J]   runs N seeds from S on, prints those that fail
// leases --seed S [--trace]                   runs one
#include <algorithm>
#include <cstdio>
#include <mutex>

#include "lease_run.h"
#include "simulation/seeds.h"

namespace {

using keyway::simulation::LeaseResult;
using keyway::simulation::SeedOptions;

class Batch {
 public:
  explicit Batch(const SeedOptions& options) : options_(options) {}

  int64_t run() {
    keyway::simulation::run_seeds(options_, [this](uint64_t seed) { run_one(seed); });
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
  void run_one(uint64_t seed) {
    LeaseResult result = keyway::simulation::run_leases(seed, false);
    std::lock_guard lock(mutex_);
    hours_ += static_cast<double>(result.virtual_us) / 3.6e9;
    writes_ += result.writes;
    acknowledged_ += result.acknowledged;
    forgiven_ += result.forgiven;
    settled_s_ = std::max(settled_s_, static_cast<double>(result.settled_us) / 1e6);
    if (!result.failure) return;
    ++failed_;
    std::printf("seed %llu: %s\nreplay: leases --seed %llu --trace\n", static_cast<unsigned long long>(seed),
                result.failure->c_str(), static_cast<unsigned long long>(seed));
  }

  SeedOptions options_;
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
  SeedOptions options;
  bool trace = false;
  if (!keyway::simulation::parse_seeds(argc, argv, {{"--trace", &trace}}, options)) {
    std::fputs("usage: leases [--seeds N] [--first S] [--jobs J] | --seed S [--trace]\n", stderr);
    return 2;
  }
  if (!options.one) return Batch(options).run() == 0 ? 0 : 1;
  LeaseResult result = keyway::simulation::run_leases(options.first, trace);
  std::printf("seed %llu: %s (%lld writes, %lld acknowledged, settled after %.3f s)\n",
              static_cast<unsigned long long>(options.first), result.failure ? result.failure->c_str() : "ok",
              static_cast<long long>(result.writes), static_cast<long long>(result.acknowledged),
              static_cast<double>(result.settled_us) / 1e6);
  return result.failure ? 1 : 0;
}
