// An object on its way into S3: small ones by one request, larger ones in parts, one of which is held in
// memory. What is not committed is aborted. Owned by whoever writes; one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backup/s3/client.h"
#include "backup/store.h"

namespace keyway::backup::s3 {

class S3Writer : public ObjectWriter {
 public:
  // `name` is that of the object in the store.
  S3Writer(std::shared_ptr<Client> client, const std::string& name);
  S3Writer(const S3Writer&) = delete;
  S3Writer& operator=(const S3Writer&) = delete;
  ~S3Writer() override;

  Status write(std::string_view bytes) override;
  Status commit() override;

 private:
  struct Part {
    std::string tag;  // as the server names it, with its quotes
    std::string md5;  // 16 bytes
  };

  Request request(std::string method) const;
  Fields encryption_headers() const;
  // Of the part that comes next.
  size_t part_bytes() const;
  Status begin_upload();
  Status send_part();
  Status put_whole();
  Status complete();
  // Whether the object is there as it was to be made, though nobody said so.
  bool is_there(std::string_view tag) const;
  // What the server took is what was sent, as far as its tag tells.
  Status check_tag(const Answer& answer, const std::string& expected_hex) const;

  std::shared_ptr<Client> client_;
  std::string key_;
  std::string url_;
  std::string pending_;
  std::string upload_id_;  // empty: none has begun
  std::vector<Part> parts_;
  int64_t size_bytes_ = 0;
  bool committed_ = false;
};

// "\"abc\"" and "abc": abc.
std::string_view bare_tag(std::string_view tag);

}  // namespace keyway::backup::s3
