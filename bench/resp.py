"""A small client of the servers' protocol (RESP2) for measuring: plain sockets, pipelines, and polls of many servers at once."""

import binascii
import socket


class ReplyError(str):
    """An error that a server answered with; a value, since a refused write is what the benchmarks look for."""


class Client:
    """One connection. OSError (timeouts included) means that it is of no more use: close it and make another."""

    def __init__(self, port, password=None, timeout_s=1.0, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb", buffering=1 << 16)
        if password is not None:
            reply = self.call("AUTH", password)
            if reply != "OK":
                self.close()
                raise ConnectionError(f"port {port}: {reply}")

    def call(self, *words):
        self.send([words])
        return self.read()

    def pipeline(self, commands):
        self.send(commands)
        return [self.read() for _ in commands]

    def send(self, commands):
        self.socket.sendall(b"".join(encode(words) for words in commands))

    def read(self):
        line = self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return ReplyError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.reader.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise ConnectionError(f"no RESP2 reply: {line[:60]!r}")

    def close(self):
        self.reader.close()
        self.socket.close()


class Poller:
    """Kept connections to many servers, asked all at once; made when first used, and again after they failed."""

    def __init__(self, timeout_s=1.0):
        self.timeout_s = timeout_s
        self.clients = {}

    def ask(self, questions, password=None):
        """questions: {port: [command, ...]}. Gives {port: [reply, ...]}, None in place of the list where a server did not answer."""
        answers = {port: None for port in questions}
        asked = [port for port, commands in questions.items() if self._send(port, commands, password)]
        for port in asked:
            try:
                answers[port] = [self.clients[port].read() for _ in questions[port]]
            except OSError:
                self._drop(port)
        return answers

    def _send(self, port, commands, password):
        try:
            if port not in self.clients:
                self.clients[port] = Client(port, password, self.timeout_s)
            self.clients[port].send(commands)
            return True
        except OSError:
            self._drop(port)
            return False

    def _drop(self, port):
        client = self.clients.pop(port, None)
        if client is not None:
            client.close()

    def close(self):
        for port in list(self.clients):
            self._drop(port)


def encode(words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def slot_of(key):
    """The hash slot of a key without a tag in braces; crc_hqx is the servers' CRC16."""
    return binascii.crc_hqx(key.encode(), 0) % 16384


def info_fields(text):
    """The fields of an INFO or CLUSTER INFO reply."""
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
