"""A folder for homes and servers under test. Whatever becomes of the tests, what works in it ends with them."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import processes

ROOM_BYTES = 1 << 30


def quick_folder():
    """Memory, if there is room: servers sync their files, and a busy disk would stop them for seconds. None: the usual place."""
    try:
        room = os.statvfs("/dev/shm")
    except OSError:
        return None
    return "/dev/shm" if room.f_bavail * room.f_frsize > ROOM_BYTES else None


@contextlib.contextmanager
def scratch_folder():
    """A reaper watches over it: it ends what works in there when the tests end, also when they are killed."""
    folder = tempfile.mkdtemp(prefix="kw-", dir=quick_folder())
    # pylint: disable-next=consider-using-with
    reaper = subprocess.Popen([sys.executable, processes.__file__, folder], stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield pathlib.Path(folder)
    finally:
        reaper.stdin.close()
        reaper.wait(timeout=60)
