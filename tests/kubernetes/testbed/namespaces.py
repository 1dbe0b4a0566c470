"""Linux namespaces by their system calls, which Python has none for before 3.12."""

import ctypes
import os
import signal

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x20000000, 0x40000000
EVERYTHING_OWN = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags):
    """The calling process gets namespaces of its own; with CLONE_NEWPID its next child is the first process in there."""
    checked(libc.unshare(flags), "unshare")


def enter_network(path):
    """The calling thread, and what it starts from now on, has the network of the namespace that the file `path` stands for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        checked(libc.setns(descriptor, CLONE_NEWNET), f"setns to {path}")
    finally:
        os.close(descriptor)


def die_with_parent():
    """The calling process is killed when its parent ends, in whatever way."""
    checked(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "prctl")
