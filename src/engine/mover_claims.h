// Makes the target of a move hear the source claim the slots that it is to take. Part of the mover.
#pragma once

#include <cstdint>
#include <functional>

#include "base/error.h"

namespace keyway::engine {

class Servers;
struct MoveTask;
struct MoverViews;

// Redis 7.0.15, and others before 7.2.2, take note of a slot when a message of its owner does not claim it,
// clear the note only with a message that does and that tells them something new, and keep it when the slot
// gets another owner (owner_not_claiming_slot in clusterUpdateSlotsConfigWith; redis pull requests 12344 and
// 12564). When slots had come to the source, and a message from before that was late, the target would get
// them with such notes: the next late message of the source would take them away again, keys and all, for a
// server that has let go of them.
//
// So the target is made to forget who owns one of the source's slots, and the source to meet it: that message
// tells it something new, claims all that the source owns, and clears all notes. `views` are as of now, and
// what was late when the source got its slots has arrived by then. Nothing is done if all of the source's
// slots are open. One pair of a process at a time. `pause` waits so many ms. Errors: those of the servers;
// kTimeout if the target hears nothing of the source. After any error the slot that was forgotten is the
// source's again as soon as the target hears from it.
Status make_claims_heard(Servers& servers, const MoveTask& task, const MoverViews& views,
                         const std::function<void(int64_t)>& pause);

}  // namespace keyway::engine
