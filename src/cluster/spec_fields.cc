#include "cluster/spec_fields.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/spec.h"
#include "cluster/suggest.h"

namespace keyway::cluster {

namespace {

using Kind = YamlNode::Kind;

std::string shown(const YamlNode& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    case Kind::kScalar:
      break;
  }
  return fmt::format("\"{}\"", excerpt(node.text));
}

bool is_truth_value(const YamlNode& node) {
  const std::string lower = to_lower(excerpt(node.text));
  return !node.quoted && (lower == "true" || lower == "false");
}

// As the YAML 1.2 core schema sees it.
bool is_number(const YamlNode& node) {
  if (node.quoted || node.text.empty()) return false;
  const std::string lower = to_lower(node.text);
  std::string_view text = lower;
  if (text[0] == '-' || text[0] == '+') text.remove_prefix(1);
  if (text == ".inf" || text == ".nan") return true;
  if (text.find_first_of("0123456789") > 1) return false;  // none, or behind more than a point
  if (text.size() > 2 && (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0o")) {
    return text.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
  }
  double value = 0;
  return std::from_chars(text.data(), text.data() + text.size(), value).ptr == text.data() + text.size();
}

}  // namespace

void FieldReader::refuse_at(YamlPosition at, std::string_view path, std::string_view what) {
  if (!failed()) status_ = fail(yaml_error(source_, at, path, what));
}

void FieldReader::check(const YamlNode& node, std::string_view path,
                        const std::optional<std::string>& problem) {
  if (problem) refuse(node, path, *problem);
}

bool FieldReader::map(const YamlNode& node, std::string_view path,
                      const std::vector<std::string_view>& known) {
  if (node.kind != Kind::kMap) {
    const std::string_view whole = path.empty() ? "document" : path;
    refuse(node, whole,
           fmt::format("{} where a map belongs; write name: value lines, for example {}: …", shown(node),
                       known.front()));
    return false;
  }
  for (const YamlNode& value : node.items) {
    if (std::find(known.begin(), known.end(), value.key) != known.end()) continue;
    refuse_at(value.key_at, field_path(path, excerpt(value.key)),
              "there is no such field; " + suggest(value.key, known));
    return false;
  }
  return true;
}

bool FieldReader::list(const YamlNode& node, std::string_view path) {
  if (node.kind == Kind::kList) return true;
  refuse(node, path,
         fmt::format("{} where a list belongs; write [] around it, or - before each item", shown(node)));
  return false;
}

const YamlNode* FieldReader::required(const YamlNode& map, std::string_view path, std::string_view name,
                                      std::string_view example) {
  const YamlNode* node = map.find(name);
  if (!node) refuse(map, field_path(path, name), fmt::format("it is missing; add {}: {}", name, example));
  return node;
}

std::string FieldReader::text(const YamlNode& node, std::string_view path) {
  if (node.kind != Kind::kScalar) {
    refuse(node, path,
           fmt::format("{} where a text belongs; write the text, in quotes if need be", shown(node)));
  } else if (is_truth_value(node) || is_number(node)) {
    refuse(node, path,
           fmt::format("{} is a {} to YAML; write it in quotes", excerpt(node.text),
                       is_number(node) ? "number" : "truth value"));
  }
  return node.text;
}

size_t FieldReader::choice(const YamlNode& node, std::string_view path,
                           const std::vector<std::string_view>& choices) {
  const auto found = std::find(choices.begin(), choices.end(), node.text);
  if (node.kind != Kind::kScalar) {
    refuse(node, path, fmt::format("{} where one word belongs; {}", shown(node), suggest("", choices)));
  } else if (found == choices.end()) {
    refuse(node, path, fmt::format("{} is none of its values; {}", shown(node), suggest(node.text, choices)));
  }
  return found == choices.end() ? 0 : static_cast<size_t>(found - choices.begin());
}

int64_t FieldReader::integer(const YamlNode& node, std::string_view path) {
  const auto number = parse_int(node.text);
  if (node.kind == Kind::kScalar && !node.quoted && number) return *number;
  refuse(node, path,
         fmt::format("{} where a whole number belongs; write it in digits, without quotes", shown(node)));
  return 0;
}

bool FieldReader::boolean(const YamlNode& node, std::string_view path) {
  if (node.kind != Kind::kScalar || !is_truth_value(node)) {
    refuse(node, path,
           fmt::format("{} where true or false belongs; write one of them, without quotes", shown(node)));
  }
  return to_lower(excerpt(node.text)) == "true";
}

int64_t FieldReader::size_bytes(const YamlNode& node, std::string_view path) {
  const auto size = parse_size(node.text);
  if (node.kind == Kind::kScalar && size) return *size;
  refuse(
      node, path,
      fmt::format("{} is no size; write bytes, or a number with a unit such as 512Mi or 1.5Gi", shown(node)));
  return 0;
}

std::string FieldReader::parameter(const YamlNode& node, std::string_view path) {
  if (node.kind == Kind::kNull) {
    refuse(node, path, "it has no value; write one, or \"\" for an empty one");
  } else if (node.kind != Kind::kScalar) {
    refuse(node, path,
           fmt::format("{} where one value belongs; write it as one text, as redis.conf does", shown(node)));
  }
  if (is_truth_value(node)) return boolean(node, path) ? "yes" : "no";
  return node.text;
}

std::string field_path(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

std::string field_path(std::string_view path, size_t index) { return fmt::format("{}[{}]", path, index); }

YamlPosition find_field(const YamlNode& root, std::string_view field) {
  // In lower case, as the names of parameters are kept.
  const std::string wanted = to_lower(field);
  const auto leads_there = [&](const std::string& path) {
    if (!wanted.starts_with(path)) return false;
    return wanted.size() == path.size() || wanted[path.size()] == '.' || wanted[path.size()] == '[';
  };
  const YamlNode* node = &root;
  std::string path;
  for (bool deeper = true; deeper;) {
    deeper = false;
    for (size_t i = 0; i < node->items.size() && !deeper; ++i) {
      const YamlNode& item = node->items[i];
      const std::string longer =
          node->kind == Kind::kMap ? field_path(path, to_lower(item.key)) : field_path(path, i);
      if (!leads_there(longer)) continue;
      node = &item;
      path = longer;
      deeper = true;
    }
  }
  return node->at;
}

}  // namespace keyway::cluster
