#include "proxy/all_workers.h"

#include <memory>
#include <utility>

#include "proxy/client.h"
#include "proxy/mailroom.h"
#include "proxy/router.h"
#include "proxy/services.h"

namespace keyway::proxy {

namespace {

// Touched by the thread of the client's worker only.
struct Poll {
  Request* request = nullptr;
  size_t voters = 0;
  Summary summary;
  std::vector<std::string> answers = {};

  void take(std::string answer, Services& home) {
    answers.push_back(std::move(answer));
    if (answers.size() < voters) return;
    request->reply = copy_of(summary(answers), home.loop.pool());
    home.router.complete(request);
  }
};

}  // namespace

Verdict ask_all_workers(Client& client, const CommandView& command, const Question& question,
                        Summary summary) {
  Services& home = client.services();
  Mailroom& mailroom = home.mailroom;
  Request* request = client.add(command.spec, {});
  client.wait_for_last();
  auto poll = std::make_shared<Poll>(Poll{request, mailroom.boxes(), std::move(summary)});
  for (size_t box = 0; box < mailroom.boxes(); ++box) {
    if (box == home.box) continue;
    mailroom.leave(box, [poll, question, back = home.box](Services& there) {
      there.mailroom.leave(
          back, [poll, answer = question(there)](Services& services) { poll->take(answer, services); });
    });
  }
  poll->take(question(home), home);
  return Verdict::kTaken;
}

}  // namespace keyway::proxy
