"""What each command prints and how it ends, for people and for programs."""

import json
import re
import subprocess

import pytest
import redis

from keyway_home import BAD_INPUT, DONE, NOT_THERE, PROGRAM, TIMED_OUT
from waiting import wait_for

NODE_TYPES = {"id": str, "address": str, "pid": int, "role": str, "offset": int, "lag_s": (float, type(None)), "keys": int,
              "memory_bytes": int, "health": str}


def check_node(node, role):
    for name, kind in NODE_TYPES.items():
        assert name in node and isinstance(node[name], kind), f"{name} is {node.get(name)!r}"
    assert node["role"] == role
    assert re.fullmatch(r"[0-9a-f]{40}", node["id"])
    assert re.fullmatch(r"127\.0\.0\.1:\d+", node["address"])
    assert node["pid"] > 1 and node["memory_bytes"] > 0 and node["health"] == "ok"


def test_status_json_has_the_promised_fields(sharded):
    status = sharded.status()
    assert (status["name"], status["mode"], status["state"]) == (sharded.name, "sharded", "ready")
    assert [shard["name"] for shard in status["shards"]] == ["p1", "p2", "p3"]
    assert sum(last - first + 1 for shard in status["shards"] for first, last in shard["slots"]) == 16384
    for shard in status["shards"]:
        check_node(shard["primary"], "primary")
        assert len(shard["replicas"]) == 1
        check_node(shard["replicas"][0], "replica")
        assert shard["replicas"][0]["lag_s"] is not None


def test_status_json_of_a_replicated_server(replicated):
    status = replicated.status()
    assert (status["mode"], status["state"], len(status["shards"])) == ("replicated", "ready", 1)
    shard = status["shards"][0]
    check_node(shard["primary"], "primary")
    assert len(shard["replicas"]) == 2
    for node in shard["replicas"]:
        check_node(node, "replica")
        assert node["id"] == shard["primary"]["id"]  # one history


def test_status_counts_keys_and_offsets(sharded):
    client = sharded.client()
    before = sharded.primary("p1")
    for number in range(200):
        client.execute(f"{{AAA}}{number}", "SET", f"{{AAA}}{number}", "x" * 100)
    after = sharded.shards()["p1"]
    assert after["primary"]["keys"] - before["keys"] == 200
    assert after["primary"]["offset"] - before["offset"] > 200 * 100
    sharded.wait_for(lambda status: status["shards"][0]["replicas"][0]["offset"] >= after["primary"]["offset"],
                     "the replica's offset")


def test_status_for_people_is_a_table(sharded):
    lines = sharded.run("status").stdout.splitlines()
    assert lines[0].startswith(f"{sharded.name}  ready  sharded, 3 shards, 6 nodes")
    header = next(line for line in lines if line.startswith("SHARD"))
    for word in ("SLOTS", "NODE", "ROLE", "ADDRESS", "KEYS", "MEMORY", "HEALTH"):
        assert word in header
    for slots in ("0-5461", "5462-10922", "10923-16383"):
        assert any(slots in line for line in lines)
    assert "\x1b" not in "".join(lines)  # nobody looks: no colours


def test_the_named_slots_are_on_their_shards(sharded):
    for key, slot, shard in (("AAA", 3205, "p1"), ("BBB", 12517, "p3"), ("CCC", 9413, "p2")):
        sharded.client().execute(key, "SET", key, "here")
        primary = sharded.admin(sharded.primary(shard)["name"])
        assert primary.execute_command("CLUSTER", "KEYSLOT", key) == slot
        assert primary.execute_command("CLUSTER", "COUNTKEYSINSLOT", slot) >= 1
        assert primary.get(key) == "here"


def test_a_stock_cluster_client_can_use_it(sharded):
    host, port = sharded.addresses()[0]
    client = redis.RedisCluster(host=host, port=port, username="workload", password=sharded.password("workload"),
                                decode_responses=True)
    for number in range(50):
        assert client.set(f"stock:{number}", number)
    assert [client.get(f"stock:{number}") for number in range(50)] == [str(number) for number in range(50)]
    client.close()


def test_ls_lists_the_cluster(sharded):
    listed = sharded.home.json("ls")["clusters"]
    assert [entry["name"] for entry in listed] == [sharded.name]
    assert listed[0]["state"] == "ready" and listed[0]["shards"] == 3 and listed[0]["nodes"] == 6
    assert sharded.name in sharded.home.run("ls").stdout


