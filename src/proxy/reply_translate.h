// The way of a server's bytes to one client of a translating proxy: finds the replies to CLUSTER commands and
// the redirections among them, and passes all else on untouched as it comes. Keeps only an unfinished reply
// that is to be translated, up to kMaxCollectedBytes. Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "proxy/reply_scan.h"
#include "proxy/request_track.h"
#include "proxy/translate.h"

namespace keyway::proxy {

// Where translated bytes go.
class TranslatedBytes {
 public:
  virtual ~TranslatedBytes() = default;
  // A part of what was given to take().
  virtual void pass(std::string_view bytes) = 0;
  // Bytes of which a copy is to be made.
  virtual void say(std::string_view bytes) = 0;
};

class ReplyTranslator {
 public:
  static constexpr size_t kMaxCollectedBytes = size_t{16} << 20;

  // A command has gone to the server.
  void expect(const Expected& expected);
  // How many turns of what is expected are kept; to be bounded by the caller.
  size_t expectations() const { return queue_.size(); }
  // No command waits for its reply.
  bool nothing_owed() const { return queue_.empty(); }

  // Gives how many bytes it has taken; fewer than all only if an unfinished line is left, which must be given
  // again with what follows it.
  size_t take(std::string_view bytes, Translating& with, TranslatedBytes& out);

  // The server will say no more: what was kept goes out as it is.
  void end(TranslatedBytes& out) { release(out); }

 private:
  // What is done with the bytes of a frame as they come.
  enum class Frame : uint8_t {
    kNone,     // between two
    kPeek,     // its first bytes are kept until it is known what it is
    kCollect,  // it is kept until it is whole
    kPass,
  };

  struct Waiting {
    Expect what = Expect::kReply;
    uint64_t count = 1;  // of kReply: how many in a row; of kChannels: how many words are still to come
  };

  void begin_frame(char type);
  void take_piece(std::string_view piece, bool whole, Translating& with, TranslatedBytes& out);
  void judge(TranslatedBytes& out);
  void end_collecting(Translating& with, TranslatedBytes& out);
  void end_frame();
  void release(TranslatedBytes& out);
  bool takes_channel_word(std::string_view kind);

  ReplyScanner scanner_;
  std::deque<Waiting> queue_;
  Frame frame_ = Frame::kNone;
  bool raw_ = false;         // no protocol any more
  bool streams_ = false;     // lines that nobody has asked for one by one
  bool subscribes_ = false;  // messages may come among the replies
  bool counts_ = true;       // this frame is a reply
  char type_ = 0;            // the frame's first byte
  std::string collected_;
};

}  // namespace keyway::proxy
