"""A client of a cluster as an application has one: it follows redirections and tries again while a shard is away, up to a
deadline. For one thread."""

import time

import redis
from redis.crc import key_slot

from waiting import wait_for

# What a client meets while its cluster changes, and what it does then: look again where the key lives, and try again.
PASSING = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, redis.exceptions.ClusterDownError,
           redis.exceptions.TryAgainError, redis.exceptions.ReadOnlyError, redis.exceptions.MasterDownError)


class Client:
    """`addresses`: a function that gives the (host, port) of all nodes; `sharded`: whether it is a cluster by protocol."""

    def __init__(self, addresses, sharded, user, password, timeout_s=2):
        self.addresses, self.sharded = addresses, sharded
        self.account = {"username": user, "password": password}
        self.timeout_s = timeout_s
        self.connections = {}
        self.homes = {}  # slot (0 in replicated mode) to (host, port)
        self.errors = []  # (when, text) of each passing error

    def execute(self, key, *command, deadline_s=20):
        """The reply to `command`, about `key`. What cannot pass, such as NOPERM, is raised at once."""
        return self.execute_all(key, [command], deadline_s)[0]

    def execute_all(self, key, commands, deadline_s=20):
        """The replies to `commands`, sent as one over one connection. Only the first is about `key`, and only its errors are
        raised; another one's error is its reply."""
        slot = key_slot(key.encode()) if self.sharded else 0
        try:
            return wait_for(lambda: self.attempt(slot, commands), f"an answer to {commands[0][0]} {key}", deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last errors: {self.errors[-3:]}") from None

    def attempt(self, slot, commands):
        """The replies, or None after a passing error."""
        for _ in range(8):
            try:
                return self.ask(self.homes.get(slot) or self.look(slot), commands)
            except redis.exceptions.MovedError as moved:  # before AskError, which it is as well
                self.homes[slot] = (moved.host, moved.port)
            except redis.exceptions.AskError as asked:
                try:
                    return self.ask((asked.host, asked.port), commands, asking=True)
                except (redis.exceptions.AskError, *PASSING) as error:
                    return self.note(slot, error)
            except PASSING as error:
                return self.note(slot, error)
            except redis.ResponseError as error:
                if not str(error).startswith("MISCONF"):  # its disk is full
                    raise
                return self.note(slot, error)
        return self.note(slot, "redirected for ever")

    def note(self, slot, error):
        self.errors.append((time.monotonic(), f"{type(error).__name__}: {error}"))
        self.homes.pop(slot, None)

    def ask(self, address, commands, asking=False):
        connection = self.connections.get(address)
        if connection is None:
            connection = self.connections[address] = redis.Connection(
                host=address[0], port=address[1], parser_class=redis.cluster.ClusterParser, decode_responses=True,
                socket_timeout=self.timeout_s, **self.account)
        try:
            if asking:
                connection.send_command("ASKING")
                connection.read_response()
            for command in commands:
                connection.send_command(*command)
            replies = [self.read(connection) for _ in commands]
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError) as error:
            connection.disconnect()
            del self.connections[address]
            raise error if isinstance(error, redis.RedisError) else redis.exceptions.ConnectionError(str(error))
        if isinstance(replies[0], redis.ResponseError):
            raise replies[0]
        return replies

    @staticmethod
    def read(connection):
        try:
            return connection.read_response()
        except redis.ResponseError as error:  # all replies must be read
            return error

    def look(self, slot):
        """Where the slot lives now, by the first node that knows."""
        for address in self.addresses():
            try:
                home = self.look_at(address, slot)
            except (redis.RedisError, ValueError):
                continue
            if home:
                self.homes[slot] = home
                return home
        raise redis.exceptions.ConnectionError("no node knows where the key lives")

    def look_at(self, address, slot):
        if self.sharded:
            try:
                known = self.ask(address, [("CLUSTER", "SLOTS")])[0]
            except redis.exceptions.NoPermissionError:
                return address  # it will say MOVED
            for first, last, primary, *_ in known:
                if first <= slot <= last:
                    return primary[0] or address[0], primary[1]
            return None
        return address if "role:master" in self.ask(address, [("INFO", "replication")])[0] else None

    def close(self):
        for connection in self.connections.values():
            connection.disconnect()
        self.connections.clear()
