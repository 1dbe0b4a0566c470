// For tests: a bucket in memory behind an S3 server of the test's own, in a thread of its own, which can be
// told to misbehave. Path-style; it looks at no signature.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "backup/digest.h"
#include "backup/s3/environment.h"
#include "backup/s3/settings.h"
#include "backup/s3/xml_scan.h"
#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/test_api_server.h"

namespace keyway::backup::s3 {

using platform::kubernetes::TestApiPeer;
using platform::kubernetes::TestApiServer;
using platform::kubernetes::TestRequest;

inline std::string http_answer(int status, const std::string& body, const std::string& fields = "",
                               const std::string& type = "application/xml") {
  return fmt::format("HTTP/1.1 {} Some\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n{}", status, type,
                     body.size(), fields, body);
}

inline std::string s3_error(int status, const std::string& code, const std::string& fields = "",
                            const std::string& more = "") {
  return http_answer(status,
                     fmt::format("<?xml version=\"1.0\"?>\n<Error><Code>{}</Code><Message>Some &amp; "
                                 "more</Message>{}<RequestId>R1</RequestId></Error>",
                                 code, more),
                     fields);
}

// The value of a header; empty: none.
inline std::string header(const TestRequest& request, const std::string& name) {
  std::string mark = "\r\n" + name + ": ";
  size_t at = request.head.find(mark);
  if (at == std::string::npos) return {};
  at += mark.size();
  return request.head.substr(at, request.head.find("\r\n", at) - at);
}

class TestBucket {
 public:
  // Answers in place of the bucket; false: the bucket does.
  using Misbehave = std::function<bool(const TestRequest&, TestApiPeer&)>;

  TestBucket() {
    server_.handler = [this](const TestRequest& request, TestApiPeer& peer) {
      std::lock_guard lock(mutex_);
      requests_.push_back(request.method + " " + request.target);
      if (!misbehave_ || !misbehave_(request, peer)) answer(request, peer);
    };
    thread_ = std::thread([this] { io_.run(); });
  }
  TestBucket(const TestBucket&) = delete;
  TestBucket& operator=(const TestBucket&) = delete;
  ~TestBucket() {
    io_.stop();
    thread_.join();
  }

  // Of a store in it, with little patience.
  Settings settings(const std::string& url = "s3://bucket/backups", S3Options options = {}) const {
    options.endpoint_url = endpoint();
    Result<Settings> made = make_settings(url, options, [](const char*) { return std::string(); });
    made->part_bytes = 100;
    made->patience.tries = 4;
    made->patience.backoff_min_ms = 1;
    made->patience.backoff_max_ms = 5;
    return *made;
  }
  std::string endpoint() const { return fmt::format("http://127.0.0.1:{}", server_.address().port); }
  static Environment keys() {
    return [](const char* name) -> std::string {
      if (std::string_view(name) == "AWS_ACCESS_KEY_ID") return "AKIATEST";
      return std::string_view(name) == "AWS_SECRET_ACCESS_KEY" ? "not-told-to-anyone" : "";
    };
  }

  void misbehave(Misbehave how) {
    std::lock_guard lock(mutex_);
    misbehave_ = std::move(how);
  }
  std::map<std::string, std::string> objects() {
    std::lock_guard lock(mutex_);
    return objects_;
  }
  void put(const std::string& key, std::string bytes) {
    std::lock_guard lock(mutex_);
    objects_[key] = std::move(bytes);
  }
  size_t uploads() {
    std::lock_guard lock(mutex_);
    return uploads_.size();
  }
  std::vector<std::string> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  size_t count(std::string_view begin) {
    std::vector<std::string> all = requests();
    return static_cast<size_t>(
        std::ranges::count_if(all, [&](const std::string& one) { return one.starts_with(begin); }));
  }

 private:
  struct Upload {
    std::string key;
    std::map<int, std::string> parts;
  };
  static constexpr size_t kPage = 3;

  static std::string tag(const std::string& bytes) { return "\"" + hex(md5(bytes)) + "\""; }
  static std::string parameter(const TestRequest& request, const std::string& name) {
    size_t at = request.target.find('?');
    if (at == std::string::npos) return {};
    for (std::string_view each : split(std::string_view(request.target).substr(at + 1), '&')) {
      if (!each.starts_with(name + "=")) continue;
      std::string value(each.substr(name.size() + 1));
      for (size_t slash = value.find("%2F"); slash != std::string::npos; slash = value.find("%2F"))
        value.replace(slash, 3, "/");
      return value;
    }
    return {};
  }

