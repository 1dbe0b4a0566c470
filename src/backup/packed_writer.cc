#include <zstd.h>

#include <cassert>

#include "backup/digest.h"
#include "backup/packing.h"
#include "base/format.h"
#include "base/strings.h"

namespace keyway::backup {

namespace {

// Fast enough to keep up with a server that sends over a local network. What higher levels gain is little:
// long strings are compressed in an RDB file already.
constexpr int kLevel = 1;

}  // namespace

struct PackedWriter::Impl {
  std::unique_ptr<ObjectWriter> to;
  std::optional<Sealer> sealer;
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
  std::string block = std::string(ZSTD_CStreamOutSize(), '\0');
  PackedSums sums;
  Digest raw;
  Digest stored;

  Impl(std::unique_ptr<ObjectWriter> object, const Packing& packing) : to(std::move(object)) {
    if (packing.key) sealer.emplace(*packing.key, packing.context);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { ZSTD_freeCCtx(zstd); }

  Status store(std::string_view bytes) {
    if (bytes.empty()) return {};
    stored.add(bytes);
    sums.stored_bytes += static_cast<int64_t>(bytes.size());
    return to->write(bytes);
  }

  Status store_compressed(std::string_view bytes) {
    if (!sealer) return store(bytes);
    return sealer->add(bytes, [this](std::string_view sealed) { return store(sealed); });
  }

  Status compress(std::string_view bytes, ZSTD_EndDirective how) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    size_t left = 1;
    while (in.pos < in.size || (how == ZSTD_e_end && left > 0)) {
      ZSTD_outBuffer out{block.data(), block.size(), 0};
      left = ZSTD_compressStream2(zstd, &out, &in, how);
      if (ZSTD_isError(left) != 0)
        return fail(ErrorCode::kExhausted, fmt::format("cannot compress: {}", ZSTD_getErrorName(left)));
      if (Status stored_now = store_compressed({block.data(), out.pos}); !stored_now) return stored_now;
    }
    return {};
  }
};

PackedWriter::PackedWriter(std::unique_ptr<ObjectWriter> to, const Packing& packing)
    : impl_(std::make_unique<Impl>(std::move(to), packing)) {}

PackedWriter::~PackedWriter() = default;

Status PackedWriter::write(std::string_view raw) {
  impl_->raw.add(raw);
  impl_->sums.raw_bytes += static_cast<int64_t>(raw.size());
  return impl_->compress(raw, ZSTD_e_continue);
}

Result<PackedSums> PackedWriter::commit() {
  Status ended = impl_->compress({}, ZSTD_e_end);
  if (ended && impl_->sealer)
    ended = impl_->sealer->finish([this](std::string_view sealed) { return impl_->store(sealed); });
  if (ended) ended = impl_->to->commit();
  if (!ended) return fail(ended.error());
  impl_->sums.raw_sha256 = hex(impl_->raw.finish());
  impl_->sums.stored_sha256 = hex(impl_->stored.finish());
  return impl_->sums;
}

int64_t PackedWriter::raw_bytes() const { return impl_->sums.raw_bytes; }
int64_t PackedWriter::stored_bytes() const { return impl_->sums.stored_bytes; }

}  // namespace keyway::backup
