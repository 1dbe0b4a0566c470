"""The spec changes while applications are at work: nothing acknowledged is lost, and no one waits for long."""

from checker import BRIEF_S, Checker, Fill, error_kinds
from keyway_home import BAD_INPUT
from waiting import wait_for


def test_shards_are_added_and_taken_away(home):
    """Slots move by the thousand here; without replicas, whose consent Valkey asks for each slot, this takes seconds."""
    cluster = home.up("wide", "--shards", 3, "--replicas", 0)
    fill = Fill(cluster, 2000)
    with Checker(cluster) as checker:
        cluster.run("scale", "--shards", 5)
        assert [sum(last - first + 1 for first, last in shard["slots"]) for shard in cluster.status()["shards"]] == [
            3277, 3277, 3277, 3277, 3276]
        cluster.run("scale", "--shards", 2)
    checker.verify()
    fill.verify()
    assert [shard["name"] for shard in cluster.status()["shards"]] == ["p1", "p2"]
    assert len(cluster.home.processes()) == 3  # two servers and the supervisor
    assert sorted(path.name for path in (cluster.folder / "nodes").iterdir()) == ["p1-0", "p2-0"]
    assert checker.longest_gap_s < BRIEF_S, error_kinds(checker.errors)


def test_replicas_are_added_and_taken_away(sharded):
    fill = Fill(sharded)
    with Checker(sharded) as checker:
        for count in (2, 0, 1):
            sharded.run("scale", "--replicas", count)
            assert [len(shard["replicas"]) for shard in sharded.status()["shards"]] == [count] * 3
    checker.verify()
    fill.verify()
    assert checker.longest_gap_s < BRIEF_S, error_kinds(checker.errors)


def test_partitions_of_their_own_sizes(home):
    """Named shards with slots and replicas of their own; then slots move from one to the other, and one leaves."""
    def shards(*some):
        return [{"name": name, "replicas": replicas, "slots": slots} for name, replicas, slots in some]

    cluster = home.up("parts", "-f", "-", port=0, text=home.document("parts", local={"port": home.ports.take()}, shards=shards(
        ("hot", 2, ["0-999", "16383"]), ("warm", 1, ["1000-9000"]), ("cold", 0, ["9001-16382"]))))
    found = cluster.shards()
    assert {name: shard["slots"] for name, shard in found.items()} == {
        "hot": [[0, 999], [16383, 16383]], "warm": [[1000, 9000]], "cold": [[9001, 16382]]}
    assert {name: len(shard["replicas"]) for name, shard in found.items()} == {"hot": 2, "warm": 1, "cold": 0}
    fill = Fill(cluster)
    with Checker(cluster) as checker:
        cluster.apply(shards=shards(("hot", 1, ["0-899", "16383"]), ("warm", 1, ["900-8990"]), ("cold", 1, ["8991-16382"])))
        assert cluster.shards()["cold"]["slots"] == [[8991, 16382]]
        cluster.apply(shards=shards(("hot", 0, ["0-899"]), ("warm", 0, ["900-8990"]), ("cold", 0, ["8991-16383"])))
    checker.verify()
    fill.verify()
    cluster.apply(code=BAD_INPUT, shards=shards(("hot", 1, ["0-900"]), ("warm", 1, ["900-9000"]), ("cold", 0, ["9001-16383"])))
    assert cluster.shards()["hot"]["slots"] == [[0, 899]]


def test_a_parameter_is_changed_live(sharded):
    before = sharded.pids()
    with Checker(sharded) as checker:
        sharded.apply(shards=3, replicas=1, memory="64Mi", config={"maxmemory-policy": "allkeys-lru"})
    checker.verify()
    assert not checker.errors
    assert sharded.pids() == before
    for name in before:
        assert sharded.admin(name).config_get("maxmemory*")["maxmemory-policy"] == "allkeys-lru"
        assert int(sharded.admin(name).config_get("maxmemory")["maxmemory"]) == 64 * 1024 * 1024
        assert "maxmemory-policy allkeys-lru" in (sharded.data(name) / "redis.conf").read_text()


def test_a_parameter_that_is_no_longer_said_goes_back_to_its_default(sharded):
    sharded.apply(shards=3, replicas=1, config={"maxmemory-policy": "allkeys-lru"})
    with Checker(sharded) as checker:
        sharded.apply(shards=3, replicas=1)
    checker.verify()
    for name in sharded.nodes():
        assert sharded.admin(name).config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    assert checker.longest_gap_s < BRIEF_S, error_kinds(checker.errors)


def test_a_parameter_that_needs_a_restart(sharded):
    before = sharded.pids()
    with Checker(sharded) as checker:
        sharded.apply(shards=3, replicas=1, config={"io-threads": "2"})
    checker.verify()
    assert not set(before.values()) & set(sharded.pids().values())
    for name in before:
        assert sharded.admin(name).config_get("io-threads")["io-threads"] == "2"
    assert checker.longest_gap_s < BRIEF_S, error_kinds(checker.errors)


def test_a_rolling_restart_leaves_each_shard_a_copy(replicated):
    """At no look is there more than one node away, or no primary. After a handover all others ask the new primary at once for what they
    miss: those are there."""
    seen = []
    there = ("ok", "syncing", "disconnected")

    def look():
        status = replicated.status()
        shard = status["shards"][0]
        seen.append(sum(node["health"] not in there for node in [shard["primary"] or {"health": "none"}, *shard["replicas"]]))
        return status["state"] == "ready" and "restart" not in " ".join(status["doing"])

    before = replicated.pids()
    replicated.run("restart", "--rolling", "--no-wait")
    wait_for(lambda: look() and not set(before.values()) & set(replicated.pids().values()), "all to be restarted")
    assert max(seen) <= 1, seen


def test_a_parameter_that_servers_do_not_know_is_refused(sharded):
    before = sharded.state()["spec"]
    said = sharded.apply(shards=3, replicas=1, config={"maxmemory-polizy": "allkeys-lru"}, code=BAD_INPUT)
    assert "spec.config.maxmemory-polizy" in said.stderr
    said = sharded.apply(shards=3, replicas=1, config={"maxmemory-policy": "sometimes"}, code=BAD_INPUT)
    assert "spec.config.maxmemory-policy" in said.stderr
    assert sharded.state()["spec"] == before
    assert sharded.wait_ready()
