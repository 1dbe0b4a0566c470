"""`kubectl keyway`: the program under that name, with a scripted API server and real servers behind its port-forwards."""

import base64
import contextlib
import json
import os
import re
import signal
import subprocess

import pytest
import redis

from api_server import ApiServer
from keyway_home import BAD_INPUT, DONE, FAILED, NOT_THERE, PROGRAM
from waiting import wait_for

KEYS = [f"key:{number}" for number in range(100)]
SLOTS = 16384
NEXT_IP = "127.0.77.99"
PASSWORD = "a-password-of-20-letters"
ACL = f"user default on +@all ~* >{PASSWORD} &*\nuser workload on +@all -@dangerous +info ~* >other-password-of-20 &*\n"


class Plugin:
    def __init__(self, folder, api):
        self.api, self.program, self.folder = api, folder / "kubectl-keyway", folder
        self.program.symlink_to(os.path.abspath(PROGRAM))
        self.environment = {**os.environ, "KUBECONFIG": str(api.kubeconfig)}

    def run(self, *words, code=DONE):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, check=False, timeout=60,
                              env=self.environment, stdin=subprocess.DEVNULL)
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    @contextlib.contextmanager
    def connected(self, *words):
        """The output so far, as a function, while `connect` runs."""
        with open(self.folder / "connect.out", "w+", encoding="utf-8") as out:
            # pylint: disable-next=consider-using-with
            process = subprocess.Popen([self.program, "connect", *map(str, words)], stdout=out, stderr=subprocess.STDOUT,
                                       env=self.environment, stdin=subprocess.DEVNULL)

            def said():
                assert process.poll() is None, (self.folder / "connect.out").read_text()
                return (self.folder / "connect.out").read_text()
            try:
                wait_for(lambda: "Ctrl-C ends it." in said(), "connect to be ready")
                yield said
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=20) == DONE
            finally:
                process.kill()
                process.wait()


@pytest.fixture(name="api")
def scripted(tmp_path):
    server = ApiServer(tmp_path)
    secret = {"users.acl": base64.b64encode(ACL.encode()).decode()}
    server.put("secrets", "redis-etc-app", data=secret)
    yield server
    server.stop()


@pytest.fixture(name="plugin")
def under_its_name(tmp_path, api):
    return Plugin(tmp_path, api)


def pod_name(number, ordinal=0):
    return f"redis-partition-p{number + 1}-app-{ordinal}"


def ip_of(number):
    return f"127.0.77.{number + 1}"


@pytest.fixture(name="servers")
def three_pods(make_servers, api):
    """Three primaries that announce the port of pods, at which nobody is here; their bus is."""
    servers = make_servers(3, lines=[" ".join(["bind 127.0.0.1", NEXT_IP, *map(ip_of, range(3))])])
    for number in range(3):
        node = servers.node(number)
        node.execute_command("CLUSTER ADDSLOTSRANGE", number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1)
    for number in (1, 2):
        servers.node(0).execute_command("CLUSTER MEET", "127.0.0.1", servers.port(number))
    wait_for(lambda: all("cluster_state:ok" in as_text(servers.node(number).execute_command("CLUSTER INFO")) and
                         len(as_text(servers.node(number).execute_command("CLUSTER NODES")).split("\n")) == 4 for number in range(3)),
             "the cluster to be formed")
    for number in range(3):
        servers.node(number).execute_command("CONFIG", "SET", "cluster-announce-ip", ip_of(number), "cluster-announce-port", "6379",
                                             "cluster-announce-bus-port", str(servers.port(number) + 10000))
        api.pod(pod_name(number), f"p{number + 1}", ip_of(number), servers.port(number), "primary")
    wait_for(lambda: all(f"{ip_of(other)}:6379" in as_text(servers.node(number).execute_command("CLUSTER NODES"))
                         for number in range(3) for other in range(3)), "the addresses of pods to be known")
    for number in range(3):
        node = servers.node(number)
        node.execute_command("ACL", "SETUSER", "workload", "on", "+@all", "~*", "&*", ">other-password-of-20")
    return servers


def as_text(reply):
    """redis-py parses some replies of CLUSTER."""
    if isinstance(reply, dict):
        return "\n".join(f"{key}{':' + value if isinstance(value, str) else ''}" for key, value in reply.items()) + "\n"
    return reply


