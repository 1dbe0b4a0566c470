#include "backup/s3/s3_store.h"

#include <algorithm>
#include <utility>

#include "backup/digest.h"
#include "backup/s3/client.h"
#include "backup/s3/listing.h"
#include "backup/s3/object_reader.h"
#include "backup/s3/object_writer.h"
#include "base/format.h"
#include "base/strings.h"

namespace keyway::backup::s3 {

namespace {

constexpr std::string_view kUnfinished = ".part";
constexpr size_t kMarkBytes = 6;

// An unfinished upload as an object: "NAME.1a2b3c4d5e6f.part".
std::string name_of(const Upload& upload, size_t prefix_bytes) {
  return fmt::format("{}.{}{}", upload.key.substr(prefix_bytes), hex(sha256(upload.id).substr(0, kMarkBytes)),
                     kUnfinished);
}

class S3Store : public Store {
 public:
  explicit S3Store(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  const std::string& url() const override { return client_->settings().url; }
  Result<std::unique_ptr<ObjectWriter>> put(const std::string& name) override;
  Result<std::unique_ptr<ObjectReader>> get(const std::string& name, int64_t from_bytes) override;
  Result<std::vector<ObjectInfo>> list(const std::string& folder) override;
  Status remove(const std::string& name) override;

 private:
  Status add_unfinished(const std::string& below, std::vector<ObjectInfo>& infos);
  Status abort(const std::string& name);
  Error too_many() const {
    return {ErrorCode::kExhausted,
            fmt::format("{} holds more than {} objects: is it a place of backups?", url(), kMaxObjects)};
  }

  std::shared_ptr<Client> client_;
};

Status check_name(const std::string& name) {
  if (is_object_name(name)) return {};
  return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no name of an object", name));
}

Result<std::unique_ptr<ObjectWriter>> S3Store::put(const std::string& name) {
  if (Status checked = check_name(name); !checked) return fail(checked.error());
  return std::make_unique<S3Writer>(client_, name);
}

Result<std::unique_ptr<ObjectReader>> S3Store::get(const std::string& name, int64_t from_bytes) {
  if (Status checked = check_name(name); !checked) return fail(checked.error());
  auto reader = std::make_unique<S3Reader>(client_, name, from_bytes);
  if (Status opened = reader->open(); !opened) return fail(opened.error());
  return reader;
}

Result<std::vector<ObjectInfo>> S3Store::list(const std::string& folder) {
  const std::string& prefix = client_->settings().prefix;
  std::string below = folder.empty() ? prefix : prefix + folder + "/";
  std::vector<ObjectInfo> infos;
  std::string next;
  do {
    Result<Listing> page = list_page(*client_, below, next);
    if (!page) return fail(page.error());
    for (const ListedObject& object : page->objects) {
      if (!object.key.starts_with(below)) continue;
      std::string name = object.key.substr(prefix.size());
      if (is_object_name(name)) infos.push_back({std::move(name), object.size_bytes, object.changed_ms});
    }
    // A server that repeats a page must not keep us.
    bool repeated = !next.empty() && page->next == next;
    if (repeated || infos.size() > kMaxObjects) return fail(too_many());
    next = page->next;
  } while (!next.empty());
  if (Status added = add_unfinished(below, infos); !added) return fail(added.error());
  std::ranges::sort(infos, {}, &ObjectInfo::name);
  return infos;
}

Status S3Store::add_unfinished(const std::string& below, std::vector<ObjectInfo>& infos) {
  Result<std::vector<Upload>> uploads = list_uploads(*client_, below, kMaxObjects);
  if (!uploads) return fail(uploads.error());
  size_t prefix_bytes = client_->settings().prefix.size();
  for (const Upload& upload : *uploads) {
    if (!upload.key.starts_with(below)) continue;
    std::string name = name_of(upload, prefix_bytes);
    if (is_object_name(name)) infos.push_back({std::move(name), 0, upload.begun_ms});
  }
  return {};
}

Status S3Store::abort(const std::string& name) {
  const std::string& prefix = client_->settings().prefix;
  std::string key = prefix + name.substr(0, name.size() - kUnfinished.size());
  key.resize(key.rfind('.'));
  Result<std::vector<Upload>> uploads = list_uploads(*client_, key, kMaxObjects);
  if (!uploads) return fail(uploads.error());
  for (const Upload& upload : *uploads) {
    if (upload.key != key || name_of(upload, prefix.size()) != name) continue;
    Request request{.what = fmt::format("abort the upload of {}/{}", url(), name),
                    .method = "DELETE",
                    .key = key,
                    .query = {{"uploadId", upload.id}}};
    Result<Answer> answer = client_->call(request);
    if (!answer && answer.error().code != ErrorCode::kNotFound) return fail(answer.error());
  }
  return {};
}

Status S3Store::remove(const std::string& name) {
  if (Status checked = check_name(name); !checked) return checked;
  std::string_view stem =
      std::string_view(name).substr(0, name.size() - std::min(name.size(), kUnfinished.size()));
  if (name.ends_with(kUnfinished) && stem.find('.') != std::string_view::npos) return abort(name);
  Request request{.what = fmt::format("delete {}/{}", url(), name),
                  .method = "DELETE",
                  .key = client_->settings().prefix + name};
  Result<Answer> answer = client_->call(request);
  if (answer || answer.error().code == ErrorCode::kNotFound) return {};
  return fail(answer.error());
}

}  // namespace

std::unique_ptr<Store> open_s3_store(Settings settings, Environment environment,
                                     std::function<bool()> interrupted) {
  return std::make_unique<S3Store>(
      std::make_shared<Client>(std::move(settings), std::move(environment), std::move(interrupted)));
}

}  // namespace keyway::backup::s3
