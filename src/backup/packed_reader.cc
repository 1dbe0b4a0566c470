#include <zstd.h>

#include "backup/digest.h"
#include "backup/packing.h"
#include "base/format.h"
#include "base/strings.h"

namespace keyway::backup {

namespace {

constexpr int kMaxWindowLog = 23;  // 8 MiB; what we write takes far less
constexpr size_t kBlockBytes = size_t{64} << 10;

}  // namespace

struct PackedReader::Impl {
  enum class State { kReading, kStoredEnded, kDone, kFailed };

  std::unique_ptr<ObjectReader> from;
  std::optional<Unsealer> unsealer;
  ZSTD_DCtx* zstd = ZSTD_createDCtx();
  PackedSums expected;
  std::string what;

  State state = State::kReading;
  std::string block = std::string(kBlockBytes, '\0');
  std::string compressed;     // that is not expanded yet
  size_t expanded_to = 0;     // of it
  bool more_to_come = false;  // of what was expanded and did not fit
  bool frame_over = false;
  PackedSums seen;
  Digest raw;
  Digest stored;

  Impl() { ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, kMaxWindowLog); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { ZSTD_freeDCtx(zstd); }

  tl::unexpected<Error> failed(ErrorCode code, std::string_view why) {
    state = State::kFailed;
    return fail(code, fmt::format("{}: {}", what, why));
  }

  Status refill();
  Result<size_t> expand(char* to, size_t size_bytes);
  Result<size_t> finish();
};

// More compressed bytes, or the end of them.
Status PackedReader::Impl::refill() {
  compressed.clear();
  expanded_to = 0;
  Result<size_t> got = from->read(block.data(), block.size());
  if (!got) {
    state = State::kFailed;
    return fail(got.error());
  }
  std::string_view bytes(block.data(), *got);
  stored.add(bytes);
  seen.stored_bytes += static_cast<int64_t>(bytes.size());
  ByteSink take = [this](std::string_view piece) {
    compressed += piece;
    return Status{};
  };
  if (bytes.empty()) {
    state = State::kStoredEnded;
    Status ended = unsealer ? unsealer->finish(take) : Status{};
    return ended ? ended : failed(ended.error().code, ended.error().message);
  }
  if (seen.stored_bytes > expected.stored_bytes)
    return failed(ErrorCode::kCorrupt,
                  fmt::format("it is longer than the {} bytes that were written", expected.stored_bytes));
  if (!unsealer) return take(bytes);
  Status opened = unsealer->add(bytes, take);
  return opened ? opened : failed(opened.error().code, opened.error().message);
}

Result<size_t> PackedReader::Impl::expand(char* to, size_t size_bytes) {
  if (frame_over && expanded_to < compressed.size())
    return failed(ErrorCode::kCorrupt, "something follows its end");
  ZSTD_inBuffer in{compressed.data(), compressed.size(), expanded_to};
  ZSTD_outBuffer out{to, size_bytes, 0};
  size_t left = ZSTD_decompressStream(zstd, &out, &in);
  if (ZSTD_isError(left) != 0)
    return failed(ErrorCode::kCorrupt, fmt::format("it was altered: {}", ZSTD_getErrorName(left)));
  frame_over = left == 0;
  more_to_come = !frame_over && out.pos == out.size;
  expanded_to = in.pos;
  raw.add({to, out.pos});
  seen.raw_bytes += static_cast<int64_t>(out.pos);
  if (seen.raw_bytes > expected.raw_bytes)
    return failed(ErrorCode::kCorrupt,
                  fmt::format("it holds more than the {} bytes that were backed up", expected.raw_bytes));
  return out.pos;
}

Result<size_t> PackedReader::Impl::finish() {
  if (!frame_over || seen.stored_bytes != expected.stored_bytes || seen.raw_bytes != expected.raw_bytes) {
    return failed(ErrorCode::kCorrupt, fmt::format("it is cut short: {} bytes instead of {}",
                                                   seen.stored_bytes, expected.stored_bytes));
  }
  if (hex(stored.finish()) != expected.stored_sha256 || hex(raw.finish()) != expected.raw_sha256)
    return failed(ErrorCode::kCorrupt, "it was altered: its checksum is not the one in the manifest");
  state = State::kDone;
  return 0;
}

PackedReader::PackedReader(std::unique_ptr<ObjectReader> from, const Packing& packing, PackedSums expected,
                           std::string what)
    : impl_(std::make_unique<Impl>()) {
  impl_->from = std::move(from);
  if (packing.key) impl_->unsealer.emplace(*packing.key, packing.context);
  impl_->expected = std::move(expected);
  impl_->what = std::move(what);
}

PackedReader::~PackedReader() = default;

Result<size_t> PackedReader::read(char* to, size_t size_bytes) {
  using State = Impl::State;
  if (size_bytes == 0) return 0;
  while (impl_->state == State::kReading || impl_->state == State::kStoredEnded) {
    if (impl_->more_to_come || impl_->expanded_to < impl_->compressed.size()) {
      Result<size_t> expanded = impl_->expand(to, size_bytes);
      if (!expanded || *expanded > 0) return expanded;
    }
    if (impl_->expanded_to < impl_->compressed.size()) continue;
    if (impl_->state == State::kStoredEnded) return impl_->finish();
    if (Status filled = impl_->refill(); !filled) return fail(filled.error());
  }
  if (impl_->state == State::kDone) return 0;
  return fail(ErrorCode::kCorrupt, impl_->what + " could not be read");
}

int64_t PackedReader::raw_bytes() const { return impl_->seen.raw_bytes; }
int64_t PackedReader::stored_bytes() const { return impl_->seen.stored_bytes; }

}  // namespace keyway::backup
