"""Applications at work while a cluster changes: threads that write and read their own keys, and remember what was
acknowledged. At the end none of that may be lost, and nothing may be there that was never written."""

import itertools
import threading
import time

# For how long writes may wait while something is changed in order. Loose: the machine may be at work on other things.
BRIEF_S = 10

# Clusters are shared, and what an earlier test wrote stays in them.
numbers = itertools.count(1)


class Worker(threading.Thread):
    def __init__(self, name, client, key_count, durable, deadline_s):
        super().__init__(daemon=True)
        self.client, self.durable, self.deadline_s = client, durable, deadline_s
        self.keys = [f"{name}:{index}" for index in range(key_count)]
        self.attempted = dict.fromkeys(self.keys, 0)
        self.acknowledged = dict.fromkeys(self.keys, 0)
        self.answered_at = [time.monotonic()]
        self.wrong = []
        self.ending = threading.Event()

    def run(self):
        turn = 0
        try:
            while not self.ending.is_set():
                self.write(self.keys[turn % len(self.keys)])
                if turn % 4 == 0:
                    self.read(self.keys[turn * 7 % len(self.keys)])
                turn += 1
        except Exception as error:  # whatever it is, the test must hear of it
            self.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            self.answered_at.append(time.monotonic())
            self.client.close()

    def write(self, key):
        self.attempted[key] += 1
        number = self.attempted[key]
        commands = [("SET", key, value_of(key, number))] + ([("WAIT", 1, 500)] if self.durable else [])
        replies = self.client.execute_all(key, commands, self.deadline_s)
        self.answered_at.append(time.monotonic())
        # What only the primary has may die with it: replication is asynchronous.
        if self.durable and (not isinstance(replies[1], int) or replies[1] < 1):
            return
        self.acknowledged[key] = number

    def read(self, key):
        self.judge(key, self.client.execute(key, "GET", key, deadline_s=self.deadline_s))

    def judge(self, key, value):
        number = number_of(key, value)
        if number is None or number > self.attempted[key]:
            self.wrong.append(f"{key} is {value!r}, which was never written")
        elif number < self.acknowledged[key]:
            self.wrong.append(f"{key} is at write {number} of {self.attempted[key]}; {self.acknowledged[key]} was acknowledged")

    @property
    def longest_gap_s(self):
        """The longest time in which no write was taken."""
        times = self.answered_at
        return max(after - before for before, after in zip(times, times[1:]))


def value_of(key, number):
    return f"{key}={number}=" + "x" * (number % 200)


def number_of(key, value):
    """Which write a value is of; 0: none. None: no value of ours."""
    if value is None:
        return 0
    parts = value.split("=")
    if len(parts) != 3 or not parts[1].isdigit() or value != value_of(key, int(parts[1])):
        return None
    return int(parts[1])


class Checker:
    """A context: applications work inside of it. After it, `verify` judges. `durable`: a write counts as acknowledged when a
    replica has it as well; for tests that kill primaries. `deadline_s`: how long a client waits for an answer."""

    def __init__(self, cluster, threads=3, key_count=60, durable=False, deadline_s=20):
        self.cluster, self.name = cluster, f"check{next(numbers)}"
        self.workers = [Worker(f"{self.name}:{number}", cluster.client(), key_count, durable, deadline_s)
                        for number in range(threads)]

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_):
        for worker in self.workers:
            worker.ending.set()
        for worker in self.workers:
            worker.join(timeout=60 + worker.deadline_s)

    @property
    def written(self):
        return sum(sum(worker.acknowledged.values()) for worker in self.workers)

    @property
    def longest_gap_s(self):
        return max(worker.longest_gap_s for worker in self.workers)

    @property
    def errors(self):
        return [text for worker in self.workers for _, text in worker.client.errors]

    def verify(self):
        assert not any(worker.is_alive() for worker in self.workers), "a client hangs"
        assert self.written > 0, "nothing was written: this proves nothing"
        client = self.cluster.client()
        for worker in self.workers:
            for key in worker.keys:
                worker.judge(key, client.execute(key, "GET", key))
        client.close()
        wrong = [text for worker in self.workers for text in worker.wrong]
        assert not wrong, f"{len(wrong)} wrong: " + "; ".join(wrong[:10])
        self.verify_places()

    def verify_places(self):
        """Each key is on one primary only: nothing stays behind where slots have left."""
        seen = {}
        for shard in self.cluster.status()["shards"]:
            for key in self.cluster.admin(shard["primary"]["name"]).scan_iter(match=f"{self.name}:*", count=1000):
                seen.setdefault(key, []).append(shard["primary"]["name"])
        twice = {key: places for key, places in seen.items() if len(places) > 1}
        assert not twice, f"keys on two primaries: {twice}"
        known = {key for worker in self.workers for key in worker.keys}
        assert set(seen) <= known, f"keys that nobody wrote: {sorted(set(seen) - known)[:10]}"


class Fill:
    """Some keys that are written once, are on all replicas before a test goes on, and must all be there later."""

    def __init__(self, cluster, count=500, size_bytes=100):
        self.cluster, self.name = cluster, f"fill{next(numbers)}"
        self.values = {f"{self.name}:{number}": f"{number}" + "v" * size_bytes for number in range(count)}
        client = cluster.client()
        for key, value in self.values.items():
            client.execute(key, "SET", key, value)
        client.close()
        cluster.wait_replicated()

    def verify(self):
        client = self.cluster.client()
        wrong = [key for key, value in self.values.items() if client.execute(key, "GET", key) != value]
        client.close()
        assert not wrong, f"{len(wrong)} of {len(self.values)} keys are lost or wrong, such as {wrong[0]}"


def error_kinds(errors):
    """Errors by kind, for messages."""
    kinds = {}
    for text in errors:
        kinds[text.split(":")[0]] = kinds.get(text.split(":")[0], 0) + 1
    return kinds
