// Tries whether a backup can be restored: each shard is read with its checksums and put into a folder, a
// stock server of this machine loads it from there by itself, and what it then holds is compared with the
// file and with the manifest. One shard at a time; the disk, the memory and the keys of one are needed. The
// outcome is kept beside the backup. Waits; the caller's thread reports.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/session.h"
#include "backup/catalog.h"
#include "platform/local/engine_program.h"

namespace keyway::backup {

struct VerifyOptions {
  std::optional<EncryptionKey> key;
  std::string scratch;  // a folder; empty: as TrialFolder chooses
  std::string tool_version;
  // A server program for what was taken from such an engine.
  std::function<Result<platform::local::EngineProgram>(cluster::EngineKind)> find_engine;
  std::function<bool()> interrupted;
};

struct VerifiedShard {
  std::string name;
  std::string problem;  // empty: it is good
  std::string engine;   // that loaded it: "redis 7.0.15"
  int64_t keys = 0;     // in the file
  int64_t expired = 0;  // of them, by now
  int64_t functions = 0;
  int64_t compared = 0;  // values
  int64_t raw_bytes = 0;
  int64_t elapsed_ms = 0;
  std::map<std::string, int64_t> by_type;
};

struct VerifyResult {
  std::vector<VerifiedShard> shards;  // as far as they were tried
  Verification verification;
};

// The result says whether the backup is good. An error: it could not be tried, and nothing is known of it.
// kDenied: another key's; kUnsupported: no server here can read it; kExhausted: too little disk or memory;
// kUnavailable: it was interrupted; and the errors of the store.
Result<VerifyResult> verify(Store& store, const Manifest& manifest, const VerifyOptions& options,
                            admin::Reporter& reporter);

// Keeps the outcome where load_verification finds it. kNotFound: the backup was deleted meanwhile.
Status keep_verification(Store& store, const Manifest& manifest, const Verification& verification);

}  // namespace keyway::backup
