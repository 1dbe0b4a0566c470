// For tests, fuzzers and benchmarks of this room: a reply written as a server writes it, and two replies
// compared.
#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include "base/format.h"
#include "resp/reply.h"

namespace keyway::resp {

enum class Attributes { kNone, kBeforeEach };

inline void write_bulk(std::string& out, char type, std::string_view text) {
  out += fmt::format("{}{}\r\n", type, text.size());
  out += text;
  out += "\r\n";
}

// Appends `reply` in RESP3. Attributes are what the parser must pass over.
inline void write_reply(std::string& out, const Reply& reply, Attributes attributes = Attributes::kNone) {
  if (attributes == Attributes::kBeforeEach) out += "|1\r\n+ttl\r\n*2\r\n:3600\r\n_\r\n";
  auto write_elements = [&](char type, size_t count) {
    out += fmt::format("{}{}\r\n", type, count);
    for (const Reply& element : reply.elements) write_reply(out, element, attributes);
  };
  switch (reply.type) {
    case ReplyType::kStatus:
      out += "+" + reply.text + "\r\n";
      break;
    case ReplyType::kError:
      if (reply.text.find_first_of("\r\n") == std::string::npos) {
        out += "-" + reply.text + "\r\n";
      } else {
        write_bulk(out, '!', reply.text);
      }
      break;
    case ReplyType::kInteger:
      out += fmt::format(":{}\r\n", reply.integer);
      break;
    case ReplyType::kString:
      write_bulk(out, '$', reply.text);
      break;
    case ReplyType::kNull:
      out += "_\r\n";
      break;
    case ReplyType::kArray:
      write_elements('*', reply.elements.size());
      break;
    case ReplyType::kMap:
      write_elements('%', reply.elements.size() / 2);
      break;
    case ReplyType::kSet:
      write_elements('~', reply.elements.size());
      break;
    case ReplyType::kPush:
      write_elements('>', reply.elements.size());
      break;
    case ReplyType::kDouble:
      out += fmt::format(",{}\r\n", reply.number);
      break;
    case ReplyType::kBoolean:
      out += reply.integer != 0 ? "#t\r\n" : "#f\r\n";
      break;
    case ReplyType::kBigNumber:
      out += "(" + reply.text + "\r\n";
      break;
    case ReplyType::kVerbatim:
      write_bulk(out, '=', "txt:" + reply.text);
      break;
  }
}

// Not-a-number equals itself here: the question is whether the same reply came back.
inline bool same_reply(const Reply& left, const Reply& right) {
  bool same_number = left.number == right.number || (std::isnan(left.number) && std::isnan(right.number));
  if (left.type != right.type || left.integer != right.integer || !same_number || left.text != right.text)
    return false;
  if (left.elements.size() != right.elements.size()) return false;
  for (size_t i = 0; i < left.elements.size(); ++i) {
    if (!same_reply(left.elements[i], right.elements[i])) return false;
  }
  return true;
}

}  // namespace keyway::resp
