// Whatever a server says to whatever was asked: nothing crashes, pieces make no difference, and where nothing
// is to be translated every byte comes out as it went in.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "proxy/reply_translate.h"

namespace {

using namespace keyway::proxy;

struct IntoText : TranslatedBytes {
  void pass(std::string_view bytes) override { text += bytes; }
  void say(std::string_view bytes) override { text += bytes; }
  std::string text;
};

// The first bytes say what is expected.
std::string through(std::string_view expectations, std::string_view wire, size_t piece_bytes,
                    const NodeMap& nodes) {
  constexpr uint8_t kKinds = 9;
  ReplyTranslator translator;
  for (char each : expectations) {
    auto number = static_cast<uint8_t>(each);
    translator.expect({static_cast<Expect>(number % kKinds), uint32_t{number} / kKinds + 1});
  }
  Translating with{nodes, "127.0.0.1", "10.0.0.1"};
  IntoText out;
  std::string held;
  for (size_t at = 0; at < wire.size(); at += piece_bytes) {
    held += wire.substr(at, piece_bytes);
    size_t taken = translator.take(held, with, out);
    if (taken > held.size()) std::abort();
    held.erase(0, taken);
  }
  translator.end(out);
  return out.text + held;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kExpectations = 6;
  static const NodeMap kNodes({{std::string(40, 'a'), {"10.0.0.1", 7001}, "one", 7500, true}});
  static const NodeMap kNone;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view expectations = bytes.substr(0, kExpectations);
  std::string_view wire = bytes.substr(expectations.size());
  std::string at_once = through(expectations, wire, wire.size() + 1, kNodes);
  // A line may be so long that only pieces of it make it none.
  if (wire.size() <= ReplyScanner::kMaxLineBytes) {
    for (size_t piece_bytes : {size_t{1}, size_t{7}}) {
      if (through(expectations, wire, piece_bytes, kNodes) != at_once) std::abort();
    }
  }
  bool redirects =
      wire.find("-MOVED ") != std::string_view::npos || wire.find("-ASK ") != std::string_view::npos;
  if (!redirects && through(expectations, wire, wire.size() + 1, kNone) != wire) std::abort();
  return 0;
}
