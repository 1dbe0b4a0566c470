// The documents under testdata/spec: good ones are read and written back, bad ones are refused with the error
// that stands in their first line. tests/schema checks the same documents against the JSON schema.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cluster/spec.h"

namespace keyway::cluster {
namespace {

using Path = std::filesystem::path;

std::vector<Path> documents(const char* kind) {
  std::vector<Path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(Path(__FILE__).parent_path() / "testdata/spec" / kind)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string content(const Path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(SpecCorpus, GoodDocumentsAreReadAndWrittenBack) {
  const auto paths = documents("good");
  ASSERT_GE(paths.size(), 9u);
  for (const Path& path : paths) {
    const auto spec = parse_spec(content(path), path.filename().string());
    ASSERT_TRUE(spec) << spec.error().message;
    EXPECT_TRUE(validate(*spec)) << path;
    const std::string yaml = to_yaml(*spec);
    const auto again = parse_spec(yaml, "written");
    ASSERT_TRUE(again) << again.error().message << "\n" << yaml;
    EXPECT_EQ(*again, *spec) << yaml;
  }
}

TEST(SpecCorpus, BadDocumentsAreRefusedWithTheirError) {
  const auto paths = documents("bad");
  ASSERT_GE(paths.size(), 90u);
  constexpr std::string_view kMark = "# error: ";
  for (const Path& path : paths) {
    const std::string text = content(path);
    const std::string first_line = text.substr(0, text.find('\n'));
    ASSERT_EQ(first_line.substr(0, kMark.size()), kMark) << path;
    const auto spec = parse_spec(text, path.filename().string());
    ASSERT_FALSE(spec) << path << " is taken";
    EXPECT_EQ(spec.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(spec.error().message, path.filename().string() + ":" + first_line.substr(kMark.size()));
  }
}

TEST(SpecCorpus, ExamplesOfTheManualAreGood) {
  const std::string manual = content(Path(__FILE__).parent_path() / "../../docs/spec.md");
  constexpr std::string_view kOpen = "```yaml\n";
  int examples = 0;
  for (size_t at = manual.find(kOpen); at != std::string::npos; at = manual.find(kOpen, at)) {
    at += kOpen.size();
    const auto spec = parse_spec(manual.substr(at, manual.find("```", at) - at), "docs/spec.md");
    EXPECT_TRUE(spec) << spec.error().message;
    ++examples;
  }
  EXPECT_GE(examples, 3);
}

}  // namespace
}  // namespace keyway::cluster
