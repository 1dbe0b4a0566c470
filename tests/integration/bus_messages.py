"""Messages of the cluster bus, sent as if they were a server's (clusterMsg of cluster.h, version 1)."""

import socket
import struct

PING = 0
PRIMARY = 1  # of the flags
SIZE_BYTES = 2256
BUS_OFFSET = 10000


def say_primary(servers, speaker, hearer, epoch):
    """`hearer` gets a PING in which `speaker` is a primary without slots, of that config epoch: one from the time before it was a replica,
    that was late."""
    message = struct.pack("!4sIHHHHQQQ", b"RCmb", SIZE_BYTES, 1, servers.port(speaker), PING, 0, epoch, epoch, 0)
    message += servers.id(speaker).encode() + bytes(2048 + 40 + 46 + 2 + 30)  # slots, primary, address, extensions, unused
    message += struct.pack("!HHHB3x", 0, servers.port(speaker) + BUS_OFFSET, PRIMARY, 0)
    assert len(message) == SIZE_BYTES
    with socket.create_connection(("127.0.0.1", servers.port(hearer) + BUS_OFFSET), timeout=10) as connection:
        connection.sendall(message)
        assert connection.recv(4) == b"RCmb", "it answers with a PONG"
