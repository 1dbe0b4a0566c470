"""The proxy of `keyway gen` as a Deployment: clients that know nothing of clusters, by its Service."""

import pytest
from generated import NAME, Generated, answers, replace
from kubectl import is_ready
from pods import PORT, PodCluster

from checker import Checker
from client import Client

PROXIES = "role=proxy"
SERVICE = f"redis-proxy-{NAME}"


class Behind(PodCluster):
    """A cluster whose clients have one address."""

    def __init__(self, made):
        made_pods = made.pods
        super().__init__(made.kubectl, made_pods.selector, made_pods.sharded, made_pods.user, made_pods.password, made_pods.administrator)
        self.address = made.service_address(SERVICE)

    def client(self):
        return Client(lambda: [(self.address, PORT)], False, self.user, self.password)


@pytest.fixture(name="made")
def with_proxy(cluster, kubectl, tmp_path):
    made = Generated(kubectl, cluster.images, tmp_path / "app", "cluster", "proxy=yes")
    made.wait_whole(6)
    made.kubectl.wait_ready(2, PROXIES)
    return made


def test_clients_go_on_by_the_service(made, kubectl):
    behind = Behind(made)
    with made.pods.connection(behind.address, PORT, behind.user, behind.password) as connection:
        kubectl.wait(lambda: answers(connection), "the Service to lead to a proxy")
        names = [f"key{number}" for number in range(100)]
        assert connection.mset({name: "1" for name in names}) and connection.mget(names) == ["1"] * 100
    with Checker(behind) as checker:
        replace(kubectl, made.primary_of("p1"), 180)
        kubectl.run("rollout", "restart", f"deployment/{SERVICE}")
        kubectl.run("rollout", "status", f"deployment/{SERVICE}", "--timeout=120s", deadline_s=150)
        kubectl.wait(lambda: sum(map(is_ready, kubectl.get("pods", selector=PROXIES))) == 2, "two proxies")
        made.wait_whole(6)
    checker.verify()
