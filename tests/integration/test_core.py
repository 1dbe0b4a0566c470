"""The stories that must hold with every server version."""

import pytest

from checker import BRIEF_S, Checker, Fill
from waiting import wait_for

pytestmark = pytest.mark.every_engine


def test_a_new_cluster_is_whole_and_takes_keys(sharded, engine):
    status = sharded.status()
    assert status["state"] == "ready"
    assert status["engine"] == f"{engine.product} {engine.version}"
    assert [shard["slots"] for shard in status["shards"]] == [[[0, 5461]], [[5462, 10922]], [[10923, 16383]]]
    Fill(sharded, 100).verify()


def test_a_killed_primary_is_replaced_and_returns_as_a_replica(sharded):
    old = sharded.primary("p1")
    heir = sharded.replicas("p1")[0]
    with Checker(sharded, durable=True) as checker:
        sharded.kill(old["name"])
        sharded.wait_for(lambda status: status["shards"][0]["primary"] and
                         status["shards"][0]["primary"]["name"] == heir["name"], "the replica to take over")
        sharded.wait_ready()
    checker.verify()
    assert [node["name"] for node in sharded.replicas("p1")] == [old["name"]]
    assert checker.longest_gap_s < BRIEF_S


def test_an_emptied_primary_returns_as_a_replica_with_the_data(sharded):
    fill = Fill(sharded)
    for shard in ("p1", "p2"):
        old = sharded.primary(shard)
        keys = old["keys"]
        assert sharded.admin(old["name"]).save()  # so that there is something to be lost
        # The folder must be empty when the server is started again, so nobody may start it meanwhile.
        sharded.kill_supervisor()
        sharded.kill(old["name"])
        assert sharded.empty(old["name"])
        sharded.up()
        back = sharded.nodes()[old["name"]]
        assert (back["role"], back["health"]) == ("replica", "ok")
        assert back["keys"] >= keys > 0
    fill.verify()


def test_shards_come_and_go_without_a_lost_key(sharded):
    fill = Fill(sharded)
    before = sharded.state()["spec"]
    even = [("p1", ["0-5461"]), ("p2", ["5462-10922"]), ("p3", ["10923-16383"])]
    four = [("p1", ["0-5411"]), ("p2", ["5462-10922"]), ("p3", ["10923-16333"]), ("p4", ["5412-5461", "16334-16383"])]
    with Checker(sharded) as checker:
        sharded.apply(shards=[{"name": name, "slots": slots} for name, slots in four])
        assert sharded.shards()["p4"]["slots"] == [[5412, 5461], [16334, 16383]]
        assert sharded.primary("p4")["keys"] > 0
        sharded.apply(shards=[{"name": name, "slots": slots} for name, slots in even])
        sharded.run("apply", "-f", "-", text=before)
    checker.verify()
    fill.verify()
    assert [shard["slots"] for shard in sharded.status()["shards"]] == [[[0, 5461]], [[5462, 10922]], [[10923, 16383]]]
    assert len(sharded.nodes()) == 6


def test_a_rolling_restart_loses_no_write(sharded):
    before = sharded.pids()
    with Checker(sharded) as checker:
        sharded.run("restart", "--rolling")
    checker.verify()
    after = sharded.pids()
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert checker.longest_gap_s < BRIEF_S


def test_a_replicated_server_fails_over(replicated):
    old = replicated.primary()
    with Checker(replicated, durable=True) as checker:
        replicated.kill(old["name"])
        heir = replicated.wait_for(lambda status: status["shards"][0]["primary"] and
                                   status["shards"][0]["primary"]["name"] != old["name"] and
                                   status["shards"][0]["primary"], "another primary")
        replicated.wait_ready()
    checker.verify()
    assert checker.longest_gap_s < BRIEF_S
    assert old["name"] in [node["name"] for node in replicated.replicas()]
    assert wait_for(lambda: replicated.admin(heir["name"]).info("replication")["connected_slaves"] == 2, "two replicas")


def test_an_emptied_replicated_primary_returns_as_a_replica_with_the_data(replicated):
    fill = Fill(replicated)
    old = replicated.primary()
    assert replicated.admin(old["name"]).save()  # so that there is something to be lost
    replicated.kill_supervisor()
    replicated.kill(old["name"])
    assert replicated.empty(old["name"])
    replicated.up()
    back = replicated.nodes()[old["name"]]
    assert (back["role"], back["health"]) == ("replica", "ok")
    assert back["keys"] >= len(fill.values)
    fill.verify()


def test_a_cluster_stopped_in_order_keeps_everything(sharded):
    with Checker(sharded) as checker:
        wait_for(lambda: checker.written > 500, "some writes")
    sharded.down()
    assert not sharded.home.processes()
    sharded.up()
    checker.verify()