def untouched(cluster):
    """Who runs and all that is known of the cluster, but for what the supervisor notes of its servers when it looks at them."""
    state = cluster.state()
    del state["shards"]
    return cluster.pids(), state


def test_plan_tells_and_touches_nothing(sharded):
    before = untouched(sharded)
    fields = {"shards": 4, "replicas": 1, "mode": "sharded"}
    text = sharded.home.document(sharded.name, **fields)
    plan = sharded.json("plan", "-f", "-", text=text)
    assert plan["converged"] is True
    kinds = {step["kind"] for step in plan["steps"]}
    assert {"start_node", "move_slots"} <= kinds
    for step in plan["steps"]:
        assert step["text"] and step["reason"] and step["duration_ms"] >= 0 and step["size_bytes"] >= 0
    moved = [int(re.search(r"move (\d+) slots?", step["text"]).group(1)) for step in plan["steps"]
             if step["kind"] == "move_slots"]
    assert sum(moved) == 4096
    assert "move 1366 slots from p1-" in sharded.run("plan", "-f", "-", text=text).stdout
    assert untouched(sharded) == before


def test_plan_for_what_is_there_is_empty(sharded):
    plan = sharded.json("plan", "-f", "-", text=sharded.run("spec").stdout)
    assert plan["steps"] == []


def test_a_failover_hands_over_to_the_replica(sharded):
    before = sharded.shards()["p2"]
    done = sharded.json("failover", "p2")
    assert done["done"] is True
    after = sharded.shards()["p2"]
    assert after["primary"]["name"] == before["replicas"][0]["name"]
    assert after["primary"]["pid"] == before["replicas"][0]["pid"]
    assert after["replicas"][0]["pid"] == before["primary"]["pid"]  # nobody was restarted


def test_a_failover_to_a_named_replica(replicated):
    wanted = replicated.replicas()[-1]["name"]
    replicated.run("failover", "p1", "--to", wanted)
    assert replicated.primary()["name"] == wanted


def test_one_node_is_restarted(sharded):
    before = sharded.pids()
    sharded.run("restart", sharded.primary("p3")["name"])
    after = sharded.pids()
    changed = [name for name, pid in before.items() if after[name] != pid]
    assert len(changed) == 1 and changed[0].startswith("p3-")


def test_logs_of_a_node_and_of_the_supervisor(sharded):
    assert "cluster is whole" in sharded.run("logs").stdout
    node = sharded.primary("p1")["name"]
    lines = sharded.run("logs", node, "-n", 3).stdout.splitlines()
    assert len(lines) == 3
    assert lines == (sharded.data(node) / "server.log").read_text().splitlines()[-3:]


def test_exec_runs_a_program_against_a_node(sharded, engine):
    cli = f"{engine.product}-cli"
    folder = {"PATH": "/nowhere"}  # the engine's own is found
    node = sharded.replicas("p1")[0]
    assert sharded.run("exec", node["name"], "--", cli, "-c", "set", "AAA", "by hand", env=folder).stdout.strip() == "OK"
    assert sharded.run("exec", node["name"], "--", cli, "config", "get", "port", env=folder).stdout.split() == [
        "port", node["address"].rpartition(":")[2]]
    assert sharded.client().execute("AAA", "GET", "AAA") == "by hand"
    assert sharded.run("exec", node["name"], "--", "/bin/sh", "-c", "exit 7", code=7).stdout == ""


def test_password_is_printed_for_each_user(sharded):
    seen = set()
    for user in ("admin", "default", "workload"):
        password = sharded.password(user)
        assert len(password) >= 22
        assert sharded.json("password", user) == {"user": user, "password": password}
        host, port = sharded.addresses()[0]
        assert redis.Redis(host=host, port=port, username=user, password=password).ping()
        seen.add(password)
    assert len(seen) == 2  # `default` is the administrator by another name
    assert "nobody" in sharded.home.error("password", sharded.name, "nobody", code=NOT_THERE)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_prints_a_script(bare_home, shell):
    script = bare_home.run("completion", shell).stdout
    assert "keyway" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=20)