def test_a_cluster_that_any_client_can_use(plugin, servers, api):
    port = servers.port(12)
    with plugin.connected("--port", port) as said:
        assert f"127.0.0.1:{port}  primary  {pod_name(0)}" in said()
        assert f"-c -p {port} --user workload" in said() and "kubectl keyway password app workload --namespace data" in said()
        client = redis.RedisCluster(host="127.0.0.1", port=port, username="workload", password="other-password-of-20",
                                    decode_responses=True)
        for key in KEYS:
            assert client.set(key, key.upper())
        assert [client.get(key) for key in KEYS] == [key.upper() for key in KEYS]
        assert {node.host for node in client.get_nodes()} == {"127.0.0.1"}
        assert sum(servers.node(number).dbsize() for number in range(3)) == len(KEYS)
        assert {pod for pod, _ in api.forwards} == {pod_name(number) for number in range(3)}
        client.close()


def test_one_plain_address(plugin, servers):
    port = servers.port(12)
    with plugin.connected("app", "--proxy", f"--port={port}") as said:
        assert f"redis-cli -p {port} --user workload" in said()
        with redis.Redis(port=port, username="workload", password="other-password-of-20", decode_responses=True) as client:
            assert all(client.set(key, "1") for key in KEYS)
            assert client.mget(KEYS) == ["1"] * len(KEYS)


def test_a_pod_that_is_made_anew_is_found_again(plugin, servers, api):
    port = servers.port(12)
    with plugin.connected("--port", port):
        with redis.Redis(port=port, decode_responses=True, username="workload", password="other-password-of-20") as client:
            client.ping()
            # Its server goes on here, by another address.
            servers.node(0).execute_command("CONFIG", "SET", "cluster-announce-ip", NEXT_IP)
            api.pod(pod_name(0), "p1", NEXT_IP, servers.port(0), "primary")
            wait_for(lambda: answers(client), "the first local port to lead to the new pod")
            wait_for(lambda: NEXT_IP not in str(client.execute_command("CLUSTER", "SLOTS")), "its new address to be translated")


def answers(client):
    try:
        return client.ping()
    except redis.RedisError:
        return False


def test_what_is_forbidden_is_told(plugin, servers, api):
    assert servers
    api.forbidden = "/portforward"
    said = plugin.run("connect", code=FAILED).stderr
    assert 'User "ada" cannot get resource' in said and "create of pods/portforward" in said
    api.forbidden = "/redis-etc-app"
    assert "--password-file" in plugin.run("connect", code=FAILED).stderr


def test_a_server_that_follows_its_primary(plugin, make_servers, api):
    servers = make_servers(2)
    for number in range(2):
        api.pod(pod_name(0, number), "p1", f"127.0.77.{number}", servers.port(number), "primary" if number == 0 else "replica", kind="server")
    port = servers.port(12)
    with plugin.connected("--port", port) as said:
        assert f"127.0.0.1:{port}  the primary of p1" in said()
        with redis.Redis(port=port, decode_responses=True) as client:
            assert client.execute_command("CLUSTER", "MYID") == servers.id(0)
            api.pod(pod_name(0, 0), "p1", "127.0.77.0", servers.port(0), "replica", kind="server")
            api.pod(pod_name(0, 1), "p1", "127.0.77.1", servers.port(1), "primary", kind="server")
            wait_for(lambda: id_of(client) == servers.id(1), "the port to lead to the new primary")


def id_of(client):
    try:
        return client.execute_command("CLUSTER", "MYID")
    except redis.RedisError:
        return None


REPORT = {"generation": 1, "formed": True, "slots_assigned": SLOTS, "slots_served": SLOTS, "doing": "moving 5 slots from p1 to p2",
          "shards": {"p1": {"primary": pod_name(0), "slots": 8192, "replicas_in_sync": 1},
                     "p2": {"primary": pod_name(1), "slots": 8192, "replicas_in_sync": 0}},
          "problems": [{"code": "no_replica", "shard": "p2", "text": "has no replica"}], "drained": [], "outcomes": []}


