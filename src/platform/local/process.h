// Processes of this machine: starting them detached, knowing them again, and finding who holds a port. Linux
// (/proc, pidfd). Stateless; any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "platform/local/files.h"

namespace keyway::platform::local {

// What tells a process from a later one with the same pid.
struct ProcessIdentity {
  int pid = 0;               // 0: none
  uint64_t start_ticks = 0;  // /proc/PID/stat, field 22: clock ticks between boot and its start
  std::string boot_id;       // /proc/sys/kernel/random/boot_id

  bool empty() const { return pid == 0; }
  bool operator==(const ProcessIdentity&) const = default;
};

// The identity of the process that has this pid now; nothing if there is none or it is a zombie.
std::optional<ProcessIdentity> identify(int pid);

// Whether the very process is still there and no zombie.
bool is_alive(const ProcessIdentity& process);

// Readable when the process ends. Checks the identity after opening, so it never watches a stranger. A child
// that has ended and was not reaped counts. kNotFound: it is gone. kExhausted: no descriptors left.
Result<Fd> open_process(const ProcessIdentity& process);

struct Launch {
  std::string program;                 // path
  std::vector<std::string> arguments;  // without the program's own name
  std::string folder;                  // working directory
  std::string output_file;             // stdout and stderr are appended to it; created with mode 0600
};

// Starts the program in a session of its own, with default signals, umask 077, no descriptors but 0, 1 and 2
// (stdin is /dev/null) and the current environment without secrets. It is a child of this process: reap it
// (Watcher does). Errors: what exec said ("No such file or directory"), kExhausted for lack of processes or
// memory.
Result<ProcessIdentity> launch(const Launch& launch);

// How a process ended: "exit code 1", "killed by signal 9 (Killed)". `wait_status` as of waitpid.
std::string describe_exit(int wait_status);

struct ShortRun {
  int wait_status = 0;
  std::string output;  // stdout and stderr, up to 64 KiB
};

// Runs a program to its end, or kills it after `timeout_ms` (kTimeout). Blocks.
Result<ShortRun> run_briefly(const Launch& launch, int64_t timeout_ms);

// Sends a signal to this very process, never to a later one with its pid. kNotFound: it has ended.
Status send_signal(const ProcessIdentity& process, int signal_number);

// The working directory, the program file and the short name of a process; empty if it is gone or another
// user's.
std::string folder_of(int pid);
std::string program_of(int pid);
std::string name_of(int pid);

// The program that runs, also if its file has been replaced meanwhile.
std::string own_program();

// Its command line, the program's name first; empty if it is gone.
std::vector<std::string> words_of(int pid);

// Whether it is the first process of its session, as those are that launch() started (and no process that
// they forked is).
bool leads_session(int pid);

// The process that has the socket with this inode open; 0: none, or another user's. Looks at every descriptor
// of every process.
int find_socket_owner(uint64_t inode);

// The inodes of the process's sockets; none if it belongs to another user.
std::set<uint64_t> sockets_of(int pid);

// All processes there are, in no order.
std::vector<int> all_pids();

}  // namespace keyway::platform::local
