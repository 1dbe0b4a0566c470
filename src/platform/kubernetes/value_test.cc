#include "platform/kubernetes/value.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "cluster/yaml_tree.h"

namespace keyway::platform::kubernetes {
namespace {

// The tree as another reader sees its YAML. Numbers and booleans compare by their texts.
bool same(const Value& value, const cluster::YamlNode& node) {
  using enum Value::Kind;
  using Node = cluster::YamlNode::Kind;
  if (value.kind() == kMap || value.kind() == kList) {
    if (node.kind != (value.kind() == kMap ? Node::kMap : Node::kList)) return false;
    if (node.items.size() != value.items().size()) return false;
    for (size_t i = 0; i < node.items.size(); ++i) {
      if (value.kind() == kMap && node.items[i].key != value.names()[i]) return false;
      if (!same(value.items()[i], node.items[i])) return false;
    }
    return true;
  }
  return node.kind == Node::kScalar && node.text == value.text();
}

TEST(Value, LooksLikeADocument) {
  const Value document = fields({
      {"kind", "Service"},
      {"empty", fields({})},
      {"absent", Value()},
      {"metadata", fields({{"name", "redis"}, {"annotations", fields({{"a/b", "true"}, {"c", "1e3"}})}})},
      {"args", text_list({"agent", "--port", "9121"})},
      {"ports",
       list({fields({{"port", 6379}, {"name", "redis"}}), fields({{"port", 16379}, {"tls", false}})})},
      {"text", "save \"\"\n\nport 1\n"},
  });
  EXPECT_EQ(to_yaml(document), R"(kind: Service
empty: {}
metadata:
  name: redis
  annotations:
    a/b: "true"
    c: "1e3"
args: [agent, "--port", "9121"]
ports:
- port: 6379
  name: redis
- port: 16379
  tls: false
text: |
  save ""

  port 1
)");
}

TEST(Value, DocumentsArePartedByDashes) {
  EXPECT_EQ(to_yaml({fields({{"a", 1}}), fields({{"b", 2}})}), "a: 1\n---\nb: 2\n");
}

TEST(Value, QuotesWhatYamlWouldTakeForSomethingElse) {
  for (const char* text : {"",    "yes", "No",    "on",     "Y",    "null",       "~",    "1",   "0x1f",
                           "1e3", ".5",  "- a",   "a: b",   "a #b", "2001-01-01", "*all", "&x",  "!tag",
                           "@at", "%",   " lead", "trail ", "a\tb", "{a",         "[a",   "NaN", "quo\"te"}) {
    EXPECT_EQ(to_yaml(fields({{"v", text}})).substr(0, 4), "v: \"") << text;
  }
  EXPECT_EQ(to_yaml(fields({{"v", "keyway.dev/v1alpha1"}})), "v: keyway.dev/v1alpha1\n");
}

TEST(Value, JsonIsOnOneLine) {
  const Value value = fields({{"a", list({1, true, "x\"y"})}, {"b", fields({})}});
  EXPECT_EQ(to_json(value), R"({"a":[1,true,"x\"y"],"b":{}})");
}

TEST(Value, FindsAndReplacesFields) {
  Value value = fields({{"a", fields({{"b", list({"x", "y"})}})}});
  EXPECT_EQ(value["a"]["b"][1].text(), "y");
  EXPECT_TRUE(value["a"]["c"][7]["d"].is_none());
  value.set("a", 1).set("z", Value());
  EXPECT_EQ(to_json(value), R"({"a":1})");
}

rc::Gen<std::string> texts() {
  return rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("ab \n:#-\"'\\{}[],&*!|>%@`019.~yeno/")));
}

RC_GTEST_PROP(Value, AnyTextIsReadBackAsItIs, ()) {
  const std::string one = *texts();
  const std::string two = *texts();
  const Value document = fields({
      {"first", one},
      {"list", text_list({two, one})},
      {"deep", list({fields({{"block", one + "\n"}, {"inner", list({list({fields({{"x", two}})})})}})})},
      {"last", two},
  });
  Result<cluster::YamlNode> read = cluster::read_yaml(to_yaml(document), "test");
  RC_ASSERT(read.has_value());
  RC_ASSERT(same(document, *read));
}

}  // namespace
}  // namespace keyway::platform::kubernetes
