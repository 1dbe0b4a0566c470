// What keeps moves of slots safe from an end of this program and from a second one: a file with the plan
// until it is carried out, and a lock on the cluster. Both are files in one folder, which is made if it is
// not there. Main thread.
//
// Format of a plan, text: "keyway moves 1", a line "FROM TO SLOTS" for each move with the ids of two nodes
// and ranges as in "0-99 200", "end N" with the number of moves.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cluster/balance.h"

namespace keyway::admin {

class MoveJournal {
 public:
  // `name`: of the file, for a person; `words`: what tells this command from others. With an empty folder
  // nothing is kept.
  MoveJournal(const std::string& folder, std::string_view name, std::string_view words);

  // The plan that was not finished. Nothing if there is none. kCorrupt; kDenied, kInternal: cannot be read.
  Result<std::optional<std::vector<cluster::SlotMove>>> read() const;
  // On disk when it returns.
  Status write(const std::vector<cluster::SlotMove>& moves) const;
  // It is finished.
  void remove() const;
  // Renames it, for somebody to look at; gives the new path.
  std::string put_aside() const;

 private:
  std::string path_;  // empty: nothing is kept
};

// Held while it lives; the system releases it when the process ends, however it does.
class ClusterLock {
 public:
  // `name` is of the cluster. kConflict: another process holds it, which is named; kDenied, kExhausted,
  // kInternal: the file cannot be made.
  static Result<ClusterLock> take(const std::string& folder, std::string_view name);

  ClusterLock(ClusterLock&& other) noexcept;
  ClusterLock& operator=(ClusterLock&& other) noexcept;
  ~ClusterLock();

 private:
  explicit ClusterLock(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace keyway::admin
