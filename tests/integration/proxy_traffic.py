"""Applications at work behind a proxy while things go wrong: pipelines of many kinds of commands over many connections, each reply held
against what it may be. No acknowledged write may be lost, none be carried out twice, no reply be that to another request, and errors
be only those of docs/proxy.md."""

import contextlib
import itertools
import os
import random
import re
import threading
import time

import redis
from redis.crc import key_slot

from checker import number_of, value_of
from waiting import wait_for

SEED = int(os.environ.get("KEYWAY_TEST_SEED") or random.randrange(1 << 30))
REGISTERS, COUNTERS, PAIRS = 30, 10, 4
DEEPEST = 24
numbers = itertools.count(1)

# The write may have been carried out: said of writes alone, since a read would be sent again.
UNKNOWN = re.compile(r"keyway: the connection to the server \S+ was lost before it answered \(.*\); the command may have been carried out")
# It has not been carried out, and has waited as long as a request may.
WAITED = re.compile(r"keyway: the server \S+ cannot be reached|keyway: the connection to the server \S+ is lost: |CLUSTERDOWN |TRYAGAIN |LOADING ")


class Step:
    """A command of a pipeline and how its reply is judged: `taken` is called with the reply, `failed` with the kind of error."""

    writes = True

    def __init__(self, *words):
        self.words = words


class Echo(Step):
    writes = False

    def taken(self, reply):
        return reply == self.words[1]

    def failed(self, unknown):
        pass


class Register:
    """A key that is set again and again, each time to a value that says which key and which time it is."""

    def __init__(self, key):
        self.key, self.attempted, self.sure = key, 0, 0
        self.floor = None  # what a lost server may at most have taken it back to
        self.loose = set()  # of unknown fate: a server may still have to read them, and carry them out after later ones
        self.never = set()  # not carried out, as was said
        self.early = []  # seen by a read that stands before it

    def next(self):
        self.attempted += 1
        return value_of(self.key, self.attempted)

    def judge(self, value, most):
        number = number_of(self.key, value)
        if number is None or number > self.attempted or number in self.never:
            return False
        if number > most:
            self.early.append(number)
        if number < self.sure and (number in self.loose or self.floor is not None and number >= self.floor):
            self.sure = number
        return number >= self.sure

    def judge_early(self):
        """When its pipeline is over. A read that is sent again, after a connection was lost, may see a write behind it in the pipeline: one
        that the same connection lost."""
        early, self.early = self.early, []
        return all(number in self.loose for number in early)


class Set(Step):
    """One or several at once, split by the proxy."""

    def __init__(self, registers):
        self.registers, self.times = registers, []
        words = []
        for register in registers:
            words += [register.key, register.next()]
            self.times.append(register.attempted)
        super().__init__("SET" if len(registers) == 1 else "MSET", *words)

    def taken(self, reply):
        for register, number in zip(self.registers, self.times):
            register.sure = number
        return reply == "OK"

    def failed(self, unknown):
        for register, number in zip(self.registers, self.times):
            if unknown or len(self.registers) > 1:  # an error of a split command is that of one part
                register.loose.add(number)
            else:
                register.never.add(number)


class Get(Step):
    writes = False

    def __init__(self, registers):
        super().__init__("GET" if len(registers) == 1 else "MGET", *(register.key for register in registers))
        self.registers, self.most = registers, [register.attempted for register in registers]

    def taken(self, reply):
        values = [reply] if len(self.registers) == 1 else reply
        return len(values) == len(self.registers) and all(
            [register.judge(value, most) for register, value, most in zip(self.registers, values, self.most)])

    def failed(self, unknown):
        pass


