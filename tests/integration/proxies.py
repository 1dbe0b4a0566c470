"""`keyway proxy` as a process under test, and the clusters it stands before."""

import contextlib
import signal
import subprocess
import urllib.request

import redis

import processes
from keyway_home import PROGRAM
from waiting import wait_for


PROXY_PORT = 20  # of the ports of a set of servers


class Proxy:
    """The program, listening at `port` and, for its metrics, at the next."""

    def __init__(self, folder, port, *words, environment=None):
        self.folder, self.port, self.metrics_port = folder, port, port + 1
        self.words, self.environment, self.process = words, environment, None
        self.start()

    def start(self):
        words = ["proxy", "--listen", f"127.0.0.1:{self.port}", "--metrics", f"127.0.0.1:{self.metrics_port}", *self.words]
        with open(self.folder / "proxy.log", "ab") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen([PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        wait_for(self.is_ready, "the proxy to be ready")

    def is_ready(self):
        try:
            return self.get("readyz") == "ok\n"
        except OSError:
            return False

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/{path}", timeout=5) as answer:
            return answer.read().decode()

    def client(self, **options):
        return redis.Redis(host="127.0.0.1", port=self.port, decode_responses=True, **{"socket_timeout": 30, **options})

    def kill(self):
        processes.kill_pid(self.process.pid)
        self.process.wait()

    def end(self):
        """As an init system ends it; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def start_proxy(servers, *flags, seeds=None):
    return Proxy(servers.folder, servers.port(PROXY_PORT), *flags, *(seeds or [servers.address(0)]))


@contextlib.contextmanager
def ended(proxy):
    """Ends it after use, as an init system does."""
    try:
        yield proxy
    finally:
        assert proxy.end() == 0


def proxy_before(servers, *flags, **options):
    return ended(start_proxy(servers, *flags, **options))


def proxy_of(cluster, *flags):
    """Before a cluster that Keyway keeps, for clients that do not log in."""
    home = cluster.home
    return ended(Proxy(home.folder, home.ports.take(), "--open", *flags, cluster.name, environment=home.environment()))


def whole_cluster(make_servers, count, replicas=0, lines=()):
    """`count` servers as one cluster, in sync."""
    made = make_servers(count, lines)
    made.cli("--cluster", "create", *made.addresses(range(count)), "--cluster-replicas", replicas, "--cluster-yes")
    wait_for(lambda: all("cluster_state:ok" in made.cli("-p", made.port(number), "CLUSTER", "INFO") for number in range(count)),
             "the cluster to be whole")
    made.wait_in_sync(range(count))
    return made


def replicas_of(servers):
    return [number for number in sorted(servers.started) if servers.node(number).info("replication")["role"] == "slave"]


def epoch_of(server):
    return int(server.execute_command("CLUSTER INFO")["cluster_current_epoch"])


def hand_over(servers, number, attempts=5, attempt_s=6):
    """Makes a replica the primary. Where the other primaries do not vote in time it comes to nothing, and is asked for again: nobody votes
    twice in an epoch, so all are to have heard of the last one."""
    wait_for(lambda: len({epoch_of(servers.node(other)) for other in servers.started}) == 1, "all to have heard of the latest epoch")
    for attempt in range(attempts):
        servers.cli("-p", servers.port(number), "CLUSTER", "FAILOVER")
        try:
            return wait_for(lambda: number not in replicas_of(servers), f"server {number} to be primary", attempt_s)
        except AssertionError:
            if attempt + 1 == attempts:
                raise
    return None
