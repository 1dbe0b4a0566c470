#include "backup/rdb_survey.h"

#include <gtest/gtest.h>

#include <set>

#include "rdb/test_file.h"

namespace keyway::backup {
namespace {

using rdb::TestFile;
using std::string_literals::operator""s;

TEST(RdbSurvey, Counts) {
  TestFile file;
  file.aux("used-mem", "12345").add("\xf5" + TestFile::string("#!lua name=l")).database(0);
  file.expiry("\x09\0\0\0\0\0\0\0"s).key(0, "a", TestFile::string("1"));
  file.expiry("\x0b\0\0\0\0\0\0\0"s).key(0, "b", TestFile::string("2"));
  file.key(1, "c", "\x01" + TestFile::string("x")).database(7).key(0, "a", TestFile::string("3"));
  rdb::Walker walker;
  walker.feed(file.whole());
  RdbSurvey survey;
  for (auto entry = walker.next(); entry && *entry; entry = walker.next())
    survey.see(*walker.header(), **entry, 10);
  ASSERT_TRUE(walker.finish());
  EXPECT_EQ(survey.keys, 4);
  EXPECT_EQ(survey.expired, 1);
  EXPECT_EQ(survey.functions, 1);
  EXPECT_EQ(survey.memory_bytes, 12345);
  EXPECT_EQ(survey.last_database(), 7);
  EXPECT_EQ(survey.databases, (std::map<int, RdbSurvey::Database>{{0, {3, 2}}, {7, {1, 0}}}));
  EXPECT_EQ(survey.by_type, (std::map<std::string, int64_t>{{"list", 1}, {"string", 3}}));
  EXPECT_EQ(survey.header->version, 11);
}

TEST(RdbSurvey, KnowsWhatServersCallTheTypes) {
  std::set<std::string> answers;
  for (rdb::Family family : {rdb::Family::kRedis, rdb::Family::kValkey}) {
    for (unsigned code = 0; code < 128; ++code) {
      const rdb::ValueType* type = rdb::value_type(code, family);
      if (type == nullptr) continue;
      std::string answer(answer_to_type(*type));
      EXPECT_EQ(answer.empty(), type->name == "value of a module") << type->name;
      EXPECT_EQ(answer == "zset", type->name.starts_with("sorted set")) << type->name;
      EXPECT_TRUE(!has_expiring_parts(*type) || answer == "hash") << type->name;
      answers.insert(answer);
    }
  }
  EXPECT_EQ(answers, (std::set<std::string>{"", "hash", "list", "set", "stream", "string", "zset"}));
}

TEST(RdbSurvey, ReadsKeyspaces) {
  using Databases = std::map<int, RdbSurvey::Database>;
  EXPECT_EQ(
      parse_keyspace(
          "# Keyspace\r\ndb0:keys=12,expires=3,avg_ttl=0\r\ndb15:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\n"),
      (Databases{{0, {12, 3}}, {15, {1, 0}}}));
  EXPECT_EQ(parse_keyspace("# Keyspace\r\n"), Databases());
  EXPECT_EQ(parse_keyspace("db:keys=1\ndbx:keys=2\ndb1:nonsense\ndb2:keys=x"),
            (Databases{{1, {0, 0}}, {2, {-1, 0}}}));
}

}  // namespace
}  // namespace keyway::backup
