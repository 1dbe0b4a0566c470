#include "backup/s3/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "backup/test_store.h"

namespace keyway::backup::s3 {
namespace {

using ::testing::HasSubstr;

Environment environment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) {
    auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
}

Settings made(const std::string& url, const S3Options& options = {},
              std::map<std::string, std::string> values = {}) {
  Result<Settings> settings = make_settings(url, options, environment(std::move(values)));
  EXPECT_TRUE(settings) << settings.error().message;
  return settings.value_or(Settings{});
}

std::string refused(const std::string& url, const S3Options& options = {},
                    std::map<std::string, std::string> values = {}) {
  Result<Settings> settings = make_settings(url, options, environment(std::move(values)));
  if (settings) return "taken";
  EXPECT_EQ(settings.error().code, ErrorCode::kInvalidArgument);
  return settings.error().message;
}

std::string place(const Settings& settings) { return to_string(bucket_place(settings, settings.region)); }

TEST(S3Settings, OfAws) {
  Settings settings = made("s3://shop-backups/a/b//");
  EXPECT_EQ(settings.url, "s3://shop-backups/a/b");
  EXPECT_EQ(settings.prefix, "a/b/");
  EXPECT_EQ(place(settings), "https://shop-backups.s3.us-east-1.amazonaws.com");
  EXPECT_EQ(to_string(sts_place(settings)), "https://sts.us-east-1.amazonaws.com");
  EXPECT_EQ(made("s3://shop-backups").prefix, "");
  EXPECT_EQ(place(made("s3://shop-backups", {.region = "cn-north-1"}, {{"AWS_REGION", "eu-west-1"}})),
            "https://shop-backups.s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(place(made("s3://shop.backups", {}, {{"AWS_DEFAULT_REGION", "eu-west-1"}})),
            "https://s3.eu-west-1.amazonaws.com");
}

TEST(S3Settings, OfOtherServers) {
  Settings settings = made("s3://shop", {.endpoint_url = "http://127.0.0.1:9000/"});
  EXPECT_TRUE(settings.path_style);
  EXPECT_EQ(place(settings), "http://127.0.0.1:9000");
  EXPECT_EQ(place(made("s3://shop", {.addressing_style = "virtual"},
                       {{"AWS_ENDPOINT_URL", "https://minio.example"}})),
            "https://shop.minio.example");
  Settings several = made("s3://shop", {},
                          {{"AWS_ENDPOINT_URL", "https://all"},
                           {"AWS_ENDPOINT_URL_S3", "http://[::1]:9000"},
                           {"AWS_CA_BUNDLE", "/ca.pem"}});
  EXPECT_EQ(place(several), "http://[::1]:9000");
  EXPECT_EQ(to_string(sts_place(several)), "https://all");
  EXPECT_EQ(several.ca_file, "/ca.pem");
  EXPECT_EQ(host_text({true, {"host", 443}}), "host");
  EXPECT_EQ(host_text({false, {"host", 443}}), "host:443");
}

TEST(S3Settings, RefusesWhatIsWrong) {
  for (const char* url : {"s3://", "s3://ab", "s3://bad bucket/a", "s3://.bucket", "s3:///a"})
    EXPECT_THAT(refused(url), HasSubstr("no name of a bucket")) << url;
  for (const char* url : {"s3://bucket//a", "s3://bucket/a//b", "s3://bucket/a?b"})
    EXPECT_THAT(refused(url), HasSubstr("no prefix")) << url;
  EXPECT_THAT(refused("s3://bucket/a/../b"), HasSubstr("no part \"..\""));
  for (const char* url :
       {"minio:9000", "ftp://host", "https://", "http://host/path", "http://user@host", "http://host:0"})
    EXPECT_THAT(refused("s3://bucket", {.endpoint_url = url}), HasSubstr("--endpoint-url: ")) << url;
  EXPECT_THAT(refused("s3://bucket", {.region = "EU West"}), HasSubstr("no name of a region"));
  EXPECT_THAT(refused("s3://bucket", {.addressing_style = "auto"}), HasSubstr("\"path\" or \"virtual\""));
  EXPECT_THAT(refused("s3://bucket", {.sse = "yes"}), HasSubstr("AES256"));
  EXPECT_THAT(refused("s3://bucket", {.sse = "AES256", .sse_kms_key_id = "k"}), HasSubstr("--sse aws:kms"));
  EXPECT_THAT(refused("s3://bucket", {.sse = "aws:kms", .sse_kms_key_id = "a\r\nb"}),
              HasSubstr("no id of a key"));
  EXPECT_THAT(refused("s3://bucket", {}, {{"AWS_CONFIG_FILE", "/nowhere/config"}}),
              HasSubstr("AWS_CONFIG_FILE names it"));
}

TEST(S3Settings, OfFiles) {
  TestFolder folder;
  std::string path = folder.path() + "/config";
  std::ofstream(path)
      << "# all of it\n[default]\nregion = eu-west-1\n[profile shop]\nregion=eu-west-3\ns3 =\n"
         "  addressing_style = path\nendpoint_url = https://minio.example\n";
  EXPECT_EQ(made("s3://bucket", {}, {{"AWS_CONFIG_FILE", path}}).region, "eu-west-1");
  Settings shop = made("s3://bucket", {}, {{"AWS_CONFIG_FILE", path}, {"AWS_PROFILE", "shop"}});
  EXPECT_EQ(shop.region, "eu-west-3");
  EXPECT_EQ(place(shop), "https://minio.example");
}

TEST(Profile, IsOneSection) {
  Result<Profile> profile =
      parse_profile("[a]\nx = 1\n\n[b]\n; no\nAWS_Access_Key_Id=K\n y = 2\n[a]\n", "b", "f");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->size(), 1U);
  EXPECT_EQ((*profile)["aws_access_key_id"], "K");
  EXPECT_TRUE(parse_profile("", "b", "f")->empty());
  Result<Profile> bad = parse_profile("[b]\nnothing\n", "b", "f");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("f:2:"));
  EXPECT_TRUE(parse_profile("[a]\nnothing\n", "b", "f"));
}

}  // namespace
}  // namespace keyway::backup::s3
