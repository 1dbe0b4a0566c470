"""Data that is gone, damaged or stale: no copy that is left is ever given up for an empty one."""

import shutil

import pytest
import redis

from checker import Fill
from keyway_home import BAD_INPUT, FAILED, TIMED_OUT
from waiting import wait_for


def saved(cluster):
    for node in cluster.nodes():
        cluster.admin(node).save()


def after_all_died(cluster, harm):
    """Everything is killed, `harm` is done, and the cluster is brought back."""
    saved(cluster)
    cluster.kill_all()
    harm()
    cluster.up()


@pytest.fixture(params=["sharded", "replicated"])
def cluster(request, shared, engine):
    return request.getfixturevalue(request.param)


def test_an_emptied_primary_under_a_supervisor_at_work(cluster):
    """The folder is emptied while the server runs: once it is killed, nothing is left of it but the replica's copy."""
    fill = Fill(cluster)
    old = cluster.primary("p1")["name"]
    cluster.empty(old)
    cluster.kill(old)
    cluster.wait_for(lambda status: status["state"] == "ready" and status["shards"][0]["primary"]["name"] != old,
                     "another primary")
    assert cluster.nodes()[old]["keys"] == cluster.primary("p1")["keys"] > 0
    fill.verify()


def test_all_nodes_died_and_the_primarys_folder_was_emptied(cluster):
    fill = Fill(cluster)
    old = cluster.primary("p1")["name"]
    after_all_died(cluster, lambda: cluster.empty(old))
    assert cluster.primary("p1")["name"] != old
    assert cluster.nodes()[old]["keys"] == cluster.primary("p1")["keys"] > 0
    fill.verify()


def test_a_whole_shard_died_and_the_primarys_folder_was_emptied_under_a_supervisor_at_work(cluster):
    """Whichever of them is started again first: the copy on the other one's disk must win."""
    fill = Fill(cluster)
    saved(cluster)
    old = cluster.primary("p1")["name"]
    before = cluster.primary("p1")["pid"]
    cluster.empty(old)
    cluster.kill(old, *[node["name"] for node in cluster.replicas("p1")])
    cluster.wait_for(lambda status: status["state"] == "ready" and status["shards"][0]["primary"]["pid"] != before,
                     "the shard's return")
    assert cluster.primary("p1")["name"] != old
    assert cluster.nodes()[old]["keys"] == cluster.primary("p1")["keys"] > 0
    fill.verify()


def test_all_nodes_died_and_a_replicas_folder_was_emptied(cluster):
    fill = Fill(cluster)
    primary, replica = cluster.primary("p1")["name"], cluster.replicas("p1")[0]["name"]
    after_all_died(cluster, lambda: cluster.empty(replica))
    assert cluster.primary("p1")["name"] == primary
    assert cluster.nodes()[replica]["keys"] == cluster.primary("p1")["keys"] > 0
    fill.verify()


def test_the_primarys_whole_folder_is_gone(cluster):
    fill = Fill(cluster)
    old = cluster.primary("p1")["name"]
    after_all_died(cluster, lambda: shutil.rmtree(cluster.data(old)))
    assert cluster.primary("p1")["name"] != old
    assert cluster.nodes()[old]["health"] == "ok"
    fill.verify()


def truncate(path):
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def fill_with_garbage(path):
    path.write_bytes(b"REDIS0011" + b"\xfe\x00\x07\x77" * 1000)


