// Whatever a server answers is read or refused, and what was read can be written and read again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "backup/s3/credentials.h"
#include "backup/s3/listing.h"
#include "backup/s3/refusal.h"
#include "backup/s3/xml_scan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace s3 = keyway::backup::s3;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t given = 0;
  const keyway::Status scanned = s3::scan_xml(text, [&](std::string_view path, const std::string& inner) {
    if (path.empty()) std::abort();
    given += inner.size();
  });
  if (scanned && given > size) std::abort();
  if (s3::xml_text("<a>" + s3::xml_escaped(text) + "</a>", "a") != text) std::abort();
  (void)s3::parse_listing(text);
  (void)s3::parse_uploads(text);
  (void)s3::read_sts_answer(text);
  keyway::platform::HttpHead head;
  head.status = 400;
  (void)s3::read_refusal(head, text);
  (void)s3::parse_http_date_ms(text);
  (void)s3::parse_profile(text, "default", "f");
  return 0;
}
