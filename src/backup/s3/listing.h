// What a bucket holds, page by page: objects, and uploads in parts that were never finished. Waits, as the
// client does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backup/s3/client.h"
#include "base/error.h"

namespace keyway::backup::s3 {

struct ListedObject {
  std::string key;
  std::string tag;
  int64_t size_bytes = 0;
  int64_t changed_ms = 0;  // Unix time
};

struct Listing {
  std::vector<ListedObject> objects;
  std::string next;  // empty: that was all
};

// kCorrupt: it is no such document.
Result<Listing> parse_listing(std::string_view document);

// From `next` of the page before; empty: the first.
Result<Listing> list_page(Client& client, const std::string& prefix, const std::string& next);

struct Upload {
  std::string key;
  std::string id;
  int64_t begun_ms = 0;  // Unix time
};

struct UploadListing {
  std::vector<Upload> uploads;
  std::string next_key;  // empty: that was all
  std::string next_id;
};

Result<UploadListing> parse_uploads(std::string_view document);

// The unfinished ones, `most` at most. None where the server cannot tell or may not.
Result<std::vector<Upload>> list_uploads(Client& client, const std::string& prefix, size_t most);

}  // namespace keyway::backup::s3
