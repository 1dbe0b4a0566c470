#include "backup/store.h"

#include <algorithm>
#include <array>
#include <utility>

#include "backup/directory_store.h"
#include "backup/s3/s3_store.h"
#include "base/format.h"
#include "base/strings.h"

namespace keyway::backup {

namespace {

constexpr size_t kMaxNameBytes = 512;
constexpr size_t kBlockBytes = size_t{16} << 10;

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

}  // namespace

bool is_object_name(std::string_view name) {
  if (name.size() > kMaxNameBytes) return false;
  return std::ranges::all_of(split(name, '/'), [](std::string_view part) {
    return !part.empty() && part.front() != '.' && std::ranges::all_of(part, is_name_letter);
  });
}

Result<std::string> read_object(Store& store, const std::string& name, size_t max_size_bytes) {
  Result<std::unique_ptr<ObjectReader>> reader = store.get(name);
  if (!reader) return fail(reader.error());
  std::string text;
  std::array<char, kBlockBytes> block{};
  while (true) {
    Result<size_t> got = (*reader)->read(block.data(), block.size());
    if (!got) return fail(got.error());
    if (*got == 0) return text;
    text.append(block.data(), *got);
    if (text.size() > max_size_bytes) {
      return fail(ErrorCode::kExhausted,
                  fmt::format("{}/{} is larger than {} bytes", store.url(), name, max_size_bytes));
    }
  }
}

Status write_object(Store& store, const std::string& name, std::string_view text) {
  Result<std::unique_ptr<ObjectWriter>> writer = store.put(name);
  if (!writer) return fail(writer.error());
  if (Status written = (*writer)->write(text); !written) return written;
  return (*writer)->commit();
}

Result<std::unique_ptr<Store>> open_store(const std::string& url, const StoreOptions& options) {
  constexpr std::string_view file = "file://";
  constexpr std::string_view bucket = "s3://";
  if (url.starts_with(bucket)) {
    s3::Environment environment = s3::process_environment();
    Result<s3::Settings> settings = s3::make_settings(url, options.s3, environment);
    if (!settings) return fail(settings.error());
    return s3::open_s3_store(std::move(*settings), std::move(environment), options.interrupted);
  }
  if (options.s3.any()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: --endpoint-url, --region, --addressing-style and --sse are for s3://BUCKET", url));
  }
  if (url.starts_with(file)) return open_directory_store(url.substr(file.size()));
  size_t scheme = url.find("://");
  if (scheme == std::string::npos) return open_directory_store(url);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: backups are kept in a folder (/path or file:///path) or in a bucket "
                          "(s3://BUCKET/PREFIX), not at {}://",
                          url, url.substr(0, scheme)));
}

}  // namespace keyway::backup
