// Reads the small XML documents that S3 and STS answer with: elements and their text, nothing else. Pure; any
// thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::backup::s3 {

// Called at the end of each element: with the names from the root down ("ListBucketResult/Contents/Key"),
// without prefixes of namespaces, and the text right in it.
using XmlSink = std::function<void(std::string_view path, const std::string& text)>;

// kCorrupt: it is no such document. Declarations of types are not taken, so entities are the five of XML and
// numbers.
Status scan_xml(std::string_view document, const XmlSink& sink);

// The text of the first element of that path; empty: there is none, or the document is none.
std::string xml_text(std::string_view document, std::string_view path);

// With what stands for '<', '&' and quotes.
std::string xml_escaped(std::string_view text);

}  // namespace keyway::backup::s3
