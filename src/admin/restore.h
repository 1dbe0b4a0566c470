// Restoring keys from RDB files into a running server or cluster: each key goes to whoever owns its slot, so
// the files may be of any number of shards. Keys are written as they are read; memory does not depend on the
// size of the files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/session.h"

namespace keyway::admin {

// The bytes of one RDB file, from its begin.
class FileSource {
 public:
  virtual ~FileSource() = default;
  // The next bytes, `size_bytes` at most; 0: that was all, and nothing is amiss.
  virtual Result<size_t> read(char* to, size_t size_bytes) = 0;
};

struct RestoreFile {
  std::string name;         // for people
  int64_t size_bytes = -1;  // uncompressed; -1: not known
  std::function<Result<std::unique_ptr<FileSource>>()> open;
};

// The file at `path`. kNotFound, kDenied: why it cannot be read.
Result<RestoreFile> file_at(const std::string& path);

// What is done if the target holds keys.
enum class Existing {
  kRefuse,   // nothing; unless they are of a run of the same restore that was not finished
  kReplace,  // keys of the files take the place of those of the same name; the rest stays
  kMerge,    // keys that are there stay as they are
};

struct RestoreOptions {
  std::vector<RestoreFile> files;
  std::string source;           // what is restored, the same in each run of it: a path, a URL with an id
  std::string pattern;          // only keys that match this glob, and no functions; empty: all
  std::optional<int> database;  // only keys of this one; none: of all, each into its own
  Existing existing = Existing::kRefuse;
  // Read everything once before anything is written, so that a damaged file changes nothing.
  bool look_first = true;
  bool dry_run = false;  // only that
  int connections = 4;   // to each primary
  // How long slots of the target may go on moving at the end before its keys are not counted.
  int64_t settle_ms = 60'000;
  // Where the primary of a replicated target is by now; any thread; null: nobody knows.
  std::function<Result<Address>()> find_primary = {};
};

struct RestoreResult {
  int64_t keys = 0;                        // read from the files
  int64_t left_out = 0;                    // of them, by pattern or database
  int64_t expired = 0;                     // of them, before they could be written
  int64_t written = 0;                     // of them
  int64_t present = 0;                     // of them, were there already and stayed (kMerge)
  int64_t bytes = 0;                       // of the values that were written
  std::map<std::string, int64_t> by_type;  // keys that were read and not left out
  int64_t functions = 0;                   // libraries that were loaded
  int64_t before = 0;                      // keys of the target, and
  int64_t after = 0;                       // as far as it could be counted
  bool resumed = false;                    // an earlier run had begun
  bool unchecked = false;                  // a file has no checksum
  bool interrupted = false;
  int64_t elapsed_ms = 0;
};

// Errors: those of the files (kCorrupt: cut off or altered) and of the servers; kConflict: the target holds
// keys, or ends with fewer than were written; kInvalidArgument: keys of other databases than 0 and a cluster;
// kUnsupported: the target does not know a value's type; kExhausted: it is full. What was written until then
// stays, and the same call again finishes it.
Result<RestoreResult> restore(Session& session, const Address& seed, const RestoreOptions& options);

}  // namespace keyway::admin
