// Reading the fields of a document with their types. Keeps the first error found; once there is one, what the
// functions return is of no use and what they are told is not looked at. Owned by one parse; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cluster/yaml_tree.h"

namespace keyway::cluster {

class FieldReader {
 public:
  // `source` outlives it.
  explicit FieldReader(std::string_view source) : source_(source) {}

  bool failed() const { return !status_; }
  Status status() const { return status_; }

  // Keeps the error at `node` for the field at `path` ("spec.shards[1]").
  void refuse(const YamlNode& node, std::string_view path, std::string_view what) {
    refuse_at(node.at, path, what);
  }
  void refuse_at(YamlPosition at, std::string_view path, std::string_view what);
  // The same if there is a problem.
  void check(const YamlNode& node, std::string_view path, const std::optional<std::string>& problem);

  // Whether it is a map with fields out of `known` only. An empty path is the document's.
  bool map(const YamlNode& node, std::string_view path, const std::vector<std::string_view>& known);
  bool list(const YamlNode& node, std::string_view path);

  // A map's field that must be there; null, with an error, if it is not. `example` is a value it could have.
  const YamlNode* required(const YamlNode& map, std::string_view path, std::string_view name,
                           std::string_view example);

  // A text. What YAML takes for a number or a truth value wants quotes.
  std::string text(const YamlNode& node, std::string_view path);
  // One of `choices`; the index of it.
  size_t choice(const YamlNode& node, std::string_view path, const std::vector<std::string_view>& choices);
  int64_t integer(const YamlNode& node, std::string_view path);
  bool boolean(const YamlNode& node, std::string_view path);
  int64_t size_bytes(const YamlNode& node, std::string_view path);
  // The value of a server parameter: text, number, or true and false, which are yes and no to the servers.
  std::string parameter(const YamlNode& node, std::string_view path);

 private:
  std::string_view source_;
  Status status_;
};

// "a.b"; just `name` without a path.
std::string field_path(std::string_view path, std::string_view name);
std::string field_path(std::string_view path, size_t index);

// Where in the document `field` ("spec.shards[1].slots") stands, or as much of it as is there.
YamlPosition find_field(const YamlNode& root, std::string_view field);

}  // namespace keyway::cluster
