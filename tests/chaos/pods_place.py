"""A cluster as it is in Kubernetes, without Kubernetes: agents with their servers, each on a host of its own, and a folder in place of the API server. What
the operator would do is done here."""

import contextlib
import shutil
import subprocess

from agents import CLUSTER, Pod, Pods
from local_place import WHOLE_DEADLINE_S, fill, nothing, stopped
from network import Network
from plan import pick
from router import Router
from waiting import wait_for

SAFE = ["appendonly yes", "appendfsync everysec", "min-replicas-to-write 1", "min-replicas-max-lag 5"]
SLOTS = 16384
DELAY_S, LOSS = 0.1, 0.2
DISK_BYTES = 192 << 20
READY_DEADLINE_S = 120
PRIMARY_SHARE = 0.7  # of the faults that hit a primary


class Host(Pod):
    """A pod with a network, a way to the registry and a disk of its own."""

    def __init__(self, pods, shard, index, port):
        super().__init__(pods, shard, index, port)
        self.number = pods.shards.index(shard) * (pods.replicas + 1) + index
        self.address = Network.address(self.number)
        self.prefix = Network.inside(self.number)
        self.registry = pods.folder / f"{self.name}.registry"
        self.reach_registry()

    def reach_registry(self):
        with contextlib.suppress(FileExistsError):
            self.registry.symlink_to(self.pods.registry)

    def lose_registry(self):
        self.registry.unlink(missing_ok=True)

    def client(self, **options):
        return super().client(**{"socket_timeout": 1, "socket_connect_timeout": 1, **options})

    def mount_disk(self):
        self.data.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(self.data)], check=True)

    def runs(self):
        return self.agent is not None and self.agent.poll() is None


