"""Cgroups of a testbed's own: a folder of its name in every hierarchy, which is the root to what runs in the testbed. So what its
containers leave behind can be told from everybody else's, and removed."""

import os
import subprocess

from waiting import wait_for

MOUNTED_AT = "/sys/fs/cgroup"


def hierarchies():
    """(mount point, type, options to mount it again) of each hierarchy: one of version 2, or one for each controller of version 1."""
    with open("/proc/cgroups", encoding="utf-8") as file:
        controllers = {line.split()[0] for line in file if not line.startswith("#")}
    found = []
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            _, point, kind, options = line.split()[:4]
            if kind == "cgroup2":
                found.append((point, kind, ""))
            elif kind == "cgroup":
                own = [option for option in options.split(",") if option in controllers or option.startswith("name=")]
                found.append((point, kind, ",".join(own)))
    return [one for one in found if one[0].startswith(MOUNTED_AT)]


def folders(name):
    return [os.path.join(point, name) for point, _, _ in hierarchies()]


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def make(name):
    for folder in folders(name):
        os.makedirs(folder, exist_ok=True)
        # A new group of the cpuset controller of version 1 takes no process before it is told its processors.
        for setting in ("cpuset.cpus", "cpuset.mems"):
            path, above = os.path.join(folder, setting), os.path.join(os.path.dirname(folder), setting)
            if os.path.exists(path) and os.path.exists(above):
                with open(above, encoding="utf-8") as file:
                    write(path, file.read())


def join(*paths):
    for folder in paths:
        write(os.path.join(folder, "cgroup.procs"), "0")


def current():
    """The folders of the cgroups that the calling process is in now, to go back to."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        places = {names: path for _, names, path in (line.rstrip("\n").split(":", 2) for line in file)}
    return [point + places[options] for point, _, options in hierarchies() if options in places]


def mount_own():
    """For the first process of a testbed, in a cgroup namespace of its own: what is mounted shows its own part only."""
    mounts = hierarchies()
    subprocess.run(["umount", "--recursive", "--lazy", MOUNTED_AT], check=True)
    if mounts[0][0] != MOUNTED_AT:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", MOUNTED_AT], check=True)
    for point, kind, options in mounts:
        os.makedirs(point, exist_ok=True)
        subprocess.run(["mount", "-t", kind, *(["-o", options] if options else []), "cgroup", point], check=True)
    if mounts[0][0] == MOUNTED_AT:
        # In version 2 a group that has processes of its own cannot divide what it has among the groups below.
        os.mkdir(f"{MOUNTED_AT}/testbed")
        join(f"{MOUNTED_AT}/testbed")


def remove(name):
    """When its last process is gone. What cannot be removed yet may hold a process that the kernel still takes apart."""
    def gone():
        for folder in folders(name):
            for below, _, _ in os.walk(folder, topdown=False):
                try:
                    os.rmdir(below)
                except OSError:
                    pass
        return not any(os.path.exists(folder) for folder in folders(name))
    wait_for(gone, f"the cgroups {name} to be empty")
