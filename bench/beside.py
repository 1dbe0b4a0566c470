"""A client that works beside a move: it reads and writes keys of the whole cluster one after another, follows MOVED and ASK, and measures how long
each request took. A process of its own, ahead of others in the queue for a processor where that is allowed: what it measures shall be the servers."""

import contextlib
import gc
import math
import multiprocessing
import os
import random
import time

from resp import ReplyError, slot_of

PAUSE_S = 0.001
REDIRECTS = 16
PRIORITY = -15


class Beside:
    """Works from `with` to its end; then `p99_ms`, `max_ms` and `requests` are there. RuntimeError if a request failed or found no value."""

    def __init__(self, cluster, key_count):
        self.cluster = cluster
        self.key_count = key_count
        self.process = None
        self.p99_ms = self.max_ms = 0.0
        self.requests = 0

    def __enter__(self):
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(self.cluster, self.key_count, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.pipe.recv()  # it is at work
        return self

    def __exit__(self, kind, value, trace):
        del value, trace
        failed = kind is not None
        if not failed:
            with contextlib.suppress(BrokenPipeError):  # it has failed, and says so
                self.pipe.send("end")
            outcome = self.pipe.recv()
        else:
            self.process.terminate()
        self.process.join()
        self.pipe.close()
        if not failed:
            self.take(outcome)

    def take(self, outcome):
        if isinstance(outcome, str):
            raise RuntimeError(f"the client beside the move: {outcome}")
        outcome.sort()
        self.requests = len(outcome)
        self.p99_ms = outcome[max(0, math.ceil(len(outcome) * 0.99) - 1)] * 1000
        self.max_ms = outcome[-1] * 1000


def work(cluster, key_count, pipe):
    try:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    except PermissionError:
        pass  # then the figures are a little worse for everybody
    gc.disable()
    try:
        requester = Requester(cluster)
        times_s = []
        pipe.send("working")
        while not pipe.poll():
            begin_s = time.perf_counter()
            requester.request(f"key:{random.randrange(key_count)}", len(times_s) % 4 == 0)
            times_s.append(time.perf_counter() - begin_s)
            time.sleep(PAUSE_S)
        pipe.send(times_s)
    except Exception as error:  # whatever it is, the benchmark is to end with it
        pipe.send(f"{type(error).__name__}: {error}")


class Requester:
    def __init__(self, cluster):
        self.owner = cluster.owners()
        self.indices = {f"{host}:{port}": index for index, (host, port) in enumerate(cluster.places)}
        self.clients = [cluster.connect(index) for index in range(len(cluster.places))]
        self.value = None

    def request(self, key, writes):
        slot = slot_of(key)
        index, asking = self.owner[slot], False
        for _ in range(REDIRECTS):
            client = self.clients[index]
            words = ("SET", key, self.value) if writes and self.value else ("GET", key)
            reply = client.pipeline([("ASKING",), words])[1] if asking else client.call(*words)
            if not isinstance(reply, ReplyError):
                self.check(key, words[0], reply)
                return
            kind, _, place = (reply.split() + ["", ""])[:3]
            if kind not in ("MOVED", "ASK"):
                raise RuntimeError(f"{words[0]} {key}: {reply}")
            index, asking = self.indices[place], kind == "ASK"
            if kind == "MOVED":
                self.owner[slot] = index
        raise RuntimeError(f"{key}: sent on {REDIRECTS} times")

    def check(self, key, command, reply):
        if reply is None:
            raise RuntimeError(f"{key} has no value")
        if command == "GET":
            self.value = reply
