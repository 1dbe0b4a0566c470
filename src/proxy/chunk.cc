#include "proxy/chunk.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace keyway::proxy {

namespace {

constexpr size_t kKeptPieces = 8;  // room for so many that an idle connection may keep

}  // namespace

void ChunkRef::give_back(Chunk* chunk) { chunk->pool->give_back(chunk); }

ChunkPool::~ChunkPool() {
  for (Chunk* chunk : idle_small_) ::operator delete(chunk);
  for (Chunk* chunk : idle_) ::operator delete(chunk);
}

ChunkRef ChunkPool::take(size_t size_bytes) {
  size_t capacity_bytes = size_bytes <= kSmallBytes ? kSmallBytes : std::max(size_bytes, kChunkBytes);
  std::vector<Chunk*>& idle = capacity_bytes == kSmallBytes ? idle_small_ : idle_;
  Chunk* chunk = nullptr;
  if (capacity_bytes <= kChunkBytes && !idle.empty()) {
    chunk = idle.back();
    idle.pop_back();
    chunk->used_bytes = 0;
  } else {
    chunk = new (::operator new(sizeof(Chunk) + capacity_bytes))
        Chunk{.pool = this, .capacity_bytes = capacity_bytes, .used_bytes = 0, .users = 0};
  }
  ++in_use_;
  in_use_bytes_ += chunk->capacity_bytes;
  return ChunkRef(chunk);
}

void ChunkPool::give_back(Chunk* chunk) {
  --in_use_;
  in_use_bytes_ -= chunk->capacity_bytes;
  std::vector<Chunk*>& idle = chunk->capacity_bytes == kSmallBytes ? idle_small_ : idle_;
  if (chunk->capacity_bytes <= kChunkBytes && idle.size() < max_idle_) {
    idle.push_back(chunk);
  } else {
    ::operator delete(chunk);
  }
}

Slice copy_of(std::string_view bytes, ChunkPool& pool) {
  Slice copy{pool.take(bytes.size()), nullptr, bytes.size()};
  copy.data = copy.chunk->bytes();
  if (!bytes.empty()) std::memcpy(copy.chunk->bytes(), bytes.data(), bytes.size());
  copy.chunk->used_bytes = bytes.size();
  return copy;
}

void SliceQueue::append(const Slice& slice) {
  if (slice.size_bytes <= kCopyBytes) return append(slice.text());
  slices_.push_back(slice);
  size_bytes_ += slice.size_bytes;
  tail_grows_ = false;
}

void SliceQueue::append(std::string_view bytes) {
  size_bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (!tail_grows_ || slices_.back().chunk->room_bytes() == 0) {
      // Most queues hold little: a small chunk is enough for them.
      size_t wanted_bytes =
          slices_.empty() ? std::min(bytes.size(), ChunkPool::kChunkBytes) : ChunkPool::kChunkBytes;
      Slice& fresh = slices_.emplace_back();
      fresh.chunk = pool_->take(wanted_bytes);
      fresh.data = fresh.chunk->bytes();
      tail_grows_ = true;
    }
    Slice& tail = slices_.back();
    size_t size = std::min(bytes.size(), tail.chunk->room_bytes());
    std::memcpy(tail.chunk->tail(), bytes.data(), size);
    tail.chunk->used_bytes += size;
    tail.size_bytes += size;
    bytes.remove_prefix(size);
  }
}

void SliceQueue::drop_front(size_t size_bytes) {
  size_bytes_ -= size_bytes;
  if (size_bytes_ == 0) return clear();
  while (size_bytes > 0) {
    Slice& front = slices_[first_];
    size_t taken = std::min(size_bytes, front.size_bytes);
    front.data += taken;
    front.size_bytes -= taken;
    size_bytes -= taken;
    if (front.size_bytes > 0) continue;
    front.chunk = ChunkRef();
    ++first_;
  }
}

void SliceQueue::clear() {
  slices_.clear();
  if (slices_.capacity() > kKeptPieces) slices_.shrink_to_fit();
  first_ = 0;
  size_bytes_ = 0;
  tail_grows_ = false;
}

}  // namespace keyway::proxy
