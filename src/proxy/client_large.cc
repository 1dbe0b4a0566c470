// A client's large command on its way to a server: client.h's `large_`.
#include <algorithm>

#include "base/format.h"
#include "proxy/client.h"
#include "proxy/dispatcher.h"
#include "proxy/router.h"
#include "proxy/services.h"

namespace keyway::proxy {

namespace {

// Held for the server; no more is read of the client meanwhile.
constexpr size_t kMaxQueuedBytes = size_t{256} << 10;
constexpr std::string_view kMoved =
    "-TRYAGAIN keyway: the slot was moved while the command was being sent; it was not carried out\r\n";

}  // namespace

// Of a command that will have so many bytes at least; 0: nobody knows.
void Client::take_beginning(size_t wanted_bytes) {
  const Limits& limits = services_.limits;
  wanted_bytes_ = wanted_bytes;
  bool too_large = input_.size_bytes > max_request_bytes();
  bool large = std::max(wanted_bytes, input_.size_bytes) > limits.max_held_bytes;
  if (!too_large && large && begin_large()) return;
  if (!too_large) return;
  reply("-ERR Protocol error: too big request\r\n");
  close_when_answered();
}

// Of a command that is partly there. True: it is dealt with; else it has to be held until it is whole.
bool Client::begin_large() {
  if (keeps_whole_ || progress_.at == 0 || *input_.data != '*') return false;
  ScanProgress from_its_start;
  services_.scan(input_.text(), max_request_bytes(), from_its_start);
  size_t count = services_.arguments.size() + static_cast<size_t>(from_its_start.missing);
  LargePlan plan = services_.dispatcher.plan_large(*this, services_.arguments, count);
  if (plan.what == LargePlan::What::kKeep) {
    keeps_whole_ = true;
    return false;
  }
  stuck_ = true;
  if (plan.what == LargePlan::What::kHold) return true;
  note_command(*plan.command);
  ChunkPool& pool = services_.loop.pool();
  Request* request = add(nullptr, stand_in(*plan.command, services_.arguments, pool));
  CommandRest rest(from_its_start.missing, from_its_start.at, max_request_bytes());
  large_ = std::make_unique<LargeCommand>(LargeCommand{
      .request = request, .command = plan.command, .begun_bytes = from_its_start.at, .rest = rest});
  large_->shown = std::exchange(request->bytes, question_about(plan.key, pool));
  request->slot = plan.slot;
  request->readonly = true;
  request->leased = true;
  request->keeps_for = Purpose::kLarge;
  follow_last(FollowUp::kLarge);
  services_.router.send(request);
  return true;
}

void Client::large_answered(Request& request) {
  Upstream* server = owned(Purpose::kLarge);
  if (large_->state == LargeCommand::State::kAsking && server != nullptr) return pass_on_by(*server, request);
  if (large_->problem != nullptr) {
    request.replace_reply(fmt::format("-ERR {}\r\n", large_->problem), services_.loop.pool());
  } else if (parse_redirection(request.reply.text())) {
    request.replace_reply(kMoved, services_.loop.pool());
  }
  large_->request = nullptr;
  bool sent = large_->state == LargeCommand::State::kSent;
  if (server != nullptr && sent && server->idle()) {
    hand_back(Purpose::kLarge);
  } else {
    give_up(Purpose::kLarge);
  }
  if (sent) return end_large();
  large_->state = LargeCommand::State::kDropping;
  services_.loop.go_on_later(*this);
}

// The question is answered: the same request goes on as the command itself.
void Client::pass_on_by(Upstream& server, Request& request) {
  large_->state = LargeCommand::State::kPassing;
  request.drop_reply();
  request.done = false;
  request.command = large_->command;
  request.bytes = std::exchange(large_->shown, {});
  request.readonly = request.command->has(resp::command_flag::kReadOnly);
  request.carrier = &server;
  exclusive_ = &request;
  server.begin(&request);
  services_.loop.go_on_later(*this);
}

// Takes what has come of it.
void Client::take_large() {
  LargeCommand& large = *large_;
  if (large.state == LargeCommand::State::kAsking || large.state == LargeCommand::State::kSent) {
    stuck_ = true;
    return;
  }
  size_t begun_bytes = std::exchange(large.begun_bytes, 0);
  CommandRest::Step step = large.rest.take(input_.text().substr(begun_bytes));
  if (step.state == ScanState::kBroken) return break_large(step.problem);
  size_t taken_bytes = begun_bytes + step.taken_bytes;
  Upstream* server = owned(Purpose::kLarge);
  bool passes = large.state == LargeCommand::State::kPassing && server != nullptr;
  if (passes && taken_bytes > 0) server->say({input_.chunk, input_.data, taken_bytes});
  consume(taken_bytes);
  if (step.state != ScanState::kWhole) {
    stuck_ = passes && server->queued_bytes() > kMaxQueuedBytes;
  } else if (passes) {
    server->end(*large.request);
    large.request->streamed_bytes = large.rest.size_bytes();
    large.state = LargeCommand::State::kSent;
    stuck_ = true;
  } else {
    end_large();
  }
}

// What its server has of it is no whole command, and never becomes one.
void Client::break_large(const char* problem) {
  bool answered = large_->request == nullptr;
  large_->problem = problem;
  if (answered) {
    reply(fmt::format("-ERR {}\r\n", problem));
  } else {
    owned(Purpose::kLarge)->close_unneeded("its client has broken the protocol");
  }
  large_.reset();
  close_when_answered();
}

void Client::end_large() {
  bool is_last = large_->is_last;
  large_.reset();
  if (is_last) close_when_answered();
}

void Client::server_took() {
  Upstream* server = large_ == nullptr || !stuck_ ? nullptr : owned(Purpose::kLarge);
  if (server != nullptr && server->queued_bytes() <= kMaxQueuedBytes / 2) services_.loop.go_on_later(*this);
}

}  // namespace keyway::proxy
