// What is said of a store in S3 on the command line; the rest is in the environment, as for other programs
// that speak to S3. No secrets. Values; any thread.
#pragma once

#include <string>

namespace keyway::backup {

// Empty: not said.
struct S3Options {
  std::string endpoint_url = {};
  std::string region = {};
  std::string addressing_style = {};  // "path" or "virtual"
  std::string sse = {};               // server-side encryption: "AES256", "aws:kms"
  std::string sse_kms_key_id = {};

  bool any() const {
    return !(endpoint_url.empty() && region.empty() && addressing_style.empty() && sse.empty() &&
             sse_kms_key_id.empty());
  }
};

}  // namespace keyway::backup