@pytest.fixture(name="pods")
def two_shards(api):
    """Without servers."""
    for number in range(2):
        for ordinal in range(2):
            api.pod(pod_name(number, ordinal), f"p{number + 1}", f"10.0.0.{10 * number + ordinal}", 1,
                    "replica" if ordinal else "primary", ready=(number, ordinal) != (1, 1))
    api.put("leases", "redis-app", metadata={"annotations": {"keyway.dev/report": json.dumps(REPORT)}},
            spec={"holderIdentity": f"{pod_name(1)}/uid"})


def test_status(plugin, pods, api):  # pylint: disable=unused-argument
    shown = plugin.run("status").stdout
    assert "app  degraded  sharded, 2 shards, 4 pods, without an operator" in shown
    assert re.search(rf"p1 +8192  {pod_name(0)}  primary +10.0.0.0:6379 +n1 +0  ok", shown)
    assert re.search(rf"{pod_name(1, 1)}  replica .* not ready", shown)
    assert "moving 5 slots from p1 to p2" in shown and "! p2: has no replica" in shown
    told = json.loads(plugin.run("status", "app", "--json", "-n", "data").stdout)
    assert told["state"] == "degraded" and [shard["primary"] for shard in told["shards"]] == [pod_name(0), pod_name(1)]
    assert told["problems"][0]["code"] == "no_replica" and told["shards"][1]["pods"][1]["ready"] is False
    assert "it has app" in plugin.run("status", "nowhere", code=NOT_THERE).stderr


def test_password_logs_and_proxy(plugin, pods, api):  # pylint: disable=unused-argument
    assert plugin.run("password", "default").stdout == PASSWORD + "\n"
    assert "there are default, workload" in plugin.run("password", "app", "nobody", code=NOT_THERE).stderr
    assert plugin.run("logs", "--tail", 7).stdout == f"log of {pod_name(1)}, 7 lines\n"
    assert plugin.run("logs", pod_name(0, 1)).stdout == f"log of {pod_name(0, 1)}, 100 lines\n"
    assert "connect app --proxy" in plugin.run("proxy", code=NOT_THERE).stderr
    api.put("deployments", "redis-proxy-app", spec={"replicas": 2}, status={"readyReplicas": 1})
    api.put("services", "redis-proxy-app", spec={"ports": [{"port": 6379}]})
    assert plugin.run("proxy").stdout == "redis-proxy-app  1 of 2 ready  redis-proxy-app.data.svc:6379\n"


def test_failover_asks_the_agents_or_the_operator(plugin, pods, api):  # pylint: disable=unused-argument
    plugin.run("failover", "p1", "--no-wait")
    assert json.loads(api.annotation("leases", "redis-app", "keyway.dev/wanted"))["switchover"] == {"p1": pod_name(0, 1)}
    assert json.loads(api.annotation("leases", "redis-app", "keyway.dev/report")) == REPORT
    assert "already" in plugin.run("failover", "p1", "--to", pod_name(0)).stderr
    assert "not ready" in plugin.run("failover", "p2", code=FAILED).stderr
    assert "it has p1, p2" in plugin.run("failover", "p9", code=NOT_THERE).stderr

    api.put("keywayclusters", "app", apiVersion="keyway.dev/v1alpha1", kind="KeywayCluster", spec={"shards": 2})
    with subprocess.Popen([plugin.program, "failover", "p1"], env=plugin.environment, stderr=subprocess.PIPE) as process:
        wait_for(lambda: api.annotation("keywayclusters", "app", "keyway.dev/switchover"), "the wish to be there")
        assert json.loads(api.annotation("keywayclusters", "app", "keyway.dev/switchover")) == {"p1": pod_name(0, 1)}
        api.pod(pod_name(0, 1), "p1", "10.0.0.1", 1, "primary")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2)  # the other one is marked as well, and the agents say that it is the primary
        api.pod(pod_name(0), "p1", "10.0.0.0", 1, "replica")
        shards = {**REPORT["shards"], "p1": {**REPORT["shards"]["p1"], "primary": pod_name(0, 1)}}
        api.put("leases", "redis-app", metadata={"annotations": {"keyway.dev/report": json.dumps({**REPORT, "shards": shards})}})
        assert process.wait(timeout=30) == DONE
    assert api.annotation("keywayclusters", "app", "keyway.dev/switchover") is None


