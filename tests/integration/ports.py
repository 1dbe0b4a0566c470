"""Free ports for the clusters under test: $KEYWAY_TEST_PORTS (FIRST-LAST), by default below those that the kernel gives out,
which holds for the cluster bus, 10000 higher, as well."""

import os
import random
import socket

BUS = 10000
EACH = 32


class Ports:
    def __init__(self):
        first, last = os.environ.get("KEYWAY_TEST_PORTS", "20000-22700").split("-")
        self.blocks = list(range(int(first), int(last) - EACH, EACH))
        # Two runs at the same time shall not look at the same ports first.
        self.next = random.randrange(len(self.blocks))

    def take(self):
        """The first of EACH ports in a row that are free, as are those of their cluster bus."""
        for _ in self.blocks:
            base = self.blocks[self.next % len(self.blocks)]
            self.next += 1
            if all(is_free(port) and is_free(port + BUS) for port in range(base, base + EACH)):
                return base
        raise AssertionError("no ports are free; set KEYWAY_TEST_PORTS=FIRST-LAST")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