  void answer(const TestRequest& request, TestApiPeer& peer) {
    const std::string root = "/bucket";
    std::string path = request.target.substr(0, request.target.find('?'));
    if (!path.starts_with(root)) return peer.send(s3_error(404, "NoSuchBucket"));
    std::string key = path.size() > root.size() + 1 ? path.substr(root.size() + 1) : "";
    bool uploads = request.target.find("uploads=") != std::string::npos;
    std::string id = parameter(request, "uploadId");
    if (request.method == "GET" && key.empty())
      return peer.send(uploads ? list_uploads(request) : list(request));
    if (request.method == "GET") return peer.send(get(request, key));
    if (request.method == "POST" && uploads) return peer.send(begin(key));
    if (!id.empty() && !uploads_.contains(id)) return peer.send(s3_error(404, "NoSuchUpload"));
    if (request.method == "POST") return peer.send(complete(request, id));
    if (request.method == "PUT" && !id.empty()) {
      uploads_[id].parts[std::stoi(parameter(request, "partNumber"))] = request.body;
      return peer.send(http_answer(200, "", "ETag: " + tag(request.body) + "\r\n"));
    }
    if (request.method == "PUT") {
      objects_[key] = request.body;
      tags_.erase(key);
      return peer.send(http_answer(200, "", "ETag: " + tag(request.body) + "\r\n"));
    }
    id.empty() ? objects_.erase(key) : uploads_.erase(id);
    peer.send("HTTP/1.1 204 No Content\r\n\r\n");
  }

  std::string list(const TestRequest& request) {
    std::string prefix = parameter(request, "prefix");
    std::string next = parameter(request, "continuation-token");
    std::string body;
    size_t count = 0;
    std::string more;
    for (const auto& [key, bytes] : objects_) {
      if (!key.starts_with(prefix) || key <= next) continue;
      if (count == kPage) {
        more = "<IsTruncated>true</IsTruncated><NextContinuationToken>" + last_ + "</NextContinuationToken>";
        break;
      }
      ++count;
      last_ = key;
      body += fmt::format(
          "<Contents><Key>{}</Key><LastModified>2026-11-22T10:00:00.000Z</LastModified><ETag>{}</"
          "ETag><Size>{}"
          "</Size></Contents>",
          key, xml_escaped(tags_.contains(key) ? tags_[key] : tag(bytes)), bytes.size());
    }
    return http_answer(200, "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + more +
                                body + "</ListBucketResult>");
  }

  std::string list_uploads(const TestRequest& request) {
    std::string prefix = parameter(request, "prefix");
    std::string body;
    for (const auto& [id, upload] : uploads_) {
      if (!upload.key.starts_with(prefix)) continue;
      body += fmt::format(
          "<Upload><Key>{}</Key><UploadId>{}</UploadId><Initiated>2026-11-22T10:00:00.000Z</Initiated></"
          "Upload>",
          upload.key, id);
    }
    return http_answer(200, "<ListMultipartUploadsResult>" + body + "</ListMultipartUploadsResult>");
  }

  std::string get(const TestRequest& request, const std::string& key) {
    auto found = objects_.find(key);
    if (found == objects_.end()) return s3_error(404, "NoSuchKey");
    const std::string& bytes = found->second;
    std::string wanted = header(request, "if-match");
    if (!wanted.empty() && wanted != tag(bytes)) return s3_error(412, "PreconditionFailed");
    std::string range = header(request, "range");
    std::string fields = "ETag: " + tag(bytes) + "\r\n";
    if (range.empty()) return http_answer(200, bytes, fields, "application/octet-stream");
    size_t from = std::stoul(range.substr(range.find('=') + 1));
    if (from >= bytes.size()) return s3_error(416, "InvalidRange");
    fields += fmt::format("Content-Range: bytes {}-{}/{}\r\n", from, bytes.size() - 1, bytes.size());
    return http_answer(206, bytes.substr(from), fields, "application/octet-stream");
  }

  std::string begin(const std::string& key) {
    std::string id = fmt::format("upload{}", next_id_++);
    uploads_[id] = {key, {}};
    return http_answer(200, "<InitiateMultipartUploadResult><UploadId>" + id +
                                "</UploadId></InitiateMultipartUploadResult>");
  }

  std::string complete(const TestRequest& request, const std::string& id) {
    const Upload& upload = uploads_[id];
    std::string bytes;
    std::string sums;
    for (const auto& [number, part] : upload.parts) {
      if (request.body.find(hex(md5(part))) == std::string::npos) return s3_error(400, "InvalidPart");
      bytes += part;
      sums += md5(part);
    }
    tags_[upload.key] = fmt::format("\"{}-{}\"", hex(md5(sums)), upload.parts.size());
    objects_[upload.key] = bytes;
    std::string etag = xml_escaped(tags_[upload.key]);
    uploads_.erase(id);
    return http_answer(
        200, "<CompleteMultipartUploadResult><ETag>" + etag + "</ETag></CompleteMultipartUploadResult>");
  }

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_{io_.get_executor()};
  TestApiServer server_{io_};
  std::mutex mutex_;  // of all below
  Misbehave misbehave_;
  std::map<std::string, std::string> objects_;
  std::map<std::string, std::string> tags_;  // of those that came in parts
  std::map<std::string, Upload> uploads_;
  std::vector<std::string> requests_;
  std::string last_;
  int next_id_ = 1;
  std::thread thread_;
};

}  // namespace keyway::backup::s3
