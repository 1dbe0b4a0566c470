// Why a server did not load an RDB file, and whether that is the file's fault. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "backup/manifest.h"
#include "platform/local/engine_program.h"
#include "rdb/format.h"

namespace keyway::backup {

struct FailedLoad {
  std::string_view log;   // of the server
  std::string_view exit;  // how it ended: "exit code 1"
  platform::local::EngineProgram engine;
  rdb::Header file;  // whose every byte was read and found in order
};

// kCorrupt: the file is no good. kUnsupported: this server cannot tell, since it is older than what wrote the
// file, of another kind, or without a module; kExhausted: memory; kConflict: its port was taken;
// kUnavailable: it ended for a reason of its own.
Error judge_failed_load(const FailedLoad& load, const BackedUpShard& shard);

}  // namespace keyway::backup