class Counter:
    """A key that is counted up by one: what it answers shows each count that is missing, and each that was made twice."""

    def __init__(self, key):
        self.key, self.sure, self.most = key, 0, 0
        self.floor = None  # as a register's

    def judge(self, reply):
        if not isinstance(reply, int):
            return False
        least = self.sure if self.floor is None else min(self.sure, self.floor)
        right = least < reply <= self.most + 1
        self.sure = self.most = reply
        return right

    def fail(self, unknown):
        self.most += 1 if unknown else 0


class Increment(Step):
    def __init__(self, counter):
        super().__init__("INCR", counter.key)
        self.counter = counter

    def taken(self, reply):
        return self.counter.judge(reply)

    def failed(self, unknown):
        self.counter.fail(unknown)


class Transaction:
    """Two counters of one slot that are only counted up together."""

    def __init__(self, first, second):
        self.steps = [Word("MULTI", "OK"), Word("INCR", "QUEUED", first.key), Word("INCR", "QUEUED", second.key), Exec(first, second)]


class Word(Step):
    writes = False

    def __init__(self, word, wanted, *more):
        super().__init__(word, *more)
        self.wanted = wanted

    def taken(self, reply):
        return reply == self.wanted

    def failed(self, unknown):
        pass


class Exec(Step):
    def __init__(self, first, second):
        super().__init__("EXEC")
        self.first, self.second = first, second

    def taken(self, reply):
        return (isinstance(reply, list) and len(reply) == 2 and reply[0] == reply[1]
                and self.first.judge(reply[0]) and self.second.judge(reply[1]))

    def failed(self, unknown):
        self.first.fail(unknown)
        self.second.fail(unknown)


class Application(threading.Thread):
    """One connection, and keys that nobody else writes."""

    def __init__(self, port, name, seed):
        super().__init__(daemon=True)
        self.port, self.random, self.ending = port, random.Random(seed), threading.Event()
        self.registers = [Register(f"{name}:r{number}") for number in range(REGISTERS)]
        self.counters = [Counter(f"{name}:c{number}") for number in range(COUNTERS)]
        self.pairs = [(Counter(f"{{{name}:{number}}}a"), Counter(f"{{{name}:{number}}}b")) for number in range(PAIRS)]
        self.connection, self.count, self.longest_wait_s = None, 0, 0.0
        self.unknown, self.waited, self.wrong, self.broken = [], [], [], 0

    def keys(self):
        return [*self.registers, *self.counters, *itertools.chain(*self.pairs)]

    def run(self):
        try:
            while not self.ending.is_set():
                self.turn(self.pipeline())
        except Exception as error:  # whatever it is, the test must hear of it
            self.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            self.disconnect()

    def pipeline(self):
        pick, steps = self.random, []
        while len(steps) < pick.choice((1, 3, 8, DEEPEST)):
            kind = pick.randrange(8)
            if kind < 2:
                steps.append(Set(pick.sample(self.registers, 1 if kind else 3)))
            elif kind < 4:
                steps.append(Get(pick.sample(self.registers, 1 if kind == 2 else 4)))
            elif kind < 6:
                steps.append(Increment(pick.choice(self.counters)))
            elif kind < 7:
                steps.append(Echo("ECHO", f"{id(self)}:{self.count}:{len(steps)}"))
            else:
                steps += Transaction(*pick.choice(self.pairs)).steps
        return steps

    def turn(self, steps):
        begin = time.monotonic()
        left = list(steps)
        try:
            connection = self.connect()
            connection.send_packed_command(connection.pack_commands([step.words for step in steps]))
            while left:
                try:
                    reply = connection.read_response()
                except redis.ResponseError as error:
                    reply = error
                self.judge(left.pop(0), reply)
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            # The proxy has gone, and with it the answers to all that is left.
            self.disconnect()
            self.broken += 1
            if isinstance(error, redis.TimeoutError):
                self.wrong.append(f"no answer to {left[0].words[:2]}: {error}")
            for step in left:
                step.failed(unknown=True)
        self.wrong += [f"{register.key} was read before it was written" for register in self.registers if not register.judge_early()]
        self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - begin)

    def judge(self, step, reply):
        said = f"{' '.join(step.words)[:80]}: {str(reply)[:200]}"
        if isinstance(reply, redis.ResponseError):
            unknown, waited = UNKNOWN.match(str(reply)), WAITED.match(str(reply))
            step.failed(unknown)
            if not unknown and not waited or unknown and not step.writes:
                self.wrong.append(f"another error: {said}")
            (self.unknown if unknown else self.waited).append(said)
            return
        self.count += 1
        if not step.taken(reply):
            self.wrong.append(f"not the reply: {said}")

    def connect(self):
        if self.connection is None:
            self.connection = redis.Connection(host="127.0.0.1", port=self.port, decode_responses=True, socket_timeout=30)
            wait_for(self.is_connected, "the proxy to take a connection", 30)
        return self.connection

    def is_connected(self):
        try:
            self.connection.connect()
            return True
        except (redis.ConnectionError, OSError):
            return False

    def disconnect(self):
        if self.connection is not None:
            self.connection.disconnect()
        self.connection = None


