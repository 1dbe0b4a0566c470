"""`keyway up --proxy`: the first thing a newcomer does, and a proxy that stays whatever is killed."""

import json
import signal
import socket
import subprocess

import pytest
import redis

import processes
from keyway_home import BAD_INPUT, FAILED, NOT_THERE, PROGRAM
from waiting import wait_for

KEYS = ("AAA", "BBB", "CCC")


def proxy_of(cluster):
    return cluster.status()["proxy"]


def serving(cluster):
    """What the status says of the proxy, once it runs."""
    return wait_for(lambda: (proxy_of(cluster) or {}).get("health") == "ok" and proxy_of(cluster), f"the proxy of {cluster.name}")


def plain_client(cluster, **options):
    host, port = serving(cluster)["address"].rsplit(":", 1)
    return redis.Redis(host=host, port=int(port), decode_responses=True, socket_timeout=30, **options)


def words_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().decode().split("\0")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.every_engine
def test_the_first_thing_a_newcomer_does(home):
    cluster = home.up("first", "--proxy")
    said = home.run("up", "first", "--proxy", "--detach").stdout
    address = serving(cluster)["address"]
    assert f"Proxy at {address}" in said
    cli = [home.engine.program.replace("-server", "-cli"), "-p", address.rsplit(":", 1)[1]]
    for key in KEYS:
        done = subprocess.run([*cli, "set", key, "10"], capture_output=True, text=True, timeout=30, check=True)
        assert done.stdout == "OK\n"
    owners = {name for name, node in cluster.nodes().items() if node["role"] == "primary" and cluster.admin(name).dbsize()}
    assert len(owners) > 1, "the keys were to be in several shards"
    with plain_client(cluster) as client:
        assert client.mget(KEYS) == ["10", "10", "10"] and client.acl_whoami() == "workload"
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.config_get("maxmemory")


def test_no_password_is_on_a_command_line(home):
    cluster = home.up("secret", "--replicas", "0", "--proxy", "--detach")
    words = words_of(serving(cluster)["pid"])
    passwords = {cluster.password(user) for user in ("admin", "workload")}
    assert words[1] == "proxy" and not passwords & set(words)
    assert not any(password in cluster.log() for password in passwords)
    assert "listening at" in home.run("logs", "secret", "proxy").stdout


def test_its_log_is_bounded_and_top_knows_it_by_name(home):
    cluster = home.up("seen", "--replicas", "0", "--proxy", "--detach")
    words = words_of(serving(cluster)["pid"])
    assert words[words.index("--log-file") + 1].endswith("/clusters/seen/proxy/server.log")
    with plain_client(cluster) as client:
        assert client.set("AAA", "10")
    sample = json.loads(home.run("proxy", "top", "seen", "--once", "--json").stdout)
    assert sample["workers"] >= 1
    assert home.run("proxy", "map", "seen", code=FAILED).stderr.startswith("keyway: no translating proxy answers at 127.0.0.1:")
    home.up("bare", "--replicas", "0", "--detach")
    assert "the cluster bare has no proxy; `keyway up bare --proxy`" in home.run("proxy", "top", "bare", code=NOT_THERE).stderr


@pytest.mark.every_engine
def test_a_replicated_server_whose_primary_changes(home):
    cluster = home.up("plain", "--mode", "replicated", "--replicas", "2", "--proxy")
    with plain_client(cluster) as client:
        assert client.mset({key: "10" for key in KEYS})
        with client.pipeline(transaction=True) as pipeline:
            assert pipeline.incr("AAA").incr("BBB").execute() == [11, 11]
        before = cluster.primary()["name"]
        cluster.run("failover", "p1")
        assert cluster.primary()["name"] != before
        assert client.incr("AAA") == 12
        cluster.wait_ready()
        cluster.wait_replicated()
        cluster.kill(cluster.primary()["name"])
        assert client.get("AAA") == "12", "a read is sent again"
        assert client.set("CCC", "11") and client.mget(KEYS) == ["12", "11", "11"]


def test_a_killed_proxy_returns(home):
    cluster = home.up("killed", "--replicas", "0", "--proxy")
    with plain_client(cluster) as client:
        client.set("AAA", 10)
    first = serving(cluster)
    processes.kill_pid(first["pid"])
    again = wait_for(lambda: proxy_of(cluster)["pid"] not in (0, first["pid"]) and proxy_of(cluster), "another proxy")
    assert again["address"] == first["address"]
    with plain_client(cluster) as client:
        assert client.get("AAA") == "10"
    assert "the proxy does not run: killed by signal 9" in cluster.log()


