// A server that lives for a moment, to try a backup: it loads an RDB file by itself, is asked, and is killed.
// It listens on a port of the loopback interface with a random password, writes nothing, keeps what has
// expired (it thinks that it is a replica), checks every value as it loads it, and is the first to go when
// memory gets short. It ends with its object; TrialFolder sees to one whose program was killed. One thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backup/load_verdict.h"
#include "backup/trial_folder.h"
#include "engine/fleet.h"
#include "platform/local/engine_program.h"
#include "platform/local/process.h"

namespace keyway::backup {

struct Trial {
  const TrialFolder& folder;  // with the file
  platform::local::EngineProgram engine;
  int databases = 1;
  rdb::Header header;          // of the file
  const BackedUpShard& shard;  // that it is of
  std::function<bool()> interrupted;
  std::function<void(int64_t loaded_bytes)> loading;  // called several times a second
};

class TrialServer {
 public:
  // When it returns, the file has been loaded. Errors are those of judge_failed_load; kTimeout: it does not
  // get on; kUnavailable: it was interrupted.
  static Result<std::unique_ptr<TrialServer>> start(const Trial& trial);

  TrialServer(const TrialServer&) = delete;
  TrialServer& operator=(const TrialServer&) = delete;
  ~TrialServer();

  // A reply for each command; error replies are replies. kUnavailable, kTimeout: it is gone, or does not
  // answer.
  Result<std::vector<resp::Reply>> ask(std::vector<resp::Command> commands);

 private:
  TrialServer(platform::local::ProcessIdentity process, Address address, std::string password);
  static Result<std::unique_ptr<TrialServer>> launch(const Trial& trial);
  Status wait_loaded(const Trial& trial);
  // How it ended; empty: it has not.
  std::string look_for_end();

  platform::local::ProcessIdentity process_;  // our child, until it has been waited for
  Address address_;
  boost::asio::io_context io_;
  engine::Fleet fleet_;
};

}  // namespace keyway::backup
