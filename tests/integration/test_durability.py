"""`durability: safe`: what the servers run with, that they refuse writes nobody else has, and who may take over."""

import pytest
import redis

from checker import Fill
from keyway_home import BAD_INPUT
from waiting import wait_for

SAFE = {"appendonly": "yes", "appendfsync": "everysec", "min-replicas-to-write": "1", "min-replicas-max-lag": "5"}


def make(home, name, **fields):
    return home.up(name, "-f", "-", text=home.document(name, shards=1, durability="safe", **fields))


def running_with(cluster, node):
    return {name: cluster.admin(node).config_get(name)[name] for name in SAFE}


@pytest.fixture(params=["sharded", "replicated"])
def safe(request, home):
    return make(home, "safe", mode=request.param, replicas=1)


def wait_accepts(cluster):
    """A server counts its good replicas once a second, so a new one may still refuse writes."""
    def accepts():
        try:
            return cluster.admin(cluster.primary()["name"]).set("first", "1")
        except redis.ResponseError as error:
            if "NOREPLICAS" in str(error):
                return False
            raise

    wait_for(accepts, "the first write to be accepted")


def test_a_primary_without_its_replica_takes_no_writes(safe):
    wait_accepts(safe)
    assert all(running_with(safe, node) == SAFE for node in safe.nodes())
    primary = safe.admin(safe.primary()["name"])
    assert primary.set("AAA", "1")
    safe.kill_supervisor()
    safe.kill(safe.replicas()[0]["name"])

    def refuses():
        try:
            primary.set("AAA", acknowledged[-1] + 1)
            acknowledged.append(acknowledged[-1] + 1)
            return False
        except redis.ResponseError as error:
            return "NOREPLICAS" in str(error)

    acknowledged = [1]
    wait_for(refuses, "the primary to refuse writes")
    assert primary.get("AAA") == str(acknowledged[-1])
    safe.up()
    wait_accepts(safe)
    assert safe.admin(safe.primary()["name"]).set("AAA", "3")


def test_a_lost_primary_is_replaced_by_the_replica_that_kept_up(safe):
    wait_accepts(safe)
    fill = Fill(safe)
    safe.wait_replicated()
    old = safe.primary()["name"]
    safe.kill(old)
    safe.wait_for(lambda status: status["state"] == "ready" and status["shards"][0]["primary"]["name"] != old, "another primary")
    fill.verify()


def test_a_running_cluster_becomes_safe_and_back(home):
    cluster = home.up("change", "--shards", 1, "--replicas", 1)
    fill = Fill(cluster)
    pids = cluster.pids()
    cluster.apply(shards=1, durability="safe")
    assert all(running_with(cluster, node) == SAFE for node in cluster.nodes())
    cluster.apply(shards=1)
    taken_back = {**SAFE, "appendonly": "no", "min-replicas-to-write": "0", "min-replicas-max-lag": "10"}
    assert all(running_with(cluster, node) == taken_back for node in cluster.nodes())
    assert cluster.pids() == pids, "nothing had to be restarted"
    fill.verify()


def test_what_contradicts_it_is_refused(home):
    wrong = home.document("wrong", replicas=1, durability="safe", config={"appendonly": "no"})
    assert "spec.config.appendonly" in home.error("up", "wrong", "-f", "-", code=BAD_INPUT, text=wrong)
    alone = home.document("alone", replicas=0, durability="safe")
    assert "no replica" in home.error("up", "alone", "-f", "-", code=BAD_INPUT, text=alone)
