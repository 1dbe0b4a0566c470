"""`keyway proxy` with a configuration file: what it says, what SIGHUP changes under clients that are there, and the limits."""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import time

import pytest
import redis

from keyway_home import FAILED, PROGRAM
from proxies import proxy_before, whole_cluster
from waiting import wait_for

MANY = 12
BUSY_S = 1.0


@pytest.fixture(scope="module", name="servers")
def cluster(make_servers):
    return whole_cluster(make_servers, 3)


@pytest.fixture(name="config")
def config_file(tmp_path):
    return tmp_path / "proxy.yaml"


def run_proxy(*words):
    return subprocess.run([PROGRAM, "proxy", *words], capture_output=True, text=True, timeout=30, check=False)


def log_of(proxy):
    return (proxy.folder / "proxy.log").read_text()


def reload(proxy, said):
    """SIGHUP, until the proxy has `said` so."""
    before = len(log_of(proxy))
    proxy.process.send_signal(signal.SIGHUP)
    return wait_for(lambda: said in log_of(proxy)[before:] and log_of(proxy)[before:], f"the proxy to say {said!r}")


def greeting(proxy):
    """What a client is told that has said nothing, until it is disconnected."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client, client.makefile("rb") as said:
        return said.read()


def counter(proxy, name):
    return next(int(line.split()[1]) for line in proxy.get("metrics").splitlines() if line.startswith(f"keyway_proxy_{name} "))


def test_check_says_what_the_proxy_would_do(config):
    config.write_text("listen: 127.0.0.1:6379\nworkers: 3\nseeds: [10.0.0.1:7001]\nlimits: {clients: 77}\n")
    done = run_proxy("--config", config, "--check", "--workers", "5", "10.0.0.2:7002")
    assert done.returncode == 0 and done.stderr == ""
    lines = dict(line.split("  ", 1) for line in done.stdout.splitlines()[1:])
    said = {name: value.strip() for name, value in lines.items()}
    assert said["listens at"] == "127.0.0.1:6379" and said["limits"] == "clients 77 (not 10000)"
    assert said["workers"] == "5" and said["cluster"] == "10.0.0.2:7002"  # flags outweigh the file


@pytest.mark.parametrize("text, message", [
    ("listen: 127.0.0.1:1\nseed: [a:1]\n", ':2:1: seed: there is no such field; did you mean "seeds"?'),
    ("listen: 127.0.0.1:1\n", ": there is no cluster; add seeds: [ADDR:PORT] or cluster: NAME"),
    ("seeds: [10.0.0.1:1]\n", ": where to listen is not said; add listen: ADDR:PORT"),
    ("listen: 127.0.0.1:1\nseeds: [a:1]\npasswordFile: nowhere\n", "/nowhere cannot be read"),
])
def test_check_names_the_mistake(config, text, message):
    config.write_text(text)
    for words in (["--check"], []):
        done = run_proxy("--config", config, *words)
        assert done.returncode == 2 and message in done.stderr and done.stdout == ""


def test_a_reload_keeps_clients_and_a_broken_file_changes_nothing(servers, config):
    config.write_text("limits: {clients: 2}\n")
    with proxy_before(servers, "--config", config) as proxy, proxy.client() as client:
        with client.pubsub(ignore_subscribe_messages=True) as subscription:
            subscription.subscribe("news")
            wait_for(lambda: subscription.get_message() is None and subscription.subscribed, "the subscription")
            assert client.set("k", "1")
            assert greeting(proxy) == b"-ERR max number of clients reached\r\n"
            config.write_text("limits: {clients: 20, clinets: 3}\n")
            assert "limits.clinets: there is no such field; did you mean" in reload(proxy, "stays as it was")
            assert greeting(proxy) == b"-ERR max number of clients reached\r\n"
            config.write_text("limits: {clients: 20}\n")
            reload(proxy, "was read again")
            with proxy.client() as third:
                assert wait_for(lambda: third.publish("news", "still here"), "a hearer") == 1
            assert wait_for(subscription.get_message, "a message")["data"] == "still here"
            assert client.get("k") == "1"
        assert counter(proxy, "clients_accepted_total") == 3


def test_seeds_can_be_replaced(servers, config):
    config.write_text(f"listen: 127.0.0.1:{servers.port(20)}\nmetrics: 127.0.0.1:{servers.port(21)}\n"
                      f"seeds: [\"127.0.0.1:1\"]\nlimits: {{waitMs: 100}}\n")
    # pylint: disable-next=consider-using-with
    process = subprocess.Popen([PROGRAM, "proxy", "--config", config], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        client = redis.Redis(host="127.0.0.1", port=servers.port(20), socket_timeout=30)
        with contextlib.closing(client):
            def told():
                with contextlib.suppress(redis.ConnectionError):
                    with pytest.raises(redis.ResponseError, match="CLUSTERDOWN"):
                        client.get("k")
                    return True
                return False
            wait_for(told, "the proxy to say that it knows no node")
            config.write_text(config.read_text().replace("127.0.0.1:1\"", servers.address(1) + '"'))
            process.send_signal(signal.SIGHUP)
            def answered():
                with contextlib.suppress(redis.ResponseError):
                    return client.set("k", "found")
                return False
            wait_for(answered, "the proxy to find the cluster")
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_two_proxies_never_share_an_address(servers):
    with proxy_before(servers, "--workers", "2") as proxy, proxy.client() as client:
        taken, other = f"127.0.0.1:{proxy.port}", f"127.0.0.1:{servers.port(25)}"
        for words in (["--listen", taken, "--workers", "2"], ["--listen", f"0.0.0.0:{proxy.port}"],
                      ["--listen", other, "--metrics", f"127.0.0.1:{proxy.metrics_port}"], ["--translate", "--listen", taken]):
            done = run_proxy(*words, servers.address(0))
            assert done.returncode == FAILED and "another program listens there; end it, or choose another" in done.stderr
        assert client.set("k", "1") and proxy.end() == 0
        proxy.start()  # at once, in the same place
        assert client.get("k") == "1"


def test_requests_above_a_servers_limit_wait(servers, config):
    config.write_text("limits: {serverRequests: 1}\n")
    with proxy_before(servers, "--config", config, "--workers", "1") as proxy, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(proxy.client()) for _ in range(MANY)]
        assert all(client.set("k", "0") for client in clients)
        for number in range(3):
            servers.cli("-p", servers.port(number), "CLIENT", "PAUSE", "300")
        connections = [client.connection_pool.get_connection("INCR") for client in clients]
        for connection in connections:
            connection.send_command("INCR", "k")
        wait_for(lambda: counter(proxy, "parked_total") >= MANY - 1, "requests that wait")
        assert sorted(connection.read_response() for connection in connections) == list(range(1, MANY + 1))
        for client, connection in zip(clients, connections):
            client.connection_pool.release(connection)


def test_a_client_cannot_queue_more_than_its_limit(servers, config):
    config.write_text("limits: {clientInputBytes: 1Mi}\n")
    with proxy_before(servers, "--config", config) as proxy, proxy.client() as client:
        assert client.ping()
        for number in range(3):
            servers.cli("-p", servers.port(number), "CLIENT", "PAUSE", "1500")
        connection = client.connection_pool.get_connection("SET")
        value, sent = b"x" * (1 << 20), 0
        command = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n" % (len(value), value)
        # pylint: disable-next=protected-access
        stream = connection._sock
        stream.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            while sent < 100 * len(command):
                at = sent % len(command)
                sent += stream.send(command[at:])
        assert sent < 50 * len(command), "the proxy went on reading"
        connection.disconnect()


def test_the_log_is_json(servers, config):
    config.write_text("log: {format: json}\nlimits: {clients: 1}\n")
    begin = len((servers.folder / "proxy.log").read_text())
    with proxy_before(servers, "--config", config) as proxy, proxy.client() as client:
        with pytest.raises(redis.ResponseError, match="WRONGPASS"):
            client.execute_command("AUTH", b'some"one\xff', "hunter2")
        for _ in range(MANY):
            with proxy.client() as other, pytest.raises(redis.ConnectionError):
                other.ping()
        config.write_text("log: {format: json}\nlimits: {clientz: 1}\n")
        reload(proxy, "stays as it was")
        wait_for(lambda: '"left_out"' in log_of(proxy)[begin:], "the number of those that were left out")
    text = (servers.folder / "proxy.log").read_text()[begin:]
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["event"] for line in lines} >= {"start", "topology", "denied_login", "refused_client", "reload", "drain"}
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    denied = next(line for line in lines if line["event"] == "denied_login")
    assert denied["user"] == 'some"one\ufffd'
    assert "hunter2" not in text
    # A client that is refused before it has asked anything tries it once more.
    refused = [line for line in lines if line["event"] == "refused_client" and "client" in line]
    assert 0 < len(refused) <= 2 * MANY


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_without_descriptors_it_waits_until_a_client_goes(servers):
    with proxy_before(servers, "--workers", "1") as proxy, contextlib.ExitStack() as stack:
        with proxy.client() as first:
            assert first.set("k", "1") and first.mget("a", "b", "c", "d", "e") == [None] * 5
        pid = proxy.process.pid
        open_now = len(os.listdir(f"/proc/{pid}/fd"))
        _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 4, most))
        clients = [stack.enter_context(proxy.client(socket_timeout=None)) for _ in range(MANY)]
        connections = [client.connection_pool.get_connection("GET") for client in clients]
        for connection in connections:
            connection.send_command("GET", "k")
        answered = [connection for connection in connections if connection.can_read(timeout=0.3)]
        assert 0 < len(answered) < MANY
        before, begin = cpu_s(pid), time.monotonic()
        wait_for(lambda: time.monotonic() > begin + BUSY_S, "a second")
        assert cpu_s(pid) - before < BUSY_S / 4, "it spins"
        for connection in answered:
            assert connection.read_response() == "1"
            connection.disconnect()
        for connection in connections:
            if connection not in answered and connection.can_read(timeout=5):
                assert connection.read_response() == "1"
                connection.disconnect()
                answered.append(connection)
        assert len(answered) == MANY
