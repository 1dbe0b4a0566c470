"""What clients that do nothing cost `keyway proxy`."""

import contextlib
import re
import resource
import socket

import pytest

from proxies import proxy_before, whole_cluster
from waiting import wait_for

IDLE_CLIENTS = 9900  # a worker takes 10,000
BYTES_EACH = 1536
DESCRIPTORS = IDLE_CLIENTS + 500
BATCH = 100


@pytest.fixture(name="descriptors")
def enough_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        pytest.skip(f"a process may have {hard} descriptors here, and {DESCRIPTORS} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, DESCRIPTORS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def memory_bytes(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
        return 1024 * int(re.search(r"^RssAnon:\s+(\d+) kB", file.read(), re.MULTILINE).group(1))


def clients_of(proxy):
    return int(re.search(r"^keyway_proxy_clients (\d+)$", proxy.get("metrics"), re.MULTILINE).group(1))


def connect(proxy, stack, count):
    """Connections that have all had an answer, and now say no more."""
    made = [stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=20)) for _ in range(count)]
    for each in made:
        each.sendall(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n")
    for each in made:
        answer = b""
        while len(answer) < 16:
            answer += each.recv(100)
        assert answer == b"+OK\r\n$5\r\nvalue\r\n"


def test_ten_thousand_idle_clients(make_servers, descriptors):
    with proxy_before(whole_cluster(make_servers, 3), "--workers", "1") as proxy:
        with contextlib.ExitStack() as first:
            connect(proxy, first, BATCH)
        wait_for(lambda: clients_of(proxy) == 0, "the first clients to be gone")
        before = memory_bytes(proxy.process)
        with contextlib.ExitStack() as stack:
            for _ in range(IDLE_CLIENTS // BATCH):
                connect(proxy, stack, BATCH)
            assert clients_of(proxy) == IDLE_CLIENTS
            each = (memory_bytes(proxy.process) - before) / IDLE_CLIENTS
        wait_for(lambda: clients_of(proxy) == 0, "all clients to be gone")
    assert each < BYTES_EACH
    print(f"{each:.0f} bytes for each idle client")