def test_restart_takes_the_primary_last(plugin, pods, api):  # pylint: disable=unused-argument
    plugin.run("restart", "p1")
    assert api.evicted == [pod_name(0, 1), pod_name(0)]
    plugin.run("restart", "app", pod_name(0))
    assert api.evicted[2:] == [pod_name(0)]
    plugin.run("restart", "p7", code=NOT_THERE)


def test_restart_asks_the_operator(plugin, pods, api):  # pylint: disable=unused-argument
    """Which goes on with it whatever becomes of the plugin."""
    api.put("keywayclusters", "app", apiVersion="keyway.dev/v1alpha1", kind="KeywayCluster", spec={"shards": 2},
            metadata={"annotations": {"keyway.dev/restart": '["of-a-pod-that-is-gone"]'}})
    uids = {api.get("pods", pod_name(0, ordinal))["metadata"]["uid"] for ordinal in range(2)}

    def wish():
        return json.loads(api.annotation("keywayclusters", "app", "keyway.dev/restart") or "[]")
    with subprocess.Popen([plugin.program, "restart", "p1"], env=plugin.environment, stderr=subprocess.PIPE) as process:
        wait_for(lambda: set(wish()) == uids, "the wish to be there")
        process.kill()
    assert set(wish()) == uids and api.evicted == []
    with subprocess.Popen([plugin.program, "restart", "p1"], env=plugin.environment, stderr=subprocess.PIPE, text=True) as process:
        assert "2 pods" in process.stderr.readline()
        api.pod(pod_name(0, 1), "p1", "10.0.0.1", 1)
        assert f"{pod_name(0, 1)} was made anew" in process.stderr.readline()
        assert set(wish()) == uids
        api.pod(pod_name(0), "p1", "10.0.0.0", 1)
        assert process.wait(timeout=30) == DONE
    assert wish() == [] and api.evicted == []


SPEC = """apiVersion: keyway.dev/v1alpha1
kind: KeywayCluster
metadata:
  name: app
spec:
  shards: {shards}
  replicas: 1
  memory: {memory}
"""


def test_plan_shows_what_an_edit_would_do(plugin, pods, api, tmp_path):  # pylint: disable=unused-argument
    file = tmp_path / "app.yaml"
    file.write_text(SPEC.format(shards=2, memory="256Mi"))
    assert "without an operator" in plugin.run("plan", "-f", file, code=FAILED).stderr
    api.put("keywayclusters", "app", apiVersion="keyway.dev/v1alpha1", kind="KeywayCluster",
            spec={"shards": 2, "replicas": 1, "memory": "256Mi"})
    assert plugin.run("plan", "-f", file).stdout == "Nothing would change: app is as the file says.\n"
    file.write_text(SPEC.format(shards=3, memory="256Mi"))
    shown = plugin.run("plan", "-f", file).stdout
    assert "create  StatefulSet redis-partition-p3-app: 2 pods\n" in shown
    moves = re.findall(r"^move    (\d+) slots from (p\d) to p3$", shown, re.MULTILINE)
    assert sum(int(slots) for slots, _ in moves) == SLOTS // 3 and {shard for _, shard in moves} == {"p1", "p2"}
    assert "Made anew" not in shown and "Nothing was touched." in shown
    file.write_text(SPEC.format(shards=1, memory="1Gi"))
    told = json.loads(plugin.run("plan", "-f", file, "--json").stdout)
    assert {"from": "p2", "to": "p1", "slots": 8192} in told["moves"]
    assert told["new_pods"] == [pod_name(0, 1), pod_name(0)]
    assert ["remove", "StatefulSet redis-partition-p2-app"] in [[one["what"], one["object"]] for one in told["objects"]]


def test_words_that_are_wrong(plugin):
    assert "did you mean" in plugin.run("conect", code=BAD_INPUT).stderr
    assert "no such flag" in plugin.run("status", "--proxy", code=BAD_INPUT).stderr
    assert "needs a SHARD" in plugin.run("failover", code=BAD_INPUT).stderr
    assert "65535" in plugin.run("connect", "--port", "70000", code=BAD_INPUT).stderr
    assert "kubectl keyway COMMAND" in plugin.run("--help").stdout
    assert "has no pods of a cluster" in plugin.run("status", code=NOT_THERE).stderr