class Traffic:
    """Applications at work, and what they have met."""

    def __init__(self, proxy, applications=6):
        self.name = f"traffic{next(numbers)}"
        self.applications = [Application(proxy.port, f"{self.name}:{number}", f"{SEED}:{self.name}:{number}")
                             for number in range(applications)]
        print(f"KEYWAY_TEST_SEED={SEED}")  # pytest shows it with what fails

    def wait_for_more(self, count=200, deadline_s=60):
        """Until all have gone on."""
        before = [application.count for application in self.applications]
        wait_for(lambda: all(application.count > known + count for application, known in zip(self.applications, before)) or self.wrong,
                 "the applications to go on", deadline_s)

    def forget_waits(self):
        """The longest wait is counted from here on. Gives the one so far, in seconds."""
        longest = self.longest_wait_s
        for application in self.applications:
            application.longest_wait_s = 0.0
        return longest

    def may_fall_back(self, slots, known):
        """A server that is lost may have had writes that no other has: of the keys of these slots, those since `known`."""
        for application in self.applications:
            for key in application.keys():
                if key_slot(key.key.encode()) in slots:
                    key.floor = known[key.key]

    def known(self):
        return {key.key: key.sure for application in self.applications for key in application.keys()}

    @property
    def longest_wait_s(self):
        return max(application.longest_wait_s for application in self.applications)

    @property
    def wrong(self):
        return [text for application in self.applications for text in application.wrong]

    @property
    def unknown(self):
        return [text for application in self.applications for text in application.unknown]

    @property
    def waited(self):
        return [text for application in self.applications for text in application.waited]

    @property
    def broken(self):
        return sum(application.broken for application in self.applications)

    def verify(self, no_error=False):
        """After the work."""
        print(f"{sum(application.count for application in self.applications)} replies, {len(self.unknown)} of unknown fate, {len(self.waited)}"
              f" that waited in vain, {self.broken} connections lost, the longest wait {self.longest_wait_s:.2f} s")
        assert not self.wrong, f"{len(self.wrong)} wrong, seed {SEED}: " + "; ".join(self.wrong[:10])
        assert not any(application.is_alive() for application in self.applications), "an application hangs"
        if no_error:
            assert (self.unknown[:5], self.waited[:5], self.broken) == ([], [], 0)


@contextlib.contextmanager
def traffic_through(proxy, **options):
    traffic = Traffic(proxy, **options)
    for application in traffic.applications:
        application.start()
    try:
        traffic.wait_for_more(100)
        yield traffic
    finally:
        for application in traffic.applications:
            application.ending.set()
        for application in traffic.applications:
            application.join(timeout=60)
    # Once more each key, after all.
    for application in traffic.applications:
        application.turn([Get([register]) for register in application.registers])
        application.turn([Increment(counter) for counter in application.counters])
        application.disconnect()
