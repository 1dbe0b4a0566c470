"""The first process of a testbed: it makes what is private to the testbed private, starts everything, says `ready`, and reaps. When it
ends, the kernel ends all other processes in there, and mounts and networks go with the last of them."""

import json
import os
import pathlib
import subprocess
import sys
import threading

import cgroups
import control_plane
import network
from image import write_image
from node import PAUSE, Node, proxy_command
from services import Services
from waiting import wait_for

# Folders that programs write to, whatever they are told: those of the machine are covered by others.
COVERED = ("/run", "/var/log", "/var/lib")
# The kubelet sets these for the whole machine. It leaves those alone that are as it wants them; so it is shown files that are.
SYSCTLS = {"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
           "kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000"}
PAUSE_SOURCE = """#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void stop(int number) { (void)number; exit(0); }
static void reap(int number) { (void)number; while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) {
  signal(SIGINT, stop);
  signal(SIGTERM, stop);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
"""


def make_private(home):
    network.do("mount", "--make-rprivate", "/")
    network.do("mount", "-t", "proc", "proc", "/proc")
    cgroups.mount_own()
    for path in COVERED:
        cover = home / "covered" / path.strip("/").replace("/", "-")
        cover.mkdir(parents=True)
        network.do("mount", "--bind", cover, path)
    os.mkdir("/run/lock")
    network.do("mount", "--make-rshared", "/")  # what is mounted here from now on, such as volumes, is there for nodes, too
    for name, value in SYSCTLS.items():
        shown = home / "sysctl" / name.replace("/", "-")
        shown.parent.mkdir(exist_ok=True)
        shown.write_text(value + "\n", encoding="utf-8")
        network.do("mount", "--bind", shown, f"/proc/sys/{name}")


def build_pause(home):
    """The program that holds a pod's namespaces."""
    root = home / "pause"
    root.mkdir()
    subprocess.run(["gcc", "-static", "-O2", "-s", "-x", "c", "-o", root / "pause", "-"], input=PAUSE_SOURCE, text=True, check=True)
    write_image(home / "pause.tar", PAUSE, root, ["/pause"])
    return home / "pause.tar"


def nodes_ready(home):
    with control_plane.request(home, "/api/v1/nodes") as response:
        nodes = json.load(response)["items"]
    return sum(condition["type"] == "Ready" and condition["status"] == "True"
               for node in nodes for condition in node["status"]["conditions"])


def start(home, programs, count, images):
    services = Services(home)
    nodes = [Node(home, number) for number in range(1, count + 1)]
    network.set_up(range(1, count + 1))
    for node in nodes:
        node.set_up()
        node.start_containerd()
    pause = build_pause(home)
    control_plane.start(home, programs, services)
    # So that Services are in reach from here, too. It is no node, and makes do.
    services.start("proxy", proxy_command(home, programs, "testbed"))
    services.start("addons", [sys.executable, pathlib.Path(__file__).with_name("addons.py"), home])
    for node in nodes:
        node.wait_containerd()
        for archive in (pause, *images):
            node.import_image(archive)
        node.start_kubelet(programs)
    wait_for(lambda: nodes_ready(home) == count, f"{count} nodes to be ready; see {home}/log", 120)


def end_with_input():
    """Whoever wants the testbed holds the other end of the standard input."""
    sys.stdin.read()
    os._exit(0)


def main(home, programs, count, images):
    threading.Thread(target=end_with_input, daemon=True).start()
    home = pathlib.Path(home)
    try:
        make_private(home)
        start(home, pathlib.Path(programs), int(count), images)
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        print(f"{error}: {getattr(error, 'stderr', '') or ''}", flush=True)
        return
    print("ready", flush=True)
    while True:
        os.wait()
