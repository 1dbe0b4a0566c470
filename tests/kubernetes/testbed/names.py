"""The name server of a testbed: A records of Services and of pods behind headless ones; nothing else exists."""

import socket
import struct

import network

DOMAIN = "cluster.local"
PORT = 53
TTL_S = 5
A, AAAA, ANY = 1, 28, 255
NAME_ERROR = 3


class Names:
    """Is told of Services and Endpoints by threads of others, and answers in the thread that calls `serve`."""

    def __init__(self):
        self.services, self.behind, self.records = {}, {}, {}

    def services_changed(self, objects):
        self.services = dict(objects)
        self.write_records()

    def endpoints_changed(self, objects):
        self.behind = dict(objects)
        self.write_records()

    def write_records(self):
        records = {}
        for (namespace, name), service in list(self.services.items()):
            full = f"{name}.{namespace}.svc.{DOMAIN}"
            address = service["spec"].get("clusterIP")
            if address and address != "None":
                records[full] = [address]
            elif address == "None":
                records.update(headless(full, self.behind.get((namespace, name), {})))
        self.records = records

    def serve(self):
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind((network.GATEWAY, PORT))
        while True:
            query, sender = listener.recvfrom(4096)
            reply = self.answer(query)
            if reply:
                listener.sendto(reply, sender)

    def answer(self, query):
        """The reply to a query of RFC 1035, section 4; None to what is none."""
        try:
            name, kind, end = question(query)
        except (IndexError, struct.error, UnicodeDecodeError):
            return None
        records = self.records
        # A name that has pods' names below it exists, too, though it has no address while none is ready.
        known = name in records or any(other.endswith("." + name) for other in records)
        found = records.get(name, []) if kind in (A, ANY) else []
        flags = 0x8580 | (0 if known else NAME_ERROR)  # a response, authoritative
        header = query[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0)
        answers = b"".join(struct.pack(">HHHIH", 0xC00C, A, 1, TTL_S, 4) + socket.inet_aton(address) for address in found)
        return header + query[12:end] + answers


def headless(full, endpoints):
    records = {full: []}
    for subset in endpoints.get("subsets") or []:
        for address in subset.get("addresses") or []:
            records[full].append(address["ip"])
            if address.get("hostname"):
                records[f"{address['hostname']}.{full}"] = [address["ip"]]
    return records


def question(query):
    """(name, type, where the question ends) of a query."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("ascii").lower())
        at += 1 + query[at]
    kind, = struct.unpack(">H", query[at + 1:at + 3])
    return ".".join(labels), kind, at + 5
