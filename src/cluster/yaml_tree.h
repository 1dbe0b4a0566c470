// A YAML document as a plain tree that knows where each part of it stands, which the field readers of
// the spec and of the proxy's configuration go through. Keeps yaml-cpp and its exceptions in one file.
// Values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyway::cluster {

// Both count from 1; columns count bytes.
struct YamlPosition {
  int line = 1;
  int column = 1;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  YamlPosition at;              // of a null that has a key: where the key stands
  std::string text;             // of a scalar
  bool quoted = false;          // of a scalar: it is a string whatever it looks like
  std::vector<YamlNode> items;  // of a list; of a map its values, in the document's order

  std::string key;  // of a map's value
  YamlPosition key_at;

  // The value of `name` in a map; null if it has none, or if this is no map.
  const YamlNode* find(std::string_view name) const;
};

struct YamlLimits {
  size_t size_bytes = 1 << 20;
  int depth = 24;
  int nodes = 100000;
};

// Reads exactly one document. Errors (kInvalidArgument) read "SOURCE:LINE:COLUMN: document: what; what to
// do". Refused beside bad syntax: text that is not UTF-8, empty input, further documents, duplicate keys,
// keys that are no plain text, aliases and tags, and whatever goes beyond `limits`.
Result<YamlNode> read_yaml(std::string_view text, std::string_view source, const YamlLimits& limits = {});

// A text in double quotes, which YAML and JSON read alike.
std::string yaml_quoted(std::string_view text);

// "SOURCE:LINE:COLUMN: FIELD: what", as all errors about a document read.
Error yaml_error(std::string_view source, YamlPosition at, std::string_view field, std::string_view what);

}  // namespace keyway::cluster
