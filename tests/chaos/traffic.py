"""Applications at work: each writes growing numbers to lists of its own and remembers what was acknowledged, so that at the end every single write
can be looked for. Lists, since a value that is overwritten hides the loss of the one before.

The N-th write of a key is the element "KEY:N". No write is tried twice, so an element is there once or, if its outcome is unknown, perhaps. Some keys are deleted,
and may not come back."""

import array
import random
import threading
import time

from router import REFUSED, REPLY, UNKNOWN, Router, slot_of

SLOTS = 16384
KEYS = 60  # of each writer, at one time
TURN_S = 0.02
READ_EVERY = 4
DELETE_EVERY = 2000  # writes


class Key:
    def __init__(self, name):
        self.name = name
        self.attempted = 0
        self.acknowledged = array.array("L")
        self.acknowledged_at = array.array("d")
        self.unknown = set()
        self.deleted_at = None  # when its deletion was acknowledged
        self.deletion_unknown = False

    def element(self, number):
        return f"{self.name}:{number}"

    def number_of(self, element):
        """None: never written to this key."""
        name, _, number = (element or "").rpartition(":")
        return int(number) if name == self.name and number.isdigit() and 0 < int(number) <= self.attempted else None


class Writer(threading.Thread):
    """One application, which writes to one part of the slots: what shard `index` of `count` has at first."""

    def __init__(self, index, count, router, rate, seed):
        super().__init__(daemon=True, name=f"writer{index}")
        self.index, self.count, self.router, self.rate = index, count, router, rate
        self.random = random.Random(f"{seed}/{index}")
        self.made = 0
        self.keys, self.retired = [], []
        self.full_at = array.array("d", [time.monotonic()])  # when all that was asked was acknowledged
        self.stale, self.wrong = [], []
        self.due_deletion = DELETE_EVERY
        self.ending = threading.Event()
        for _ in range(KEYS):
            self.keys.append(self.new_key())

    def new_key(self):
        """A key with a slot of this writer's part."""
        while True:
            self.made += 1
            name = f"w{self.index}.{self.made}"
            if not self.router.sharded or slot_of(name) * self.count // SLOTS == self.index:
                return Key(name)

    def run(self):
        at, due = 0, time.monotonic()
        try:
            while not self.ending.wait(max(0.0, due - time.monotonic())):
                behind = time.monotonic() - due
                due = time.monotonic() + TURN_S
                count = min(KEYS, max(1, round(self.rate * (TURN_S + min(behind, 0.2)))))
                self.turn([self.keys[(at + step) % KEYS] for step in range(count)])
                at += count
        except Exception as error:  # whatever it is, the run must hear of it
            self.wrong.append(f"writer {self.index} ended: {type(error).__name__}: {error}")
        finally:
            self.router.close()

    def turn(self, keys):
        """One write to each of `keys`, and a read of every fourth after it."""
        commands = []
        for key in keys:
            key.attempted += 1
            commands.append(("RPUSH", key.name, key.element(key.attempted)))
        outcomes = self.router.send(commands)
        now = time.monotonic()
        for key, outcome in zip(keys, outcomes):
            self.note(key, outcome, now)
        if all(outcome.kind == REPLY for outcome in outcomes):
            self.full_at.append(now)
            self.read(keys[::READ_EVERY])
            self.due_deletion -= len(keys)
            if self.due_deletion <= 0:
                self.due_deletion = DELETE_EVERY
                self.delete(self.random.randrange(KEYS))

    @staticmethod
    def note(key, outcome, now):
        if outcome.kind == REPLY:
            key.acknowledged.append(key.attempted)
            key.acknowledged_at.append(now)
        elif outcome.kind == UNKNOWN:
            key.unknown.add(key.attempted)

    def read(self, keys):
        """Nothing older may be last in a list than what was acknowledged last."""
        for key, outcome in zip(keys, self.router.send([("LINDEX", key.name, -1) for key in keys])):
            if outcome.kind != REPLY:
                continue
            number = key.number_of(outcome.value) if outcome.value is not None else 0
            if number is None:
                self.wrong.append(f"{key.name} ends in {outcome.value!r}, which was never written")
            elif number < key.acknowledged[-1] and number not in key.unknown:
                self.stale.append((time.monotonic(), key.name, number, key.acknowledged[-1]))

    def delete(self, index):
        """The key goes, and another takes its place."""
        key = self.keys[index]
        outcome = self.router.send([("DEL", key.name)])[0]
        if outcome.kind == REFUSED:
            return
        key.deletion_unknown = outcome.kind == UNKNOWN
        key.deleted_at = None if key.deletion_unknown else time.monotonic()
        self.retired.append(key)
        self.keys[index] = self.new_key()

    def longest_gap_s(self, begin, end):
        """The longest time without a turn that was acknowledged in full, of those that reach into [begin, end]."""
        times = [at for at in self.full_at if begin <= at <= end]
        before = [at for at in self.full_at if at < begin][-1:]
        after = [at for at in self.full_at if at > end][:1]
        times = before + times + (after or [time.monotonic()])
        return max((later - earlier for earlier, later in zip(times, times[1:])), default=0.0)


