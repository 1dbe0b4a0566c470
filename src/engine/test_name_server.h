// For tests: a name server on the test's own event loop that knows what it is told.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/format.h"

namespace keyway::engine {

class TestNameServer {
 public:
  explicit TestNameServer(boost::asio::io_context& io)
      : socket_(io, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
    receive();
  }

  std::string address() const { return fmt::format("127.0.0.1:{}", socket_.local_endpoint().port()); }
  void add(const std::string& host, std::vector<std::string> v4, std::vector<std::string> v6) {
    known_[host] = {std::move(v4), std::move(v6)};
  }
  void fall_silent() { silent_ = true; }

  int questions = 0;

 private:
  struct Addresses {
    std::vector<std::string> v4;
    std::vector<std::string> v6;
  };
  static constexpr char kTypeA = 1;
  static constexpr char kTypeAaaa = 28;
  static constexpr size_t kHeaderBytes = 12;

  void receive() {
    socket_.async_receive_from(boost::asio::buffer(question_), from_,
                               [this](boost::system::error_code error, size_t size) {
                                 if (error) return;
                                 ++questions;
                                 if (!silent_) answer(std::string(question_.data(), size));
                                 receive();
                               });
  }

  // RFC 1035, section 4: a header, the question, the records.
  void answer(const std::string& question) {
    std::string host;
    size_t at = kHeaderBytes;
    while (at < question.size() && question[at] != 0) {
      auto length = static_cast<size_t>(static_cast<unsigned char>(question[at]));
      host += (host.empty() ? "" : ".") + question.substr(at + 1, length);
      at += length + 1;
    }
    char type = question.at(at + 2);
    auto found = known_.find(host);
    std::string records;
    char count = 0;
    if (found != known_.end()) {
      for (const std::string& ip : type == kTypeA ? found->second.v4 : found->second.v6) {
        records += record(type, ip);
        ++count;
      }
    }
    std::string out = question.substr(0, 2);                   // its id
    out += {'\x81', found == known_.end() ? '\x83' : '\x80'};  // an answer; no such name
    out += {0, 1, 0, count, 0, 0, 0, 0};
    out += question.substr(kHeaderBytes, at + 5 - kHeaderBytes) + records;
    socket_.send_to(boost::asio::buffer(out), from_);
  }

  static std::string record(char type, const std::string& ip) {
    boost::asio::ip::address address = boost::asio::ip::make_address(ip);
    std::string bytes;
    if (address.is_v4()) {
      for (unsigned char byte : address.to_v4().to_bytes()) bytes += static_cast<char>(byte);
    } else {
      for (unsigned char byte : address.to_v6().to_bytes()) bytes += static_cast<char>(byte);
    }
    // The name of the question, type, class IN, 60 s.
    std::string out = {'\xc0', static_cast<char>(kHeaderBytes), 0, type, 0, 1, 0, 0, 0, 60,
                       0,      static_cast<char>(bytes.size())};
    return out + bytes;
  }

  boost::asio::ip::udp::socket socket_;
  boost::asio::ip::udp::endpoint from_;
  std::array<char, 512> question_{};
  std::map<std::string, Addresses> known_;
  bool silent_ = false;
};

}  // namespace keyway::engine
