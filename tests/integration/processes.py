"""Processes of tests: which they are, how they end. A process is known by its pid and its start time together, so a signal
never reaches a stranger that was given the pid of one that has ended.

Run as a program with a folder as its argument, it is the reaper: when its standard input ends, for the tests have ended in
whatever way, it ends every process that still works in that folder, and deletes it.
"""

import collections
import os
import shutil
import signal
import sys

from waiting import wait_for

Process = collections.namedtuple("Process", "pid start_ticks")


def stat(pid):
    """(state, start time in ticks) of a process; None if there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[19])


def process(pid):
    found = stat(pid)
    return Process(pid, found[1]) if found else None


def lives(a_process):
    """Whether it still runs; a zombie, which nobody has asked about yet, does not."""
    found = a_process and stat(a_process.pid)
    return bool(found) and found[0] not in "ZX" and found[1] == a_process.start_ticks


def send(a_process, number):
    if lives(a_process):
        try:
            os.kill(a_process.pid, number)
        except ProcessLookupError:
            pass


def kill(*some):
    """Kills all of them at once, and returns when none is left."""
    for one in some:
        send(one, signal.SIGKILL)
    wait_for(lambda: not any(lives(one) for one in some), "killed processes to be gone")


def kill_pid(*pids):
    kill(*filter(None, map(process, pids)))


def environment(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def working_below(folder):
    """Processes that work in `folder` or below, or have it as their KEYWAY_HOME: servers and supervisors."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            place = os.readlink(f"/proc/{entry}/cwd")
        except OSError:
            continue
        inside = (place + "/").startswith(folder + "/")
        if inside or b"KEYWAY_HOME=" + folder.encode() in environment(entry):
            found.append(process(int(entry)))
    return [one for one in found if lives(one)]


def end_below(folder):
    """Supervisors come first: they would start again what ends under their eyes. Then twice, for what was being started."""
    for _ in range(3):
        found = working_below(folder)
        kill(*[one for one in found if b"supervise" in command_line(one.pid)])
        kill(*found)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.read()
    end_below(sys.argv[1])
    shutil.rmtree(sys.argv[1], ignore_errors=True)
