// The path of a command with one key allocates nothing once it is warm. Counts what other threads than the
// test's own allocate in this whole program.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "proxy/test_proxy.h"

namespace {

std::atomic<uint64_t> counted = 0;
thread_local bool is_test_thread = false;

}  // namespace

// Sanitizers have their own.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KEYWAY_ALLOCATIONS_ARE_NOT_SEEN
#endif
#endif

#ifndef KEYWAY_ALLOCATIONS_ARE_NOT_SEEN
namespace {

void* take(size_t size) {
  if (!is_test_thread) counted.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size); memory != nullptr) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t size) { return take(size); }
void* operator new[](size_t size) { return take(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace keyway::proxy {
namespace {

constexpr int kRequests = 20'000;
constexpr uint64_t kAllowed = kRequests / 20;  // for the thread that keeps the topology

TEST(AllocationsServer, NoneForACommandWithOneKey) {
#ifdef KEYWAY_ALLOCATIONS_ARE_NOT_SEEN
  GTEST_SKIP() << "sanitizers have allocators of their own";
#endif
  std::vector<engine::TestEngine> engines = engine::test_engines();
  if (engines.empty()) GTEST_SKIP() << "no server on this machine";
  is_test_thread = true;
  engine::TestFleet servers;
  engine::TestCluster cluster(engines.front(), 3, 0);
  ASSERT_TRUE(engine::wait_until([&] { return cluster.is_whole(servers.fleet); }));
  ProxyOptions options = options_before(cluster);
  auto proxy = Proxy::make(options);
  ASSERT_TRUE(proxy) << proxy.error().message;
  (*proxy)->start();
  TestClient client((*proxy)->address());
  auto run = [&](int requests) {
    constexpr int kDepth = 16;
    for (int i = 0; i < requests; i += kDepth) {
      for (int j = 0; j < kDepth; ++j)
        client.send_command({j % 2 == 0 ? "GET" : "INCR", "k" + std::to_string(j % 8 * 8 + j % 2)});
      for (int j = 0; j < kDepth; ++j) ASSERT_NE(client.read(), "");
    }
  };
  run(1000);
  uint64_t before = counted;
  run(kRequests);
  EXPECT_LT(counted - before, kAllowed) << "of " << kRequests << " requests";
}

}  // namespace
}  // namespace keyway::proxy