class PodsPlace:
    """`options` as for LocalPlace. In sharded mode a fourth shard's pods come with scaling out, in replicated mode a fourth pod."""

    def __init__(self, engine, folder, ports, options):
        self.engine, self.folder, self.ports, self.mode = engine, folder, ports, options.mode
        self.sharded = self.mode == "sharded"
        self.shards = 3 if self.sharded else 1
        self.lines = SAFE if options.durability == "safe" else []
        self.network = self.pods = None
        self.names = ["p1", "p2", "p3"] if self.sharded else ["s"]
        self.wide, self.generation, self.config = False, 0, 0

    def __enter__(self):
        names = [*self.names, "p4"] if self.sharded else self.names
        self.network = Network(len(names) * 2 if self.sharded else 4)
        self.pods = Pods(self.engine, self.folder / "pods", self.ports, self.mode, names, 1 if self.sharded else 3, self.lines, kind=Host)
        self.pods.replicas = 1 if self.sharded else 2
        self.tell()
        for pod in self.pods.all:
            pod.mount_disk()
        for pod in self.wanted():
            pod.start()
        self.wait_whole()
        return self

    def __exit__(self, *_):
        self.network.mend()
        self.pods.end()
        for pod in self.pods.all:
            subprocess.run(["umount", "--lazy", str(pod.data)], check=False)

    def wanted(self):
        if self.sharded:
            return [pod for pod in self.pods.all if self.wide or pod.shard != "p4"]
        return [pod for pod in self.pods.all if self.wide or pod.index != 3]

    def lease(self):
        return f"redis-{CLUSTER}" if self.sharded else f"redis-partition-s-{CLUSTER}"

    def tell(self, **more):
        """What the operator wants."""
        self.generation += 1
        fields = {"partitions": sorted({pod.shard for pod in self.wanted()}), "replicas": 1} if self.sharded else {}
        self.pods.want(self.lease(), generation=self.generation, **fields, **more)

    def router(self):
        return Router(lambda: [(pod.address, pod.port) for pod in self.pods.all if pod.agent], self.sharded, "workload", "work")

    def wait_whole(self):
        try:
            wait_for(self.is_whole, "the cluster to be whole", WHOLE_DEADLINE_S)
        except AssertionError as error:
            raise AssertionError(f"{error}; the agents say {self.pods.story()}") from error

    def is_whole(self):
        if not all(pod.ready() for pod in self.wanted()):
            return False
        report = self.pods.report(self.lease())
        if report.get("generation") != self.generation or report.get("problems"):
            return False
        if self.sharded:
            return report["slots_served"] == SLOTS and set(report["shards"]) == {pod.shard for pod in self.wanted()} and all(
                shard["slots"] > 0 and shard["replicas_in_sync"] == 1 for shard in report["shards"].values())
        return len([pod for pod in self.wanted() if pod.is_primary()]) == 1

    def story(self):
        return str(self.pods.story())

    # What is done in order.

    def operations(self):
        return [("scale_out", "scale_in"), "rolling_restart", "switchover", "config_restart"]

    def scale_out(self, _):
        self.wide = True
        for pod in self.wanted():
            if not pod.runs():
                pod.start()
        self.tell()
        self.wait_whole()
        return True

    def scale_in(self, _):
        leaving = [pod for pod in self.wanted() if pod.shard == "p4" or pod.index == 3]
        self.wide = False
        self.tell()
        if self.sharded:
            wait_for(lambda: "p4" in self.pods.report(self.lease()).get("drained", []), "p4 to be drained", WHOLE_DEADLINE_S)
        for pod in leaving:
            pod.terminate()
            (self.pods.registry / "pods" / pod.name).unlink(missing_ok=True)
            empty(pod.data)
        return True

    def rolling_restart(self, _):
        """Replicas first, each when all of its shard are ready."""
        for shard in sorted({pod.shard for pod in self.wanted()}):
            some = [pod for pod in self.wanted() if pod.shard == shard]
            for pod in sorted(some, key=lambda pod: pod.is_primary()):
                wait_for(lambda peers=some: all(peer.ready() for peer in peers), f"the pods of {shard} to be ready", READY_DEADLINE_S)
                pod.terminate()
                pod.start()
        return True

    def config_restart(self, draws):
        self.config += 1
        text = self.pods.config.read_text().split("maxclients")[0]
        self.pods.config.write_text(f"{text}maxclients {5000 + self.config}\n")
        return self.rolling_restart(draws)

    def switchover(self, draws):
        shard = pick(sorted({pod.shard for pod in self.wanted()}), draws[0])
        to = pick([pod for pod in self.wanted() if pod.shard == shard and not pod.is_primary()], draws[1])
        self.tell(switchover={shard: to.name})
        wait_for(to.is_primary, f"{to.name} to be the primary", READY_DEADLINE_S)
        return True

    # What goes wrong.

    def faults(self):
        return ["kill_server", "kill_agent", "kill_pod", "stop_agent", "stop_server", "stop_pod", "cut_off", "cut_from_pods", "no_packets_in",
                "no_packets_out", "cut_from_registry", "delay", "loss", "full_disk", "lose_volume"]

    def victim(self, draws):
        """Mostly a primary."""
        wanted = [pod for pod in self.wanted() if pod.runs()]
        primaries = [pod for pod in wanted if pod.is_primary()]
        return pick(primaries if primaries and draws[2] < PRIMARY_SHARE else wanted, draws[0])

    def kill_server(self, draws):
        self.victim(draws).kill_server()
        return nothing

    def kill_agent(self, draws):
        pod = self.victim(draws)
        pod.agent.kill()
        pod.agent.wait()
        return lambda: pod.start(same_uid=True)

    def kill_pod(self, draws):
        pod = self.victim(draws)
        pod.kill()
        return pod.start

    def lose_volume(self, draws):
        pod = self.victim(draws)
        pod.kill()
        empty(pod.data)
        return pod.start

    def stop_agent(self, draws):
        return stopped(self.victim(draws).agent.pid)

    def stop_server(self, draws):
        return stopped(self.victim(draws).server_pid())

    def stop_pod(self, draws):
        pod = self.victim(draws)
        return stopped(pod.server_pid(), pod.agent.pid)

    def others(self, pod):
        return [other for other in self.pods.all if other is not pod]

    def cut_off(self, draws):
        """From everything, as when a node's network ends."""
        pod = self.victim(draws)
        pod.lose_registry()
        self.network.cut_from_clients(pod.number)
        for other in self.others(pod):
            self.network.cut(pod.number, other.number)
        return lambda: self.mend(pod)

    def cut_from_pods(self, draws):
        """Clients and registry still reach it."""
        pod = self.victim(draws)
        for other in self.others(pod):
            self.network.cut(pod.number, other.number)
        return lambda: self.mend(pod)

    def no_packets_in(self, draws):
        pod = self.victim(draws)
        for other in self.others(pod):
            self.network.drop(other.address, pod.number)
        return lambda: self.mend(pod)

    def no_packets_out(self, draws):
        pod = self.victim(draws)
        for other in self.others(pod):
            self.network.drop(pod.address, other.number)
        return lambda: self.mend(pod)

    def cut_from_registry(self, draws):
        pod = self.victim(draws)
        pod.lose_registry()
        return lambda: self.mend(pod)

    def delay(self, draws):
        pod = self.victim(draws)
        self.network.delay(pod.number, DELAY_S * (1 + draws[3]))
        return lambda: self.mend(pod)

    def loss(self, draws):
        pod = self.victim(draws)
        for other in self.others(pod):
            self.network.drop(other.address, pod.number, LOSS)
            self.network.drop(pod.address, other.number, LOSS)
        return lambda: self.mend(pod)

    def full_disk(self, draws):
        return fill(self.victim(draws).data / "ballast")

    def mend(self, pod):
        pod.reach_registry()
        self.network.mend()


def empty(folder):
    """All that is in it; it is a mount point itself."""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