class Verdict:
    """What the lists say at the end. `lost`: (when it was acknowledged, text) of each write that is not there."""

    def __init__(self):
        self.acknowledged, self.keys = 0, 0
        self.lost, self.wrong = [], []

    def judge(self, key, elements):
        self.keys += 1
        self.acknowledged += len(key.acknowledged)
        numbers = [key.number_of(element) for element in elements]
        if None in numbers:
            self.wrong.append(f"{key.name} holds {elements[numbers.index(None)]!r}, which was never written")
            return
        if key.deleted_at is not None:
            # A write whose outcome is unknown may have come after it: from a server that stood still.
            if set(numbers) - key.unknown:
                self.lost.append((key.deleted_at, f"{key.name} was deleted and is back with {len(numbers)} elements"))
            return
        if key.deletion_unknown and not set(numbers) - key.unknown:
            return
        sure = [number for number in numbers if number not in key.unknown]
        if any(later <= earlier for earlier, later in zip(sure, sure[1:])):
            self.wrong.append(f"{key.name} is out of order or holds an element twice")
        there = set(numbers)
        for number, at in zip(key.acknowledged, key.acknowledged_at):
            if number not in there:
                self.lost.append((at, f"{key.name} lost write {number} of {key.attempted}"))
        refused = there - set(key.acknowledged) - key.unknown
        if refused:
            self.wrong.append(f"{key.name} holds write {min(refused)}, which was refused")


class Traffic:
    """A context. `make_router` gives one to each writer; `rate`: writes a second of all."""

    def __init__(self, make_router, writers, rate, seed):
        self.make_router = make_router
        self.writers = [Writer(index, writers, make_router(), rate / writers, seed) for index in range(writers)]

    def __enter__(self):
        for writer in self.writers:
            writer.start()
        return self

    def __exit__(self, *_):
        for writer in self.writers:
            writer.ending.set()
        for writer in self.writers:
            writer.join(timeout=120)

    @property
    def acknowledged(self):
        return sum(len(key.acknowledged) for writer in self.writers for key in [*writer.keys, *writer.retired])

    def stale(self):
        return sorted(read for writer in self.writers for read in writer.stale)

    def errors(self):
        return {kind: count for writer in self.writers for kind, count in writer.router.errors.items()}

    def verify(self, deadline_s):
        """Reads all keys; what cannot be read after `deadline_s` is wrong."""
        verdict = Verdict()
        router = self.make_router()
        until = time.monotonic() + deadline_s
        for writer in self.writers:
            verdict.wrong += writer.wrong
            if writer.is_alive():
                verdict.wrong.append(f"{writer.name} hangs")
            for key in [*writer.keys, *writer.retired]:
                outcome = read_until(router, key, until)
                if outcome.kind == REPLY:
                    verdict.judge(key, outcome.value)
                else:
                    verdict.wrong.append(f"{key.name} cannot be read: {outcome.value}")
        router.close()
        return verdict


def read_until(router, key, deadline):
    """All elements, tried again until the deadline."""
    while True:
        outcome = router.send([("LRANGE", key.name, 0, -1)])[0]
        if outcome.kind == REPLY or time.monotonic() > deadline:
            return outcome
        time.sleep(TURN_S)
