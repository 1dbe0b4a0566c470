#include "backup/s3/xml_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "backup/s3/credentials.h"
#include "backup/s3/listing.h"

namespace keyway::backup::s3 {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> scanned(std::string_view document) {
  std::vector<std::string> seen;
  Status status = scan_xml(document, [&](std::string_view path, const std::string& text) {
    seen.push_back(std::string(path) + "=" + text);
  });
  if (!status) seen.push_back("error");
  return seen;
}

TEST(ScanXml, GivesElementsWithTheirText) {
  EXPECT_THAT(scanned("<?xml version='1.0'?>\n<!-- a > b -->\n<a x='1>2'><b>1 &lt; &#50; &#x2F;&amp;</b><c/>"
                      "<n:d xmlns:n=\"u\"><![CDATA[<&>]]></n:d>tail</a>\n"),
              ElementsAre("a/b=1 < 2 /&", "a/c=", "a/d=<&>", "a=tail"));
  EXPECT_THAT(scanned("<a>&#233;&#x20AC;&#x1F600;</a>"),
              ElementsAre("a=\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
}

TEST(ScanXml, RefusesWhatIsNone) {
  for (const char* document :
       {"", "text", "<a>", "<a></b>", "<a></a><b></b>", "<a></a>text", "<a>&unknown;</a>", "<a>&lt</a>", "<a",
        "<!DOCTYPE a><a/>", "<></>", "<n:></n:>", "</a>", "<a>&#0;</a>", "<a>&#xD800;</a>",
        "<a>&#x110000;</a>", "<a><!-- </a>", "<html><br></html>"})
    EXPECT_THAT(scanned(document), ::testing::Contains("error")) << document;
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<a>";
  EXPECT_THAT(scanned(deep), ElementsAre("error"));
}

TEST(ScanXml, FindsOneText) {
  EXPECT_EQ(xml_text("<a><b>1</b><b>2</b></a>", "a/b"), "1");
  EXPECT_EQ(xml_text("<a><b>1</b>", "a/b"), "");
  EXPECT_EQ(xml_text("<e>" + xml_escaped("<\"&>") + "</e>", "e"), "<\"&>");
}

TEST(Listing, OfObjects) {
  Result<Listing> listing = parse_listing(
      "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</"
      "NextContinuationToken>"
      "<Contents><Key>x/y</Key><LastModified>2026-11-22T10:00:00.500Z</LastModified><ETag>&quot;e&quot;</"
      "ETag>"
      "<Size>12</Size></Contents><Contents><Key>z</Key><Size>many</Size></Contents></ListBucketResult>");
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->next, "a&b");
  ASSERT_EQ(listing->objects.size(), 2U);
  EXPECT_EQ(listing->objects[0].key, "x/y");
  EXPECT_EQ(listing->objects[0].tag, "\"e\"");
  EXPECT_EQ(listing->objects[0].size_bytes, 12);
  EXPECT_EQ(listing->objects[0].changed_ms, 1'795'341'600'500);
  EXPECT_EQ(listing->objects[1].size_bytes, -1);
  EXPECT_FALSE(parse_listing("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"));
  EXPECT_FALSE(parse_listing("<html></html>"));
}

TEST(Sts, ReadsKeys) {
  std::string begin =
      "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
      "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/k"
      "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>";
  std::string end =
      "</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
  Result<StsKeys> given = read_sts_answer(begin + "2026-11-22T10:00:00Z" + end);
  ASSERT_TRUE(given);
  EXPECT_EQ(given->keys.access_key_id, "ASIA1");
  EXPECT_EQ(given->keys.secret, "s/k");
  EXPECT_EQ(given->keys.session_token, "t");
  EXPECT_EQ(given->ends_ms, 1'795'341'600'000);
  EXPECT_FALSE(read_sts_answer(begin + "soon" + end));
  EXPECT_FALSE(read_sts_answer("<html/>"));
}

}  // namespace
}  // namespace keyway::backup::s3
