#include "supervisor/protocol.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace keyway::supervisor {
namespace {

template <typename T>
T round_trip(const T& request) {
  const std::string line = encode_request(request);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
  const auto decoded = decode_request(line);
  EXPECT_TRUE(decoded) << decoded.error().message;
  EXPECT_TRUE(std::holds_alternative<T>(*decoded));
  return std::get<T>(*decoded);
}

TEST(Protocol, RequestsComeBackAsTheyWere) {
  EXPECT_EQ(round_trip(ProgressRequest{18'446'744'073'709'551'615u}).events_since,
            18'446'744'073'709'551'615u);
  EXPECT_EQ(round_trip(ApplyRequest{"a: \"b\"\nc: \t\xc3\xa9\n"}).spec_yaml, "a: \"b\"\nc: \t\xc3\xa9\n");
  const FailoverRequest failover = round_trip(FailoverRequest{"p1", "p1-1"});
  EXPECT_EQ(failover.shard, "p1");
  EXPECT_EQ(failover.to_node, "p1-1");
  EXPECT_EQ(round_trip(RestartRequest{{"p1-0", "p2-1"}}).nodes, (std::vector<std::string>{"p1-0", "p2-1"}));
  EXPECT_TRUE(round_trip(RestartRequest{}).nodes.empty());
  round_trip(DownRequest{});
}

TEST(Protocol, RequestsHaveNames) {
  EXPECT_EQ(name_of(ProgressRequest{}), "progress");
  EXPECT_EQ(name_of(ApplyRequest{}), "apply");
  EXPECT_EQ(name_of(FailoverRequest{}), "failover");
  EXPECT_EQ(name_of(RestartRequest{}), "restart");
  EXPECT_EQ(name_of(DownRequest{}), "down");
}

TEST(Protocol, ProgressComesBackAsItWas) {
  Progress progress;
  progress.converged = true;
  progress.generation = 7;
  progress.supervisor_pid = 1234;
  progress.status_json = "{\n  \"name\": \"shop\"\n}";
  progress.events = {{41, 1'700'000'000'000, "warning", "p1", "p1-0 ended"}, {42, -1, "info", "", "again"}};
  progress.doing = {"start p1-0: it is not running"};
  progress.problems = {"p2: stop nginx"};
  const auto back = decode_progress(encode_progress(progress));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(back->converged);
  EXPECT_EQ(back->generation, 7u);
  EXPECT_EQ(back->supervisor_pid, 1234);
  EXPECT_EQ(back->status_json, progress.status_json);
  ASSERT_EQ(back->events.size(), 2u);
  EXPECT_EQ(back->events[0].sequence, 41u);
  EXPECT_EQ(back->events[0].level, "warning");
  EXPECT_EQ(back->events[0].shard, "p1");
  EXPECT_EQ(back->events[0].text, "p1-0 ended");
  EXPECT_EQ(back->events[1].wall_ms, -1);
  EXPECT_EQ(back->doing, progress.doing);
  EXPECT_EQ(back->problems, progress.problems);
}

TEST(Protocol, GenerationsAndErrorsComeBack) {
  EXPECT_EQ(decode_generation(encode_generation(9)).value(), 9u);
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const std::string line = encode_error({static_cast<ErrorCode>(code), "no\nway"});
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto generation = decode_generation(line);
    ASSERT_FALSE(generation);
    EXPECT_EQ(generation.error().code, static_cast<ErrorCode>(code));
    EXPECT_EQ(generation.error().message, "no\nway");
    EXPECT_EQ(decode_progress(line).error().message, "no\nway");
  }
}

TEST(Protocol, BadRequestsAreRefusedWithTheField) {
  const auto message = [](std::string_view line) {
    const auto request = decode_request(line);
    EXPECT_FALSE(request) << line;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalidArgument) << line;
    return request.error().message;
  };
  EXPECT_NE(message("").find("JSON"), std::string::npos);
  EXPECT_NE(message("{").find("JSON"), std::string::npos);
  EXPECT_NE(message("[1]").find("JSON"), std::string::npos);
  EXPECT_NE(message("{\"version\":1}{").find("JSON"), std::string::npos);
  EXPECT_NE(message(R"({"version":1})").find("'op'"), std::string::npos);
  EXPECT_NE(message(R"({"version":1,"op":"fly"})").find("'op'"), std::string::npos);
  EXPECT_NE(message(R"({"version":1,"op":"apply"})").find("'spec'"), std::string::npos);
  EXPECT_NE(message(R"({"version":1,"op":"progress","events_since":-1})").find("'events_since'"),
            std::string::npos);
  EXPECT_NE(message(R"({"version":1,"op":"restart","nodes":["a",1]})").find("'nodes'"), std::string::npos);
  EXPECT_NE(message(R"({"version":1,"op":"failover","shard":"p1"})").find("'to'"), std::string::npos);
  EXPECT_NE(message(std::string(kMaxRequestBytes + 1, 'x')).find("longer"), std::string::npos);
  EXPECT_NE(message(std::string(100'000, '[')).find("JSON"), std::string::npos);
}

TEST(Protocol, OtherVersionsAreToldApart) {
  EXPECT_EQ(decode_request(R"({"version":2,"op":"down"})").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(decode_request(R"({"op":"down"})").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(decode_progress(R"({"version":"1","ok":true})").error().code, ErrorCode::kUnsupported);
}

TEST(Protocol, BadRepliesAreCorrupt) {
  for (const char* line :
       {"", "no", "{\"version\":1}", "{\"version\":1,\"ok\":false}", "{\"version\":1,\"ok\":true}",
        "{\"version\":1,\"ok\":false,\"error\":{\"code\":1}}"}) {
    EXPECT_EQ(decode_progress(line).error().code, ErrorCode::kCorrupt) << line;
    EXPECT_EQ(decode_generation(line).error().code, ErrorCode::kCorrupt) << line;
  }
}

TEST(Protocol, TextThatIsNoUtf8IsReplacedNotFatal) {
  const auto back = decode_request(encode_request(FailoverRequest{"\xff", ""}));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<FailoverRequest>(*back).shard, "\xef\xbf\xbd");
}

TEST(Protocol, AnyTextSurvivesTheTrip) {
  EXPECT_TRUE(rc::check([](const std::vector<uint8_t>& bytes) {
    std::string text;
    for (const uint8_t byte : bytes) text += static_cast<char>(byte & 0x7f);
    const auto back = decode_request(encode_request(ApplyRequest{text}));
    RC_ASSERT(back.has_value());
    RC_ASSERT(std::get<ApplyRequest>(*back).spec_yaml == text);
  }));
}

TEST(Protocol, AnyBytesAreReadOrRefused) {
  EXPECT_TRUE(rc::check([](const std::string& line, uint32_t cut_at) {
    (void)decode_request(line);
    (void)decode_progress(line);
    const std::string whole = encode_request(RestartRequest{{line}});
    const std::string part = whole.substr(0, cut_at % (whole.size() - 1));
    RC_ASSERT(!decode_request(part).has_value());
  }));
}

}  // namespace
}  // namespace keyway::supervisor
