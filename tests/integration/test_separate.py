"""Clusters of other names, and other state homes, do not meet."""

from keyway_home import BAD_INPUT


def test_two_clusters_of_one_home_do_not_meet(home):
    one = home.up("one", "--shards", 1, "--replicas", 1)
    two = home.up("two", "--shards", 1, "--replicas", 1)
    assert [entry["name"] for entry in home.json("ls")["clusters"]] == ["one", "two"]
    assert not set(one.addresses()) & set(two.addresses())
    assert one.password("admin") != two.password("admin")
    one.client().execute("key", "SET", "key", "one")
    two.client().execute("key", "SET", "key", "two")
    assert one.client().execute("key", "GET", "key") == "one"
    known = one.admin("p1-0").execute_command("CLUSTER INFO")["cluster_known_nodes"]
    assert known == "2"
    said = home.error("status", code=BAD_INPUT)
    assert "one" in said and "two" in said
    before = two.pids()
    one.kill("p1-0")
    one.wait_ready()
    one.down("--purge")
    assert two.pids() == before
    two.wait_ready()
    assert two.client().execute("key", "GET", "key") == "two"


def test_two_homes_do_not_meet(make_home, engine):
    homes = [make_home(engine), make_home(engine)]
    try:
        # The second one is not told a port: it must find others than the first one's by itself.
        first = homes[0].up("same", "--shards", 1, "--replicas", 0)
        second = homes[1].up("same", "--shards", 1, "--replicas", 0, port=0)
        assert not set(first.addresses()) & set(second.addresses())
        assert first.password("admin") != second.password("admin")
        assert [entry["name"] for entry in homes[0].json("ls")["clusters"]] == ["same"]
        first.client().execute("key", "SET", "key", "first")
        assert second.client().execute("key", "GET", "key") is None
        first.down("--purge")
        assert second.status()["state"] == "ready"
    finally:
        for home in homes:
            home.end()


def test_a_second_supervisor_is_refused(sharded):
    before = sharded.supervisor_pid()
    said = sharded.home.error("supervise", sharded.name, code=1)
    assert str(before) in said
    assert sharded.supervisor_pid() == before