@pytest.mark.parametrize("damage", [truncate, fill_with_garbage], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("role", ["primary", "replica"])
def test_a_damaged_snapshot_is_replaced_by_the_other_copy(cluster, role, damage):
    fill = Fill(cluster)
    node = cluster.primary("p1")["name"] if role == "primary" else cluster.replicas("p1")[0]["name"]
    after_all_died(cluster, lambda: damage(cluster.data(node) / "dump.rdb"))
    cluster.wait_ready()
    assert cluster.nodes()[node]["role"] == "replica"
    assert cluster.nodes()[node]["keys"] == cluster.primary("p1")["keys"] > 0
    fill.verify()


def test_the_only_copy_cannot_be_loaded(home):
    """Nothing is deleted and nothing is started empty over it; when the file is mended, all is well."""
    cluster = home.up("only", "--shards", 1, "--replicas", 0)
    fill = Fill(cluster)
    saved(cluster)
    cluster.kill_all()
    dump = cluster.data("p1-0") / "dump.rdb"
    good = dump.read_bytes()
    truncate(dump)
    damaged = dump.read_bytes()
    cluster.up("--timeout", 4, code=TIMED_OUT)
    status = cluster.wait_for(lambda status: status["problems"] and status, "the problem")
    assert status["state"] != "ready"
    assert "p1-0" in str(status["problems"]) and "repair" in str(status["problems"])
    assert dump.read_bytes() == damaged
    dump.write_bytes(good)
    cluster.run("restart", "p1-0")
    assert cluster.status()["state"] == "ready"
    fill.verify()


def wait_for_record(cluster):
    """That there are keys is on record soon after."""
    wait_for(lambda: all(shard["held_data"] for shard in cluster.state()["shards"].values()), "the record of keys")


def asks_for(shard):
    def asks(status):
        return any(shard in problem["text"] and "--accept-data-loss" in problem["text"] for problem in status["problems"])
    return asks


def test_a_shard_of_which_nothing_is_left_asks_before_it_begins_empty(home):
    """Both folders of a shard are empty: a person has to say that it is lost; the other shard keeps its keys."""
    cluster = home.up("lost", "--shards", 2, "--replicas", 1)
    Fill(cluster)
    saved(cluster)
    kept = cluster.primary("p1")["keys"]
    wait_for_record(cluster)
    cluster.kill_all()
    for name in ("p2-0", "p2-1"):
        cluster.empty(name)
    cluster.up("--timeout", 4, code=TIMED_OUT)
    cluster.wait_for(asks_for("p2"), "the question")
    assert "--accept-data-loss" in home.error("recover", "lost", "p2", code=BAD_INPUT)
    assert "nothing to recover" in home.error("recover", "lost", "p1", "--accept-data-loss", code=FAILED)
    cluster.run("recover", "p2", "--accept-data-loss")
    assert cluster.status()["state"] == "ready"
    assert cluster.primary("p1")["keys"] == kept > 0
    assert cluster.primary("p2")["keys"] == 0
    Fill(cluster).verify()


def test_a_replicated_server_of_which_nothing_is_left_asks_too(home):
    cluster = home.up("lone", "--mode", "replicated", "--replicas", 1)
    Fill(cluster)
    saved(cluster)
    wait_for_record(cluster)
    supervisor = cluster.supervisor_pid()
    names = list(cluster.nodes())
    for name in names:
        cluster.empty(name)
    cluster.kill(*names)
    cluster.wait_for(asks_for("p1"), "the question")
    cluster.run("recover", "p1", "--accept-data-loss")
    assert cluster.status()["state"] == "ready" and cluster.primary("p1")["keys"] == 0
    assert cluster.supervisor_pid() == supervisor
    fill = Fill(cluster)
    saved(cluster)
    cluster.kill(*names)
    cluster.wait_ready()
    fill.verify()


def test_what_cannot_be_loaded_may_be_given_up(home):
    cluster = home.up("broken", "--shards", 1, "--replicas", 0)
    Fill(cluster)
    saved(cluster)
    wait_for_record(cluster)
    truncate(cluster.data("p1-0") / "dump.rdb")
    cluster.kill("p1-0")
    cluster.wait_for(asks_for("p1"), "the question")
    cluster.run("recover", "p1", "--accept-data-loss")
    assert cluster.status()["state"] == "ready"
    assert [path.name for path in cluster.data("p1-0").iterdir() if ".aside-" in path.name], "nothing is deleted"
    Fill(cluster).verify()


def test_a_server_that_saves_nothing_is_started_again_unasked(home):
    cluster = home.up("cache", "-f", "-", text=home.document("cache", shards=1, replicas=0, config={"save": ""}))
    Fill(cluster)
    before = cluster.primary("p1")["pid"]
    cluster.kill("p1-0")
    cluster.wait_for(lambda status: status["state"] == "ready" and status["shards"][0]["primary"]["pid"] != before, "its return")
    assert cluster.primary("p1")["keys"] == 0


def test_a_lost_node_table_is_written_anew(sharded):
    fill = Fill(sharded)
    before = {name: node["id"] for name, node in sharded.nodes().items()}
    lost = [sharded.primary("p1")["name"], sharded.replicas("p2")[0]["name"]]
    for name in lost:
        sharded.kill_supervisor()
        sharded.kill(name)
        (sharded.data(name) / "nodes.conf").unlink()
        sharded.up()
    assert {name: node["id"] for name, node in sharded.nodes().items()} == before
    fill.verify()


def test_all_node_tables_are_lost(sharded):
    fill = Fill(sharded)
    after_all_died(sharded, lambda: [(sharded.data(name) / "nodes.conf").unlink() for name in sharded.nodes()])
    assert [shard["slots"] for shard in sharded.status()["shards"]] == [[[0, 5461]], [[5462, 10922]], [[10923, 16383]]]
    fill.verify()


def test_an_old_node_table_is_not_believed(sharded):
    fill = Fill(sharded)
    old = sharded.primary("p1")["name"]
    table = sharded.data(old) / "nodes.conf"
    stale = table.read_text()
    sharded.run("failover", "p1")  # since then, it is a replica
    sharded.kill_supervisor()
    sharded.kill(old)
    table.write_text(stale)
    sharded.up()
    assert sharded.nodes()[old]["role"] == "replica"
    fill.verify()


def test_a_replica_that_was_reset_is_taken_in_again(sharded):
    fill = Fill(sharded)
    replica = sharded.replicas("p3")[0]
    sharded.admin(replica["name"]).execute_command("CLUSTER", "RESET", "HARD")
    sharded.wait_for(lambda status: status["state"] == "ready" and status["shards"][2]["replicas"][0]["id"] != replica["id"],
                     "the replica under another id")
    back = sharded.replicas("p3")[0]
    assert back["name"] == replica["name"] and back["keys"] == sharded.primary("p3")["keys"]
    ids = {node["id"] for node in sharded.nodes().values()}

    def known_to_all():
        return all({line.split()[0] for line in nodes_of(sharded, name)} == ids for name in sharded.nodes())

    wait_for(known_to_all, "the old id to be forgotten")
    fill.verify()


def nodes_of(cluster, name):
    connection = cluster.admin(name)
    connection.response_callbacks.pop("CLUSTER NODES", None)
    return connection.execute_command("CLUSTER NODES").splitlines()


def test_a_node_forgotten_by_hand_is_introduced_again(sharded):
    fill = Fill(sharded)
    nodes = sharded.nodes()
    forgotten = sharded.replicas("p1")[0]
    witness = sharded.admin(sharded.primary("p2")["name"])
    witness.execute_command("CLUSTER", "FORGET", forgotten["id"])

    def known():
        return any(line.startswith(forgotten["id"]) for line in nodes_of(sharded, sharded.primary("p2")["name"]))

    # A node that was forgotten is not listened to for a minute; only Keyway's introduction ends that.
    wait_for(known, "the node to be known again", 90)
    sharded.wait_ready()
    assert sharded.pids() == {name: node["pid"] for name, node in nodes.items()}
    fill.verify()


def test_keys_are_never_flushed_on_a_node_that_was_reset_softly(sharded):
    """A primary with keys refuses a reset; the cluster does not take it for empty either."""
    primary = sharded.primary("p1")["name"]
    fill = Fill(sharded)
    try:
        sharded.admin(primary).execute_command("CLUSTER", "RESET", "SOFT")
    except redis.ResponseError as error:
        assert "keys" in str(error)
    sharded.wait_ready()
    fill.verify()
