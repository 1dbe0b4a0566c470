"""Hosts with a network of some delay between them, on one machine: network namespaces, each with a TUN device, and a process that carries packets from
one to another that much later. In the place of netem, which not every kernel has. Needs root."""

import collections
import fcntl
import multiprocessing
import os
import select
import struct
import subprocess
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
MTU = 65000
NETWORK = "10.213.77."
QUEUE_LIMIT = 20_000
AHEAD = -15  # the carrier's place in the queue for a processor


class DelayedNetwork:
    """`count` namespaces; host i is NETWORK + (i + 1). The machine itself takes part as the host after them, by a device of its own."""

    def __init__(self, count, delay_ms):
        self.count = count
        self.delay_s = delay_ms / 1000
        self.names = [f"kwb{os.getpid()}n{index}" for index in range(count)]
        self.devices = []
        self.process = None

    def __enter__(self):
        try:
            for name in self.names:
                ip("netns", "add", name)
            for index in range(self.count + 1):
                self.devices.append(self.make_device(index))
            self.process = multiprocessing.get_context("fork").Process(target=carry, args=(self.devices, self.delay_s), daemon=True)
            self.process.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        del kind, value, trace
        self.close()

    def host(self, index):
        return f"{NETWORK}{index + 1}"

    def prefix(self, index):
        """The words that run a command on host `index`."""
        return ["ip", "netns", "exec", self.names[index]]

    def make_device(self, index):
        device = f"kwb{os.getpid()}d{index}"[:15]
        handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
        inside = []
        if index < self.count:
            ip("link", "set", device, "netns", self.names[index])
            inside = ["-n", self.names[index]]
            ip(*inside, "link", "set", "lo", "up")
        ip(*inside, "addr", "add", f"{self.host(index)}/24", "dev", device)
        ip(*inside, "link", "set", device, "mtu", str(MTU), "txqueuelen", "10000", "up")
        return handle

    def close(self):
        if self.process is not None:
            self.process.terminate()
            self.process.join()
        for handle in self.devices:
            os.close(handle)  # its device ends with it
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def carry(devices, delay_s):
    """Every packet reaches its host `delay_s` after it was sent; in order, since the delay is the same for all."""
    os.setpriority(os.PRIO_PROCESS, 0, AHEAD)
    waiting = collections.deque()  # (when due, device, packet)
    while True:
        limit_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 1.0
        readable, _, _ = select.select(devices, [], [], limit_s)
        for handle in readable:
            take(handle, devices, delay_s, waiting)
        now_s = time.monotonic()
        while waiting and waiting[0][0] <= now_s:
            _, target, packet = waiting.popleft()
            try:
                os.write(target, packet)
            except (BlockingIOError, OSError):
                pass  # lost, as packets may be


def take(handle, devices, delay_s, waiting):
    for _ in range(64):
        try:
            packet = os.read(handle, MTU + 64)
        except BlockingIOError:
            return
        host = packet[19] if packet[0] >> 4 == 4 else 0
        if 1 <= host <= len(devices) and len(waiting) < QUEUE_LIMIT:
            waiting.append((time.monotonic() + delay_s, devices[host - 1], packet))
