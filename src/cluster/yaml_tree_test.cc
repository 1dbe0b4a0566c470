#include "cluster/yaml_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/spec.h"
#include "cluster/spec_fields.h"

namespace keyway::cluster {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text, const YamlLimits& limits = {}) {
  const auto tree = read_yaml(text, "f", limits);
  return tree ? "" : tree.error().message;
}

TEST(YamlTree, KnowsKindsAndPlaces) {
  const auto tree = read_yaml("a: 1\nb:\n  - x\n  - 'y'\nc: ~\nd: {e: \"f\"}\n", "f");
  ASSERT_TRUE(tree) << tree.error().message;
  ASSERT_EQ(tree->items.size(), 4u);
  const YamlNode* b = tree->find("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->kind, YamlNode::Kind::kList);
  EXPECT_EQ(b->key_at.line, 2);
  EXPECT_EQ(b->items[1].text, "y");
  EXPECT_TRUE(b->items[1].quoted);
  EXPECT_FALSE(b->items[0].quoted);
  EXPECT_EQ(b->items[1].at.line, 4);
  EXPECT_EQ(b->items[1].at.column, 5);
  EXPECT_EQ(tree->find("c")->kind, YamlNode::Kind::kNull);
  EXPECT_EQ(tree->find("c")->at.line, 5);
  EXPECT_EQ(tree->find("d")->find("e")->text, "f");
  EXPECT_FALSE(tree->find("e"));
}

TEST(YamlTree, FindsFieldsByPath) {
  const auto tree = read_yaml("a:\n  - x: 1\n  - y:\n     Z: 2\n", "f");
  ASSERT_TRUE(tree);
  EXPECT_EQ(find_field(*tree, "a[1].y.z").line, 4);
  EXPECT_EQ(find_field(*tree, "a[1].y.z").column, 9);
  EXPECT_EQ(find_field(*tree, "a[1].q").line, 3);  // as much of it as there is
  EXPECT_EQ(find_field(*tree, "a[10].y").line, 2);
  EXPECT_EQ(find_field(*tree, "q").line, 1);
}

TEST(YamlTree, RefusesWhatIsNoUtf8) {
  EXPECT_THAT(refusal("a: b\nc: \xff\n"), HasSubstr("f:2:4: document: the text is not UTF-8; "));
  for (const char* bad : {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\x80"}) {
    EXPECT_THAT(refusal(bad), HasSubstr("not UTF-8")) << bad;
  }
  EXPECT_THAT(refusal(std::string_view("a: \0", 4)), HasSubstr("not UTF-8"));
  EXPECT_EQ(refusal("a: ä€😀"), "");
}

TEST(YamlTree, HasBounds) {
  EXPECT_THAT(refusal(std::string(100, ' '), {.size_bytes = 99}),
              HasSubstr("it has 100 bytes, more than the 99"));
  EXPECT_THAT(refusal("[[[]]]", {.depth = 2}), HasSubstr("nested more than 2 deep"));
  EXPECT_EQ(refusal("[[]]", {.depth = 2}), "");
  EXPECT_THAT(refusal("[1, 2, 3]", {.nodes = 3}), HasSubstr("more than 3 values"));
  EXPECT_EQ(refusal("[1, 2]", {.nodes = 3}), "");
  // Far beyond what yaml-cpp itself bears.
  EXPECT_NE(refusal(std::string(1 << 20, '[')), "");
  std::string blocks;
  for (int i = 0; i < 1000; ++i) blocks += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(refusal(blocks), HasSubstr("nested"));
}

TEST(YamlTree, EmptyInput) {
  for (const char* text : {"", "\n\n", "# nothing\n"})
    EXPECT_THAT(refusal(text), HasSubstr("f:1:1: document: it is empty"));
}

TEST(YamlTree, MessagesDoNotSteerATerminal) {
  const auto spec = parse_spec("apiVersion: \"\\e[31m\"", "f");
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().message.find('\x1b'), std::string::npos);
  EXPECT_THAT(spec.error().message, HasSubstr("?[31m"));
}

}  // namespace
}  // namespace keyway::cluster
