"""Carries packets from one TUN device to another, so much later: carrier.py FROM TO SECONDS, the devices as inherited descriptors. In the place of netem, which not
every kernel has."""

import collections
import os
import select
import sys
import time

PACKET_BYTES = 1600
QUEUE_LIMIT = 20_000


def carry(inner, outer, delay_s):
    """In the order in which they came; ends with its process."""
    waiting = collections.deque()  # (when due, packet)
    while True:
        limit_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 1.0
        if select.select([inner], [], [], limit_s)[0] and len(waiting) < QUEUE_LIMIT:
            waiting.append((time.monotonic() + delay_s, os.read(inner, PACKET_BYTES)))
        while waiting and waiting[0][0] <= time.monotonic():
            try:
                os.write(outer, waiting.popleft()[1])
            except OSError:
                pass  # lost, as packets may be


if __name__ == "__main__":
    carry(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
