// Memory for bytes on their way through a worker: chunks, counted by the slices that point into them. Those
// of the two usual sizes come from the worker's pool and go back to it; larger ones are made for one large
// command. One thread; the pool outlives its chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace keyway::proxy {

class ChunkPool;

struct Chunk {
  ChunkPool* pool = nullptr;
  size_t capacity_bytes = 0;
  size_t used_bytes = 0;  // from the start; what follows is free
  uint32_t users = 0;

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  size_t room_bytes() const { return capacity_bytes - used_bytes; }
  char* tail() { return bytes() + used_bytes; }
};

// A share in a chunk; the last one gives it back.
class ChunkRef {
 public:
  ChunkRef() = default;
  explicit ChunkRef(Chunk* chunk) : chunk_(chunk) {
    if (chunk_ != nullptr) ++chunk_->users;
  }
  ChunkRef(const ChunkRef& other) : ChunkRef(other.chunk_) {}
  ChunkRef(ChunkRef&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}
  ChunkRef& operator=(const ChunkRef& other) {
    ChunkRef(other).swap(*this);
    return *this;
  }
  ChunkRef& operator=(ChunkRef&& other) noexcept {
    ChunkRef(std::move(other)).swap(*this);
    return *this;
  }
  ~ChunkRef() {
    if (chunk_ == nullptr) return;
    --chunk_->users;
    if (chunk_->users == 0) give_back(chunk_);
  }

  Chunk* get() const { return chunk_; }
  Chunk* operator->() const { return chunk_; }
  explicit operator bool() const { return chunk_ != nullptr; }
  void swap(ChunkRef& other) noexcept { std::swap(chunk_, other.chunk_); }

 private:
  static void give_back(Chunk* chunk);

  Chunk* chunk_ = nullptr;
};

// Keeps up to `max_idle` chunks of each usual size for the next one who asks.
class ChunkPool {
 public:
  static constexpr size_t kSmallBytes = (size_t{4} << 10) - sizeof(Chunk);
  static constexpr size_t kChunkBytes = (size_t{32} << 10) - sizeof(Chunk);

  explicit ChunkPool(size_t max_idle = 256) : max_idle_(max_idle) {}
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  ~ChunkPool();

  // With room for `size_bytes` at least.
  ChunkRef take(size_t size_bytes = kChunkBytes);

  size_t in_use() const { return in_use_; }
  size_t in_use_bytes() const { return in_use_bytes_; }

 private:
  friend class ChunkRef;
  void give_back(Chunk* chunk);

  size_t max_idle_;
  size_t in_use_ = 0;
  size_t in_use_bytes_ = 0;
  std::vector<Chunk*> idle_small_;
  std::vector<Chunk*> idle_;
};

// Bytes within a chunk.
struct Slice {
  ChunkRef chunk;
  const char* data = nullptr;
  size_t size_bytes = 0;

  std::string_view text() const { return {data, size_bytes}; }
};

// A copy of `bytes` in a chunk of its own.
Slice copy_of(std::string_view bytes, ChunkPool& pool);

// Bytes on their way to a peer, in pieces. Small ones are copied together, since each piece of a writev costs
// more than copying so few bytes; large ones stay where they are.
class SliceQueue {
 public:
  static constexpr size_t kCopyBytes = 512;

  explicit SliceQueue(ChunkPool& pool) : pool_(&pool) {}

  bool empty() const { return size_bytes_ == 0; }
  size_t size_bytes() const { return size_bytes_; }

  void append(const Slice& slice);
  void append(std::string_view bytes);

  // Calls take(i, data, size) for each piece from the front, `max_pieces` at most. Gives their number.
  template <typename Take>
  size_t pieces(size_t max_pieces, Take take) const {
    size_t count = 0;
    for (size_t i = first_; i < slices_.size() && count < max_pieces; ++i, ++count) {
      take(count, slices_[i].data, slices_[i].size_bytes);
    }
    return count;
  }
  void drop_front(size_t size_bytes);
  void clear();

 private:
  ChunkPool* pool_;
  std::vector<Slice> slices_;
  size_t first_ = 0;  // those before it are gone
  size_t size_bytes_ = 0;
  bool tail_grows_ = false;  // the last slice is in a chunk that only this queue fills
};

}  // namespace keyway::proxy
