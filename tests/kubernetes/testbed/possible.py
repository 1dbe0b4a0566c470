"""Whether this machine lets its user have a testbed: everything that one is made of is tried, by a process that is gone afterwards."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import cgroups
import namespaces
import network

# On disk: images are unpacked there, once for each node.
PLACE = "/var/tmp"
PREFIX = "keyway-probe-"


def why_not():
    """Why this machine cannot run a testbed, in one sentence; an empty text if it can."""
    if os.geteuid() != 0:
        return "a Kubernetes can be started by root only; with KUBECONFIG set, these tests run against that cluster instead"
    folder = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=PLACE))
    failed = in_child(lambda: first_that_fails(folder))
    cgroups.remove(folder.name)
    shutil.rmtree(folder)
    return failed and f"a Kubernetes cannot run on this machine, which does not let it have {failed}"


def in_child(look):
    """What `look` says, in a process that ends with it."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write_end, look().encode())
        except Exception as error:  # whatever it is: this copy of the caller must not go on
            os.write(write_end, f"what it needs ({error})".encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, encoding="utf-8") as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


def first_that_fails(folder):
    """In the order in which a testbed does it. What it has made by then goes with the processes that made it."""
    return attempt("cgroups of its own", lambda: own_group(folder.name)) or \
        attempt("namespaces of its own", lambda: namespaces.unshare(namespaces.EVERYTHING_OWN)) or \
        in_child(lambda: first_that_fails_inside(folder))


def first_that_fails_inside(folder):
    """For the first process of the new process namespace."""
    return attempt("mounts of its own", own_mounts) or \
        attempt("cgroups that it divides", divided_groups) or \
        attempt("networks and links between them", networks) or \
        attempt("rules for addresses (iptables)", lambda: network.do("iptables", "--table", "nat", "--new-chain", "KEYWAY")) or \
        attempt(f"overlay file systems in {PLACE}", lambda: overlay(folder)) or \
        attempt("roots for its containers (pivot_root, chroot)", lambda: new_root(folder))


def attempt(what, step):
    try:
        step()
        return ""
    except subprocess.CalledProcessError as error:
        return f"{what} ({(error.stderr or str(error)).strip().splitlines()[-1]})"
    except (OSError, IndexError) as error:
        return f"{what} ({error})"


def own_group(name):
    if not cgroups.hierarchies():
        raise OSError(f"none are mounted at {cgroups.MOUNTED_AT}")
    cgroups.make(name)
    cgroups.join(*cgroups.folders(name))


def own_mounts():
    network.do("mount", "--make-rprivate", "/")
    network.do("mount", "-t", "proc", "proc", "/proc")
    network.do("mount", "-t", "tmpfs", "tmpfs", "/run")


def divided_groups():
    cgroups.mount_own()
    cgroups.make("below")


def networks():
    network.do("ip", "link", "add", "br0", "type", "bridge")
    network.do("ip", "netns", "add", "node1")
    network.do("ip", "link", "add", network.link(1), "type", "veth", "peer", "name", "eth0", "netns", "node1")
    network.do("sysctl", "-qw", "net.ipv4.ip_forward=1")


def overlay(folder):
    """What containerd makes containers' file systems of. It does not go on top of another one, as in a container of somebody's."""
    for name in ("lower", "upper", "work", "root"):
        (folder / name).mkdir()
    options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
    network.do("mount", "-t", "overlay", "overlay", "-o", options, folder / "root")


def new_root(folder):
    (folder / "root" / "old").mkdir()
    os.chroot("/")
    network.do("pivot_root", folder / "root", folder / "root" / "old")
