"""Redis in pods, for the checker: what it asks of a cluster, answered by way of the pods' addresses, where clients in the cluster
reach them, too."""

import threading
import time

import redis

from client import Client
from kubectl import address_of

PORT = 6379
# Clients that have lost their way ask for the pods at once; the API server is asked only so often.
OLD_S = 1


class PodCluster:
    """The pods that `selector` chooses. `sharded`: they are a cluster by protocol. `user` is whom applications log in as, and `admin`
    the (user, password) for looking at servers. May be used by several threads."""

    def __init__(self, kubectl, selector, sharded=True, user=None, password=None, admin=(None, None)):
        self.kubectl, self.selector, self.sharded = kubectl, selector, sharded
        self.user, self.password, self.administrator = user, password, admin
        self.lock, self.looked_at, self.found = threading.Lock(), None, []

    def addresses(self):
        """(host, port) of all pods that have one."""
        with self.lock:
            if self.looked_at is None or time.monotonic() - self.looked_at > OLD_S:
                pods = self.kubectl.get("pods", selector=self.selector)
                self.found = [(address_of(pod), PORT) for pod in pods if pod.get("status", {}).get("podIP")]
                self.looked_at = time.monotonic()
            return self.found

    def client(self):
        return Client(self.addresses, self.sharded, self.user, self.password)

    def admin(self, host):
        """A connection to one server; servers are named by their address here."""
        return self.connection(host, PORT, *self.administrator)

    @staticmethod
    def connection(host, port, user, password):
        return redis.Redis(host=host, port=port, username=user, password=password, decode_responses=True, socket_timeout=5)

    def nodes(self):
        """The lines of CLUSTER NODES as the first pod sees them, by id, as lists of fields."""
        lines = self.admin(self.addresses()[0][0]).execute_command("CLUSTER", "NODES").splitlines()
        return {line.split()[0]: line.split() for line in lines}

    def primaries(self):
        """The addresses of the servers that take writes."""
        if not self.sharded:
            return [host for host, _ in self.addresses() if self.admin(host).info("replication")["role"] == "master"]
        return [fields[1].partition(":")[0] for fields in self.nodes().values() if "master" in fields[2] and len(fields) > 8]

    def status(self):
        return {"shards": [{"primary": {"name": host}} for host in self.primaries()]}
