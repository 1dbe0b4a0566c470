"""Keeps a testbed: starts its first process in namespaces of its own, and takes everything down when its own standard input ends, for
whoever wanted the testbed has ended in whatever way.

  keeper.py HOME PROGRAMS NODES [IMAGE…]

HOME is a new, empty folder for all files of the testbed, PROGRAMS the folder that scripts/kubernetes prints, IMAGE an archive that every
node gets. It prints `pid PID` of the testbed's first process, and then `ready`, or what went wrong.
"""

import fcntl
import os
import pathlib
import select
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))

# pylint: disable=wrong-import-position
import cgroups  # noqa: E402
import inside  # noqa: E402
import namespaces  # noqa: E402
from processes import kill, process  # noqa: E402

PREFIX = "keyway-testbed-"
LOCK = "lock"


def hold(home):
    """A lock for as long as this process lives, and no other; by it, what is left of an interrupted keeper is told."""
    descriptor = os.open(home / f"{LOCK}.new", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.rename(home / f"{LOCK}.new", home / LOCK)  # locked from the moment that others see it


def abandoned(home):
    try:
        with open(home / LOCK, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:  # held, or not yet there
        return False


def remove(home):
    cgroups.remove(home.name)
    shutil.rmtree(home, ignore_errors=True)


def spawn(home, arguments):
    """The pid of the process that waits for the testbed's first process and ends with it."""
    read_end, write_end = os.pipe()
    parent = os.fork()
    if parent:
        os.close(write_end)
        with open(read_end, encoding="ascii") as said:
            print(f"pid {said.read()}", flush=True)
        return parent
    namespaces.die_with_parent()
    before = cgroups.current()
    cgroups.join(*cgroups.folders(home.name))
    namespaces.unshare(namespaces.EVERYTHING_OWN)
    first = os.fork()
    if first == 0:
        os.close(write_end)
        namespaces.die_with_parent()
        inside.main(home, *arguments)
        os._exit(1)
    cgroups.join(*before)  # a group of version 2 that is to be divided may have no process of its own
    os.write(write_end, str(first).encode())
    os.close(write_end)
    os.waitpid(first, 0)
    os._exit(0)


def main(home, programs, count, *images):
    home = pathlib.Path(home)
    hold(home)
    for other in home.parent.glob(PREFIX + "*"):
        if abandoned(other):
            remove(other)
    cgroups.make(home.name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    waits = spawn(home, (programs, count, images))
    ended = os.pidfd_open(waits)
    select.select([sys.stdin, ended], [], [])
    kill(process(waits))
    remove(home)


if __name__ == "__main__":
    main(*sys.argv[1:])
