// An object of S3 as it comes. When the connection is lost it goes on by another request, from where it was,
// of the same object or not at all. Owned by whoever reads; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "backup/s3/client.h"
#include "backup/store.h"

namespace keyway::backup::s3 {

class S3Reader : public ObjectReader {
 public:
  S3Reader(std::shared_ptr<Client> client, const std::string& name, int64_t from_bytes);

  // Once, first. kNotFound: there is no such object.
  Status open();
  Result<size_t> read(char* to, size_t size_bytes) override;

 private:
  Status ask();
  // Whether what comes is of the object, from where it was asked for.
  Status check_head(const platform::HttpHead& head);

  std::shared_ptr<Client> client_;
  std::string key_;
  std::string url_;
  int64_t at_bytes_;
  int64_t size_bytes_ = -1;  // of the whole object; -1: not known
  std::string tag_;
  Tries tries_;
  int64_t tried_at_bytes_ = 0;
  std::unique_ptr<HttpAnswer> answer_;  // null: over
};

}  // namespace keyway::backup::s3
