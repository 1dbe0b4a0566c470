"""Looks at a cluster from outside, in the same way whoever made it: do all servers say ok, does each shard take a write, are replicas in sync."""

import time

from clusters import StartFailed, keys_of_shards
from report import tell
from resp import Poller, ReplyError, slot_of

POLL_S = 0.02
CREATE_TIMEOUT_S = 180
ATTEMPTS = 4


class Watch:
    """Polls all servers of a cluster over kept connections. One pass of 30 servers costs some 3 ms."""

    def __init__(self, cluster, sharded=True):
        self.cluster = cluster
        self.sharded = sharded
        self.poller = Poller()
        self.keys = keys_of_shards(slot_of, cluster.shards) if sharded else ["bench:0"]
        self.roles = {}  # port: its ROLE reply, of the last look
        self.answering = 0
        self.all_ok = False

    def look(self):
        commands = [("ROLE",), ("CLUSTER", "INFO")] if self.sharded else [("ROLE",)]
        answers = self._ask({port: commands for port in self.cluster.ports})
        whole = {port: reply for port, reply in answers.items() if reply and not any(isinstance(r, ReplyError) for r in reply)}
        self.roles = {port: reply[0] for port, reply in whole.items()}
        self.answering = len(whole)
        self.all_ok = len(whole) == len(self.cluster.ports) and (
            not self.sharded or all("cluster_state:ok" in reply[1] for reply in whole.values()))

    def _ask(self, questions):
        return self.poller.ask(questions, self.cluster.password)

    def in_sync(self):
        """All replicas that there shall be are in the stream of their primaries (master_link_status:up)."""
        replicas = [role for role in self.roles.values() if role[0] == "slave"]
        return (len(replicas) == self.cluster.shards * self.cluster.replicas and self.answering == len(self.cluster.ports)
                and all(role[3] == "connected" for role in replicas))

    def writable(self):
        """Every server says ok, and the owner of each shard's key takes a write."""
        if not self.all_ok:
            return False
        owners = self.owners()
        if owners is None:
            return False
        questions = {}
        for key, port in zip(self.keys, owners):
            questions.setdefault(port, []).append(("SET", key, "written"))
        answers = self._ask(questions)
        return all(reply is not None and all(r == "OK" for r in reply) for reply in answers.values())

    def owners(self):
        """The port of each key's primary; None while the first server knows of none."""
        if not self.sharded:
            primaries = [port for port, role in self.roles.items() if role[0] == "master"]
            return primaries if len(primaries) == 1 else None
        first = self.cluster.ports[0]
        reply = self._ask({first: [("CLUSTER", "SLOTS")]})[first]
        if reply is None or isinstance(reply[0], ReplyError):
            return None
        found = [[part[2][1] for part in reply[0] if part[0] <= slot_of(key) <= part[1]] for key in self.keys]
        return [ports[0] for ports in found] if all(found) else None

    def whole(self):
        self.look()
        return self.in_sync() and self.writable()

    def close(self):
        self.poller.close()


def create(make, sharded=True):
    """The cluster that `make()` describes, launched, with its times. One that could not even be started is given up for another."""
    for attempt in range(1, ATTEMPTS + 1):
        cluster = make()
        try:
            return cluster, time_creation(cluster, sharded)
        except StartFailed as error:
            cluster.close()
            if attempt == ATTEMPTS:
                raise
            tell(f"  once more with other ports: {error}")
        except BaseException:
            cluster.close()
            raise
    raise AssertionError("unreachable")


def time_creation(cluster, sharded):
    """Launches the cluster and gives, in seconds from then: `writable_s`, `in_sync_s` (and writable), `returned_s` (the command)."""
    watch = Watch(cluster, sharded)
    times = {}
    begin_s = time.monotonic()
    cluster.launch()
    try:
        while len(times) < 3:
            watch.look()
            cluster.advance(watch.answering)
            now_s = time.monotonic() - begin_s
            if "writable_s" not in times and watch.writable():
                times["writable_s"] = time.monotonic() - begin_s
            if "in_sync_s" not in times and "writable_s" in times and watch.in_sync():
                times["in_sync_s"] = time.monotonic() - begin_s
            if "returned_s" not in times and cluster.process is not None and cluster.process.poll() is not None:
                times["returned_s"] = now_s
            if now_s > CREATE_TIMEOUT_S:
                raise TimeoutError(f"the cluster was not whole after {CREATE_TIMEOUT_S} s; so far {times}:\n{cluster.log()}")
            time.sleep(max(0.0, POLL_S - (time.monotonic() - begin_s - now_s)))
    finally:
        watch.close()
    return times
