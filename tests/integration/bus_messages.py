"""Messages of the cluster bus, sent as if they were a server's (clusterMsg of cluster.h, version 1)."""

import socket
import struct

PING = 0
PRIMARY = 1  # of the flags
SIZE_BYTES = 2256
BUS_OFFSET = 10000
SLOTS = 16384


def say_primary(servers, speaker, hearer, epoch, slots=()):
    """`hearer` gets a PING in which `speaker` is a primary of these slots and that config epoch: one that was late."""
    owned = bytearray(SLOTS // 8)
    for slot in slots:
        owned[slot // 8] |= 1 << slot % 8
    message = struct.pack("!4sIHHHHQQQ", b"RCmb", SIZE_BYTES, 1, servers.port(speaker), PING, 0, epoch, epoch, 0)
    message += servers.id(speaker).encode() + bytes(owned) + bytes(40 + 46 + 2 + 30)  # primary, address, extensions, unused
    message += struct.pack("!HHHB3x", 0, servers.port(speaker) + BUS_OFFSET, PRIMARY, 0)
    assert len(message) == SIZE_BYTES
    with socket.create_connection(("127.0.0.1", servers.port(hearer) + BUS_OFFSET), timeout=10) as connection:
        connection.sendall(message)
        assert connection.recv(4) == b"RCmb", "it answers with a PONG"
