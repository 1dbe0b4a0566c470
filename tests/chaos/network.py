"""A network of hosts of its own: a namespace with a bridge, and for each node a namespace with a link to it, in which packets can be dropped or come late.

`enter` starts the program again in namespaces for network and mounts of its own. Whatever is made there is gone with the last process in it, however that ends.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import sys

NETWORK = "10.213.78"
HUB = f"{NETWORK}.254"  # where the clients are
INSIDE = "KEYWAY_CHAOS_INSIDE"
NEEDED = ("ip", "iptables", "unshare", "nsenter")
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
MTU = 1500
CARRIER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "carrier.py")
END_S = 10


def enter():
    """Returns inside; None if it cannot be done, with the reason printed."""
    if os.environ.get(INSIDE):
        do("ip", "link", "set", "lo", "up")
        os.makedirs("/run/netns", exist_ok=True)
        do("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
        return True
    missing = [name for name in NEEDED if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        print("network namespaces need root" if os.geteuid() != 0 else f"{', '.join(missing)} not installed")
        return None
    unshare = ["unshare", "--net", "--mount"]
    allowed = subprocess.run([*unshare, "ip", "link", "add", "br0", "type", "bridge"], capture_output=True, text=True, check=False)
    if allowed.returncode != 0:
        print(f"network namespaces are not permitted: {allowed.stderr.strip()}")
        return None
    os.execvpe("unshare", [*unshare, sys.executable, *sys.argv], {**os.environ, INSIDE: "yes"})


def do(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")


class Network:
    """Hosts 0 to `count` - 1."""

    def __init__(self, count):
        self.count = count
        self.carrier = None
        do("ip", "link", "add", "br0", "type", "bridge")
        do("ip", "addr", "add", f"{HUB}/24", "dev", "br0")
        do("ip", "link", "set", "br0", "up")
        for setting in ("ip_forward=1", "conf.all.rp_filter=0", "conf.default.rp_filter=0", "conf.all.send_redirects=0"):
            set_kernel(f"net.ipv4.{setting}")
        for host in range(count):
            self.add(host)

    @staticmethod
    def address(host):
        return f"{NETWORK}.{host + 1}"

    @staticmethod
    def inside(host):
        """The words that run a command on a host."""
        return ["nsenter", f"--net=/run/netns/n{host}"]

    def on(self, host, *words):
        do(*self.inside(host), *words)

    def add(self, host):
        do("ip", "netns", "add", f"n{host}")
        do("ip", "link", "add", f"to{host}", "type", "veth", "peer", "name", "eth0", "netns", f"n{host}")
        do("ip", "link", "set", f"to{host}", "master", "br0", "up")
        for words in (("ip", "link", "set", "lo", "up"), ("ip", "addr", "add", f"{self.address(host)}/24", "dev", "eth0"),
                      ("ip", "link", "set", "eth0", "up")):
            self.on(host, *words)
        for setting in ("all", "default", "eth0"):
            self.on(host, "sysctl", "-qw", f"net.ipv4.conf.{setting}.rp_filter=0")

    # What goes wrong with it.

    def drop(self, source, target, share=1.0):
        """Packets from address `source` never reach host `target`; of all, or this share of them."""
        some = ["-m", "statistic", "--mode", "random", "--probability", str(share)] if share < 1 else []
        self.on(target, "iptables", "-w", "-A", "INPUT", "-s", source, *some, "-j", "DROP")

    def cut(self, one, other):
        """Nothing goes between two hosts."""
        self.drop(self.address(one), other)
        self.drop(self.address(other), one)

    def cut_from_clients(self, host):
        self.drop(HUB, host)

    def mend(self):
        for host in range(self.count):
            self.on(host, "iptables", "-w", "-F", "INPUT")
        self.in_time()

    def delay(self, host, delay_s):
        """All that host sends comes this much later; one host at a time."""
        inner, outer = make_tun("late"), make_tun("later")
        do("ip", "link", "set", "late", "netns", f"n{host}")
        do("ip", "link", "set", "later", "mtu", MTU, "up")
        set_kernel("net.ipv4.conf.later.rp_filter=0")
        self.on(host, "ip", "link", "set", "late", "mtu", MTU, "up")
        self.on(host, "sysctl", "-qw", "net.ipv4.conf.late.rp_filter=0")
        self.carrier = subprocess.Popen([sys.executable, CARRIER, str(inner), str(outer), str(delay_s)], pass_fds=(inner, outer))
        os.close(inner)
        os.close(outer)
        for half in ("0/25", "128/25"):  # narrower than the link's own route
            self.on(host, "ip", "route", "add", f"{NETWORK}.{half}", "dev", "late", "src", self.address(host))

    def in_time(self):
        if self.carrier:
            self.carrier.terminate()  # its devices end with it, and their routes
            self.carrier.wait(END_S)
            self.carrier = None


def set_kernel(setting):
    do("sysctl", "-qw", setting)


def make_tun(name):
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return handle
