// For tests: a server that answers as it is told to, on the test's own event loop.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "resp/command.h"
#include "resp/reply.h"

namespace keyway::engine {

// A server on the same event loop that answers each command with what `answer` gives; nothing: it stays
// silent. "\0close" in the answer's place closes the connection.
class FakeServer {
 public:
  using Answer = std::function<std::string(const resp::Command&)>;

  FakeServer(boost::asio::io_context& io, Answer answer, const char* host = "127.0.0.1")
      : host_(host),
        answer_(std::move(answer)),
        acceptor_(io, boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address(host), 0)) {
    accept();
  }

  Address address() { return {host_, acceptor_.local_endpoint().port()}; }

  // Closes what was accepted, as a server that restarts does.
  void drop_clients() {
    for (const auto& client : clients_) client->socket.close();
    clients_.clear();
  }
  void stop_listening() { acceptor_.close(); }

  std::vector<resp::Command> seen;
  int accepted = 0;

 private:
  struct Client {
    explicit Client(boost::asio::ip::tcp::socket s) : socket(std::move(s)) {}
    boost::asio::ip::tcp::socket socket;
    resp::ReplyParser parser;  // a command on the wire is an array of strings, as a reply is
    std::array<char, 4096> buffer{};
    std::string out;         // not yet given to the socket
    std::string on_its_way;  // given to it; must not move
  };

  // Without blocking: the other end is served by the same thread.
  void send(const std::shared_ptr<Client>& client, const std::string& bytes) {
    client->out += bytes;
    if (client->on_its_way.empty() && !client->out.empty()) write(client);
  }

  void write(std::shared_ptr<Client> client) {
    if (client->on_its_way.empty()) client->on_its_way.swap(client->out);
    client->socket.async_write_some(boost::asio::buffer(client->on_its_way),
                                    [this, client](boost::system::error_code error, size_t size) {
                                      client->on_its_way.erase(0, size);
                                      if (!error && client->on_its_way.size() + client->out.size() > 0)
                                        write(client);
                                    });
  }

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, boost::asio::ip::tcp::socket socket) {
      if (error) return;
      ++accepted;
      socket.set_option(boost::asio::ip::tcp::no_delay(true));
      clients_.push_back(std::make_shared<Client>(std::move(socket)));
      read(clients_.back());
      accept();
    });
  }

  void read(std::shared_ptr<Client> client) {
    client->socket.async_read_some(boost::asio::buffer(client->buffer),
                                   [this, client](boost::system::error_code error, size_t size) {
                                     if (error) return;
                                     client->parser.feed({client->buffer.data(), size});
                                     while (auto next = client->parser.next().value()) {
                                       resp::Command command;
                                       for (const resp::Reply& part : next->elements)
                                         command.push_back(part.text);
                                       seen.push_back(command);
                                       std::string bytes = answer_(command);
                                       if (bytes == "close") return client->socket.close();
                                       send(client, bytes);
                                     }
                                     read(client);
                                   });
  }

  std::string host_;
  Answer answer_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::vector<std::shared_ptr<Client>> clients_;
};

inline std::string echo(const resp::Command& command) {
  if (command[0] == "AUTH") return "+OK\r\n";
  return "$" + std::to_string(command.back().size()) + "\r\n" + command.back() + "\r\n";
}

}  // namespace keyway::engine
