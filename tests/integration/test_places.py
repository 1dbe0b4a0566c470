"""Where a cluster may live: other addresses, long paths."""

import socket

import pytest

from checker import Checker, Fill
from keyway_home import Home


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("fields", [{"shards": 3, "replicas": 1}, {"mode": "replicated", "replicas": 1}],
                         ids=["sharded", "replicated"])
def test_on_ipv6(home, fields):
    cluster = home.up("six", "-f", "-", port=0, text=home.document("six", **fields, local={
        "host": "::1", "port": home.ports.take()}))
    assert all(node["address"].startswith("[::1]:") for node in cluster.nodes().values())
    fill = Fill(cluster, 100)
    old = cluster.primary("p1")["name"]
    with Checker(cluster, durable=True) as checker:
        cluster.kill(old)
        cluster.wait_for(lambda status: status["state"] == "ready" and status["shards"][0]["primary"]["name"] != old,
                         "another primary")
        cluster.run("restart", "--rolling")
    checker.verify()
    fill.verify()
    assert cluster.run("exec", "p1-0", "--", f"{home.engine.product}-cli", "ping").stdout.strip() == "PONG"


def test_in_a_home_with_a_long_path_and_blanks(make_home, base_folder, engine):
    ports = make_home(engine).ports
    home = Home(base_folder / ("a long path, " * 3).strip() / ("with many letters " * 6).strip(), engine, ports)
    home.folder.parent.mkdir(exist_ok=True)
    try:
        cluster = home.up("long", "--shards", 1, "--replicas", 1)
        Fill(cluster, 50).verify()
        cluster.kill_supervisor()
        cluster.up()
        cluster.run("failover", "p1")
        cluster.down("--purge")
    finally:
        home.end()