def test_completion_in_bash_completes_commands(bare_home, tmp_path):
    script = tmp_path / "completion"
    script.write_text(bare_home.run("completion", "bash").stdout)
    (tmp_path / "keyway").symlink_to(PROGRAM)
    function = re.search(r"complete .*-F (\w+)", script.read_text()).group(1)
    done = subprocess.run(["bash", "-c", f"source {script}; COMP_WORDS=(keyway sta); COMP_CWORD=1; COMP_LINE='keyway sta'; "
                           f"COMP_POINT=10; {function} keyway sta keyway; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
                          env=bare_home.environment(PATH=f"{tmp_path}:/usr/bin:/bin"), capture_output=True, text=True,
                          check=True, timeout=20)
    assert done.stdout.split() == ["status"]


def test_spec_prints_what_can_be_applied_again(sharded):
    text = sharded.run("spec").stdout
    assert text.startswith("apiVersion: keyway.dev/v1alpha1")
    before = sharded.pids()
    sharded.run("apply", "-f", "-", text=text)
    assert sharded.pids() == before


def test_exit_codes(sharded):
    home, name = sharded.home, sharded.name
    assert "bogus" in home.error("bogus", code=BAD_INPUT)
    assert "--shards" in home.error("scale", name, "--shards", "many", code=BAD_INPUT)
    assert "--color" in home.error("status", name, "--color", code=BAD_INPUT)
    assert "nothere" in home.error("status", "nothere", code=NOT_THERE)
    assert "p9" in home.error("failover", name, "p9", code=NOT_THERE)
    assert "p9-0" in home.error("restart", name, "p9-0", code=NOT_THERE)
    assert "p9-0" in home.error("logs", name, "p9-0", code=NOT_THERE)
    assert home.run("status", name, code=DONE).stderr == ""


def test_errors_are_json_too(sharded):
    said = json.loads(sharded.home.run("status", "nothere", "--json", code=NOT_THERE).stdout)
    assert said["error"]["code"] == "not_found" and "nothere" in said["error"]["message"]
    said = json.loads(sharded.home.run("scale", sharded.name, "--shards", "0", "--json", code=BAD_INPUT).stdout)
    assert said["error"]["code"] == "invalid_argument"


def test_a_wait_that_is_too_short_says_so_and_the_work_goes_on(home):
    cluster = home.up("slow", "--shards", 1, "--replicas", 0)
    # A shard that is new takes 2 s until it may take writes.
    assert "not done after" in home.error("scale", "slow", "--shards", 2, "--timeout", 1, code=TIMED_OUT)
    cluster.wait_for(lambda status: len(status["shards"]) == 2 and status["state"] == "ready", "two shards")
    cluster.run("scale", "--replicas", 1, "--no-wait")
    cluster.wait_for(lambda status: len(status["shards"][0]["replicas"]) == 1 and status["state"] == "ready", "the replicas")


def test_down_keeps_and_purge_deletes(home):
    cluster = home.up("brief", "--shards", 1, "--replicas", 0)
    cluster.client().execute("key", "SET", "key", "value")
    assert cluster.json("down") == {"name": "brief", "was_running": True, "purged": False}
    assert not home.processes()
    assert cluster.status()["state"] == "stopped"
    assert home.json("ls")["clusters"][0]["state"] == "stopped"
    assert "keyway up" in home.error("scale", "brief", "--replicas", 1, code=NOT_THERE)
    cluster.up()
    assert cluster.client().execute("key", "GET", "key") == "value"
    assert "--yes" in home.error("down", "brief", "--purge", code=BAD_INPUT)
    assert cluster.status()["state"] == "ready"
    assert cluster.json("down", "--purge", "--yes")["purged"] is True
    assert not home.processes() and not cluster.folder.exists()
    home.run("status", "brief", code=NOT_THERE)


def test_up_again_changes_nothing(sharded):
    before = sharded.pids()
    said = sharded.up()
    assert "already running" in said.stdout + said.stderr
    assert sharded.pids() == before


def test_in_the_foreground_it_shows_itself_and_stops_on_interrupt(home, engine):
    port = home.ports.take()
    process = subprocess.Popen([PROGRAM, "up", "front", "--shards", "1", "--replicas", "1", "--engine", engine.program,
                                "--port", str(port)], env=home.environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        cluster = home.cluster("front")
        wait_for(cluster.folder.exists, "the cluster's folder")
        cluster.wait_ready()
        assert cluster.supervisor_pid() == process.pid
        cluster.client().execute("key", "SET", "key", "value")
        process.send_signal(2)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode in (DONE, 130), output
    assert "cluster is whole" in output
    assert not home.processes()
    cluster.up()
    assert cluster.client().execute("key", "GET", "key") == "value"
