"""The clients' way to the servers: many commands at once, each to the primary that its key lives on, one try each. What came of each is told
apart: a reply; refused, so surely not carried out; or unknown, for the connection ended before the reply."""

import collections
import time

import redis
from redis.crc import key_slot

TIMEOUT_S = 1.0
SHUN_S = 1.0  # how long one that did not answer is asked last

Outcome = collections.namedtuple("Outcome", "kind value")
REPLY, REFUSED, UNKNOWN = "reply", "refused", "unknown"


def slot_of(key):
    return key_slot(key.encode())


class Router:
    """For one thread. `addresses`: a function that gives (host, port) of all nodes, as they are now."""

    def __init__(self, addresses, sharded, user, password):
        self.addresses, self.sharded = addresses, sharded
        self.account = {"username": user, "password": password}
        self.connections = {}
        self.homes = {}  # slot (0 in replicated mode) to (host, port)
        self.shunned = {}  # address to when it failed
        self.errors = collections.Counter()

    def slot(self, key):
        return slot_of(key) if self.sharded else 0

    def send(self, commands):
        """One outcome for each of `commands`, whose second word is the key."""
        outcomes = [None] * len(commands)
        groups = {}
        for index, command in enumerate(commands):
            slot = self.slot(command[1])
            home = self.homes.get(slot) or self.look(slot)
            if home is None:
                outcomes[index] = Outcome(REFUSED, "no node knows where the key lives")
            else:
                groups.setdefault(home, []).append(index)
        for home, indexes in groups.items():
            for index, outcome in zip(indexes, self.exchange(home, [commands[index] for index in indexes])):
                outcomes[index] = self.follow(commands[index], home, outcome)
        return outcomes

    def follow(self, command, home, outcome):
        """What is learnt from one outcome; an ASK is followed at once."""
        slot = self.slot(command[1])
        if outcome.kind == REPLY:
            return outcome
        self.errors[f"{outcome.kind}: {str(outcome.value)[:40]}"] += 1
        if isinstance(outcome.value, redis.exceptions.AskError):
            return self.exchange((outcome.value.host, outcome.value.port), [("ASKING",), command])[1]
        if isinstance(outcome.value, redis.exceptions.MovedError):
            self.homes[slot] = (outcome.value.host or home[0], outcome.value.port)
        elif self.homes.get(slot) == home:
            # The others of that home would meet the same.
            self.homes = {slot: known for slot, known in self.homes.items() if known != home}
            if not isinstance(outcome.value, redis.exceptions.TryAgainError):
                self.shunned[home] = time.monotonic()
        return outcome

    def exchange(self, address, commands):
        """Sends all, then reads all."""
        done = []
        kind = REFUSED  # nothing of it has been sent
        try:
            connection = self.connect(address)
            packed = connection.pack_commands(commands)
            kind = UNKNOWN
            connection.send_packed_command(packed)
            for _ in commands:
                done.append(self.read(connection))
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError) as error:
            if address in self.connections:
                self.connections.pop(address).disconnect()
            done += [Outcome(kind, f"{address[0]}:{address[1]}: {error}")] * (len(commands) - len(done))
        except redis.RedisError as error:  # the login was refused: it loads, or its users are not there yet
            self.connections.pop(address).disconnect()
            done += [Outcome(REFUSED, error)] * (len(commands) - len(done))
        return done

    def connect(self, address):
        connection = self.connections.get(address)
        if connection is None:
            connection = redis.Connection(host=address[0], port=address[1], parser_class=redis.cluster.ClusterParser, decode_responses=True,
                                          socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, **self.account)
            self.connections[address] = connection
            connection.connect()
        return connection

    @staticmethod
    def read(connection):
        try:
            return Outcome(REPLY, connection.read_response())
        except redis.exceptions.ConnectionError:
            raise  # "loading" is one as well: the connection is opened again, and that does no harm
        except redis.ResponseError as error:
            return Outcome(REFUSED, error)

    def look(self, slot):
        """Where the slot lives, by the first that knows; those that failed of late are asked last. None: nobody knows."""
        now = time.monotonic()
        known = self.addresses()
        for address in sorted(known, key=lambda address: now - self.shunned.get(address, 0) < SHUN_S):
            home = self.look_at(address, slot)
            if home:
                return home
            self.shunned[address] = time.monotonic()
        return None

    def look_at(self, address, slot):
        question = ("CLUSTER", "SLOTS") if self.sharded else ("INFO", "replication")
        kind, answer = self.exchange(address, [question])[0]
        if kind != REPLY:
            return None
        if not self.sharded:
            if "role:master" not in answer:
                return None
            self.homes[0] = address
            return address
        for first, last, primary, *_ in answer:
            home = (primary[0] or address[0], primary[1])
            self.homes.update((each, home) for each in range(first, last + 1) if each not in self.homes)
        return self.homes.get(slot)

    def close(self):
        for connection in self.connections.values():
            connection.disconnect()
        self.connections.clear()
