// Who asks S3: keys from the environment, for a web identity token (as pods have one), or from the
// credentials file. Waits for STS and reads files; owned by a Client, its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "backup/s3/environment.h"
#include "backup/s3/http_caller.h"
#include "backup/s3/settings.h"
#include "backup/s3/signature.h"

namespace keyway::backup::s3 {

class Credentials {
 public:
  // All that is referred to outlives it.
  Credentials(const Settings& settings, Environment environment, HttpCaller& caller,
              std::function<bool()> interrupted);

  // Those that are valid now. kDenied: there are none, or STS gives none; kInvalidArgument: a file.
  Result<Keys> keys();
  // They were not taken: the next are had anew. False: the same would come.
  bool forget();
  // Where they are from, for messages; without the secret ones.
  const std::string& source() const { return source_; }

 private:
  Result<Keys> find();
  Result<Keys> ask_sts();
  Result<Keys> from_file();

  const Settings& settings_;
  Environment environment_;
  HttpCaller& caller_;
  std::function<bool()> interrupted_;
  std::optional<Keys> keys_;
  int64_t renew_at_ms_ = 0;  // Unix time; 0: never
  std::string source_ = "the credentials";
};

// The keys that STS answers with, and until when, as Unix time. kCorrupt: it is no such answer.
struct StsKeys {
  Keys keys;
  int64_t ends_ms = 0;
};
Result<StsKeys> read_sts_answer(std::string_view document);

}  // namespace keyway::backup::s3