def test_it_outlives_the_supervisor_and_is_taken_over(home):
    cluster = home.up("alone", "--replicas", "0", "--proxy")
    first = serving(cluster)
    with plain_client(cluster) as client:
        cluster.kill_supervisor()
        assert client.set("AAA", 10), "the connection stays"
        cluster.up()
        assert serving(cluster)["pid"] == first["pid"] and client.get("AAA") == "10"
    cluster.kill_supervisor()
    processes.kill_pid(first["pid"])
    cluster.up()
    assert serving(cluster)["address"] == first["address"]


@pytest.mark.parametrize("supervised", [True, False])
def test_down_ends_it(home, supervised):
    cluster = home.up("down", "--replicas", "0", "--proxy")
    pid = serving(cluster)["pid"]
    process = processes.process(pid)
    with plain_client(cluster) as client:
        client.set("AAA", 10)
        if not supervised:
            cluster.kill_supervisor()
        cluster.down()
    assert not processes.lives(process) and cluster.status()["proxy"]["health"] == "down"
    cluster.up()
    with plain_client(cluster) as client:
        assert client.get("AAA") == "10"
    cluster.down("--purge")
    assert not home.processes()


def test_two_clusters_have_two_proxies(home):
    one, two = (home.up(name, "--replicas", "0", "--proxy") for name in ("one", "two"))
    assert serving(one)["address"] != serving(two)["address"]
    for cluster in (one, two):
        with plain_client(cluster) as client:
            client.set("AAA", cluster.name)
    with plain_client(one) as client:
        assert client.get("AAA") == "one"
    port = serving(one)["address"].rsplit(":", 1)[1]
    assert f"port {port} belongs to cluster one" in home.error("up", "three", f"--proxy={port}", "--detach", code=FAILED)


def test_a_port_that_is_taken(home):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        said = home.error("up", "taken", f"--proxy={port}", "--detach", "--engine", home.engine.program, code=FAILED)
        assert f"port {port} is held by" in said and "--proxy=PORT" in said
    cluster = home.up("taken", f"--proxy={port}", "--replicas", "0")
    assert serving(cluster)["address"].endswith(f":{port}")
    cluster.down()
    with socket.create_server(("127.0.0.1", port)):
        said = cluster.up().stderr
        assert f"the proxy does not run: port {port} is held by" in said
        assert cluster.status()["state"] == "ready"
    assert serving(cluster)["pid"] != 0


def test_it_comes_goes_and_moves_while_the_cluster_runs(home):
    cluster = home.up("later", "--replicas", "0")
    assert proxy_of(cluster) is None
    cluster.up("--proxy")
    first = serving(cluster)
    port = free_port()
    cluster.up("--proxy", port)
    moved = serving(cluster)
    assert moved["address"] == f"127.0.0.1:{port}" and moved["pid"] != first["pid"]
    cluster.up("--no-proxy")
    assert proxy_of(cluster) is None
    wait_for(lambda: not any(words_of(process.pid)[1:2] == ["proxy"] for process in home.processes()), "the proxy to end")


def test_who_may_come_in_without_a_password(home):
    users = [{"name": "reader", "rules": "+@read +ping ~*"}, {"name": "writer", "rules": "+@all ~*"}]
    document = home.document("open", shards=2, replicas=0, users=users, proxy={"user": ""})
    home.run("up", "-f", "-", "--detach", text=document)
    cluster = home.cluster("open")
    with plain_client(cluster) as client, pytest.raises(redis.exceptions.AuthenticationError):
        client.get("AAA")
    with plain_client(cluster, username="writer", password=cluster.password("writer")) as client:
        assert client.set("AAA", 10)
    cluster.apply(shards=2, replicas=0, users=users, proxy={"user": "reader"})
    with plain_client(cluster) as client:
        assert client.get("AAA") == "10"
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.set("AAA", 11)
    home.run("apply", "-f", "-", text=home.document("open", shards=2, replicas=0, users=users, proxy={"user": "nobody"}), code=BAD_INPUT)
    assert json.loads(home.run("status", "open", "--json").stdout)["proxy"]["user"] == "reader"


def test_it_is_stopped_with_the_foreground(home, tmp_path):
    words = ["up", "front", "--replicas", "0", "--engine", home.engine.program, "--port", str(home.ports.take()), "--proxy"]
    with open(tmp_path / "out", "wb") as out:
        # pylint: disable-next=consider-using-with
        front = subprocess.Popen([PROGRAM, *words], env=home.environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    wait_for(lambda: (home.folder / "clusters" / "front" / "state.json").exists(), "the cluster")
    cluster = home.cluster("front")
    pid = serving(cluster)["pid"]
    process = processes.process(pid)
    front.send_signal(signal.SIGINT)
    assert front.wait(timeout=60) == 0 and not processes.lives(process)
