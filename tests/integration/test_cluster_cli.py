"""The cluster tool in Keyway's own style: what it says and to whom, questions, exit codes, JSON, passwords, TLS, Ctrl-C."""

import json
import os
import pty
import select
import signal
import subprocess
import time

import pytest

from certificates import Authority
from keyway_home import BAD_INPUT, DONE, FAILED, NOT_THERE, PROGRAM
from waiting import wait_for

KEYS = 200
INTERRUPTED = 130


@pytest.fixture(scope="module", name="servers")
def made_by_keyway(make_servers, make_home, engine):
    """Three primaries with a replica each, and two servers that are not part of it."""
    servers = make_servers(8)
    home = make_home(engine)
    environment = home.environment()
    done = subprocess.run([PROGRAM, "cluster", "create", *servers.addresses(range(6)), "--replicas", "1", "--yes"], env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == DONE, done.stdout + done.stderr
    assert "is whole and takes writes" in done.stdout
    servers.fill(KEYS)  # at once: it returns when every shard takes writes
    return servers


class Terminal:
    """The program with a terminal of its own."""

    def __init__(self, tool, *arguments, program=PROGRAM):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(program, [str(program), *map(str, arguments)], {**tool.home.environment(), "TERM": "xterm", "LANG": "C.UTF-8"})

    def read_until(self, text, deadline_s=30):
        begin = time.monotonic()
        while text not in self.text:
            assert time.monotonic() - begin < deadline_s, self.text
            self.take()

    def take(self):
        """False at the end."""
        if not select.select([self.fd], [], [], 0.1)[0]:
            return True
        try:
            got = os.read(self.fd, 65536)
        except OSError:
            return False
        self.text += got.decode(errors="replace")
        return bool(got)

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self, deadline_s=30):
        """The exit code."""
        begin = time.monotonic()
        while self.take():
            assert time.monotonic() - begin < deadline_s, self.text
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_check_and_info(tool, servers):
    said = tool.own("check", servers.address())
    assert "Nothing is wrong: 16384 of 16384 slots are served by 3 primaries with 3 replicas." in said.stdout
    assert said.stdout.startswith("ROLE ") and said.stderr == ""
    assert f"{KEYS} keys on 3 primaries" in tool.own("info", servers.address(3)).stdout
    checked = tool.json("check", servers.address(), "--search-keys")
    assert checked["healthy"] and checked["findings"] == [] and len(checked["nodes"]) == 6
    assert sum(node["slot_count"] for node in checked["nodes"]) == 16384
    info = tool.json("info", servers.address())
    assert info["keys"] == KEYS and len(info["primaries"]) == 3


def test_a_dry_run_shows_the_plan_and_touches_nothing(tool, servers):
    before = servers.primaries()
    said = tool.own("reshard", servers.address(), "--to", servers.address(1), "--slots", 100, "--dry-run")
    assert "FROM " in said.stdout and "100 slots and " in said.stdout
    plan = tool.json("reshard", servers.address(), "--to", servers.id(1)[:8], "--slots", 100, "--dry-run")
    assert plan["plan"]["slot_count"] == 100 and not plan["carried_out"] and plan["slots_moved"] == 0
    assert sum(last - first + 1 for move in plan["plan"]["moves"] for first, last in move["slots"]) == 100
    assert servers.primaries() == before


def test_without_a_terminal_it_wants_yes(tool, servers):
    before = servers.primaries()
    for words in (["reshard", servers.address(), "--to", servers.id(1), "--slots", 3],
                  ["rebalance", servers.address(), "--weight", f"{servers.id(0)}=2"]):
        done = tool.own(*words, text="yes\n", code=BAD_INPUT)
        assert "--yes" in done.stderr
        assert tool.json(*words, code=BAD_INPUT)["error"]["code"] == "invalid_argument"
    assert servers.primaries() == before


def test_at_a_terminal_it_asks(tool, servers):
    before = servers.primaries()
    words = ["cluster", "reshard", servers.address(), "--from", servers.id(0), "--to", servers.id(1), "--slots", 3]
    for answer, code in (("no", FAILED), ("", FAILED), ("yes", DONE)):
        terminal = Terminal(tool, *words)
        terminal.read_until("[y/N]")
        assert "3 slots and " in terminal.text
        terminal.type(answer + "\r")
        assert terminal.end() == code, terminal.text
        assert ("nothing was changed" in terminal.text) == (code == FAILED)
    wait_for(lambda: servers.primaries()[1] == before[1] + 3, "node 0 to know")
    terminal = Terminal(tool, *words)
    terminal.read_until("[y/N]")
    terminal.type("\x03")
    assert terminal.end() == INTERRUPTED, terminal.text


def test_rebalance_in_json(tool, servers):
    moved = tool.json("rebalance", servers.address(), "--threshold", 0, "--yes", "--max-bytes-per-s", "100mb", "--max-latency-ms", 500,
                      "--max-call-ms", 10, "--parallel", 2, "--classic", "--batch-keys", 50, "--migrate-timeout-ms", 5000)
    assert moved["carried_out"] and not moved["interrupted"] and moved["slots_moved"] == moved["plan"]["slot_count"] > 0
    assert max(servers.primaries().values()) - min(servers.primaries().values()) <= 1
    again = tool.own("rebalance", servers.address(), "--yes")
    assert "nothing has to move" in again.stderr and again.stdout == ""
    for load in ("memory", "ops"):
        tool.json("rebalance", servers.address(), "--by", load, "--dry-run")
    servers.check_filled(KEYS)


def test_adding_and_removing(tool, servers):
    added = tool.json("add-node", servers.address(), servers.address(6), "--zone", "eu-1")
    assert added == {"id": servers.id(6), "role": "primary", "primary_id": None, "interrupted": False, "notes": [], "warnings": []}
    replica = tool.json("add-node", servers.address(), servers.address(7), "--replica", "--of", servers.id(6), "--wait", 20)
    assert replica["primary_id"] == servers.id(6)
    tool.own("rebalance", servers.address(), "--use-empty", "--yes")
    # Who has just joined serves nobody at first: it gets slots no earlier than it does.
    assert servers.node(6).execute_command("CLUSTER INFO")["cluster_state"] == "ok"
    assert servers.primaries()[6] == 4096
    assert "--drain" in tool.own("del-node", servers.address(), servers.id(6), "--yes", code=FAILED).stderr
    removed = tool.json("del-node", servers.address(), servers.address(6), "--drain", "--yes")
    assert removed["moved"]["slots_moved"] == 4096 and removed["reset"]
    tool.own("del-node", servers.address(), servers.id(7), "--yes")
    tool.own("del-node", servers.address(), servers.address(7), "--yes", code=NOT_THERE)
    assert tool.json("check", servers.address())["healthy"]
    servers.check_filled(KEYS)


def test_calls(tool, servers):
    called = tool.json("call", servers.address(), "--primaries", "--", "CONFIG", "GET", "port")
    assert sorted(node["reply"] for node in called["nodes"]) == [["port", str(servers.port(number))] for number in range(3)]
    failed = tool.json("call", servers.address(), "--replicas", "--", "NONSENSE", code=FAILED)
    assert all(node["error"]["code"] == "ERR" for node in failed["nodes"]) and len(failed["nodes"]) == 3
    assert tool.own("call", servers.address(), "PING").stdout.count(": PONG\n") == 6
    assert "is 3000 ms on 6 of 6 nodes" in tool.own("set-timeout", servers.address(), 3000).stdout


def test_a_dead_node_is_a_finding(tool, servers):
    replica = next(number for number in range(6) if number not in servers.primaries())
    servers.kill(replica)
    try:
        checked = tool.json("check", servers.address(), code=FAILED)
        assert not checked["healthy"] and "unreachable" in [finding["trouble"] for finding in checked["findings"]]
        said = tool.own("check", servers.address(), code=FAILED).stdout
        assert "does not answer" in said and "unreachable" in said
    finally:
        servers.start(replica)
    wait_for(lambda: tool.json("check", servers.address(), code=None)["healthy"], "the node to be back")


def test_ctrl_c_stops_between_batches(tool, servers):
    """It stops soon, with its own exit code, and the cluster is whole: no slot is open, no key is lost."""
    words = ["reshard", servers.address(), "--from", servers.id(0), "--to", servers.id(1), "--slots", 4000, "--classic",
             "--max-bytes-per-s", "2Ki", "--yes"]
    with subprocess.Popen([PROGRAM, "cluster", *map(str, words)], env=tool.home.environment(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        before = servers.primaries()[0]
        wait_for(lambda: servers.primaries()[0] < before, "slots to move")
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=30)[0]
    assert running.returncode == INTERRUPTED, said
    assert tool.json("check", servers.address())["healthy"]
    servers.check_filled(KEYS)
    tool.own("rebalance", servers.address(), "--yes")


def test_a_local_cluster_by_its_name(tool, sharded, home, tmp_path):
    del home
    environment = {"KEYWAY_HOME": str(sharded.home.folder)}
    checked = json.loads(tool.own("check", "sharded", "--json", env=environment).stdout)
    assert checked["healthy"] and len(checked["nodes"]) == 6
    assert "MOVED" not in tool.own("call", "sharded", "--primaries", "--", "PING", env=environment).stdout
    backup = tool.own("backup", "sharded", tmp_path / "b", "--json", env=environment)
    assert len(json.loads(backup.stdout)["shards"]) == 3
    planned = tool.own("rebalance", "sharded", "--weight", f"{checked['nodes'][0]['id']}=2", "--dry-run", env=environment)
    assert "keyway scale" in planned.stderr, "its supervisor would undo it"
    assert "no cluster" in tool.own("check", "nothing", env=environment, code=NOT_THERE).stderr


def test_passwords(tool, make_servers, tmp_path):
    servers = make_servers(3, ["requirepass s3cret", "masterauth s3cret", "user ada on >pw +@all ~* &*"], password="s3cret")
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    nodes = servers.addresses(range(3))
    assert "s3cret" not in tool.own("create", *nodes, "--yes", "--password-file", secret).stderr
    seed = servers.address()
    for options in ({"env": {"KEYWAY_PASSWORD": "s3cret"}}, {"env": {"REDISCLI_AUTH": "s3cret"}},
                    {"env": {"VALKEYCLI_AUTH": "s3cret"}}):
        assert tool.json("check", seed, **options)["healthy"]
    assert tool.json("check", seed, "--user", "ada", "--password-file", secret, code=FAILED)["error"]["code"] == "denied"
    assert tool.json("check", seed, "--user", "ada", "--askpass", text="pw\n")["healthy"]
    users = tmp_path / "users.acl"
    users.write_text("user default on +@all ~* >s3cret &*\nuser ada on +@all ~* >pw &*\n")
    assert tool.json("check", seed, "--password-file", users)["healthy"]
    assert tool.json("check", seed, "--user", "ada", "--password-file", users)["healthy"]
    wrong = tool.own("check", seed, "--user", "eve", "--password-file", users, code=BAD_INPUT).stderr
    assert "no password of the user eve" in wrong and "s3cret" not in wrong
    assert tool.json("check", seed, code=FAILED)["error"]["code"] == "denied"
    seen = tool.own("check", seed, "-a", "s3cret")
    assert "can be seen" in seen.stderr and "s3cret" not in seen.stderr
    assert tool.cli("-a", "s3cret", "--no-auth-warning", "--cluster", "check", seed).stderr == ""
    assert "password file" in tool.own("check", seed, "--password-file", tmp_path / "none", code=BAD_INPUT).stderr
    # Also between servers: MIGRATE logs in at the target.
    node = servers.node(0)
    slot = node.execute_command("CLUSTER KEYSLOT", "x")
    owner = next(number for number in range(3) if slot in slots_of(tool, servers, number))
    servers.node(owner).set("x", "1")
    target = (owner + 1) % 3
    moved = tool.json("rebalance", seed, "--weight", f"{servers.address(owner)}=0", "--classic", "--yes", "--user", "ada",
                      env={"KEYWAY_PASSWORD": "pw"})
    assert moved["keys_moved"] == 1 and slots_of(tool, servers, target)
    terminal = Terminal(tool, "cluster", "info", seed, "--askpass")
    terminal.read_until("Password")
    terminal.type("s3cret\r")
    assert terminal.end() == DONE and "s3cret" not in terminal.text


def slots_of(tool, servers, number):
    nodes = tool.json("check", servers.address(), env={"KEYWAY_PASSWORD": "s3cret"}, code=None)["nodes"]
    ranges = next(node["slots"] for node in nodes if node["address"] == servers.address(number))
    return {slot for first, last in ranges for slot in range(first, last + 1)}


def test_tls(tool, make_servers, tmp_path):
    authority = Authority(tmp_path)
    mine = authority.sign("server")
    files = {"ca.pem": authority.file, "cert.pem": mine.file, "key.pem": mine.key_file}
    servers = make_servers(3, ["tls-cluster yes", "tls-replication yes", f"tls-cert-file {files['cert.pem']}",
                               f"tls-key-file {files['key.pem']}", f"tls-ca-cert-file {files['ca.pem']}"], ssl=True,
                           ssl_ca_certs=str(files["ca.pem"]), ssl_certfile=str(files["cert.pem"]), ssl_keyfile=str(files["key.pem"]))
    speak = ["--tls", "--cacert", files["ca.pem"], "--cert", files["cert.pem"], "--key", files["key.pem"]]
    nodes = servers.addresses(range(3))
    tool.own("create", *nodes, "--yes", *speak)
    assert tool.json("check", nodes[0], *speak)["healthy"]
    assert tool.json("check", nodes[0], *speak, "--sni", "localhost")["healthy"]
    assert tool.json("check", nodes[0], "--tls", "--insecure", "--cert", files["cert.pem"], "--key", files["key.pem"])["healthy"]
    moved = tool.json("rebalance", nodes[0], "--weight", f"{nodes[1]}=0", "--yes", "--classic", *speak)
    assert moved["slots_moved"] > 5000
    assert "[OK] All 16384 slots covered." in tool.cli(*speak, "--cluster", "check", nodes[0], code=None).stdout
    tool.own("check", nodes[0], "--tls", "--cert", files["cert.pem"], "--key", files["key.pem"], code=FAILED)
    tool.own("check", nodes[0], "--timeout", 1, code=None)
    assert "none.pem" in tool.own("check", nodes[0], "--tls", "--cacert", "none.pem", code=BAD_INPUT).stderr


def test_translated_addresses(tool, make_servers):
    """Nodes that announce addresses at which they cannot be reached from here."""
    servers = make_servers(3)
    tool.own("create", *servers.addresses(range(3)), "--yes")
    reach = []
    for number in range(3):
        servers.node(number).config_set("cluster-announce-port", servers.port(number) + 100)
        reach += ["--map", f"127.0.0.1:{servers.port(number) + 100}={servers.address(number)}"]
    wait_for(lambda: tool.json("check", servers.address(), *reach, code=None).get("healthy"), "all nodes to be reached")


@pytest.mark.parametrize("words, what", [
    (["reshard", "A", "--to", "a", "--slots", "-5"], ["--slots", "-5"]),
    (["reshard", "A", "--slots", "5"], ["--to NODE"]),
    (["rebalance", "A", "--weight", "abcd=abc"], ["--weight abcd", "abc"]),
    (["rebalance", "A", "--treshold", "2"], ["did you mean --threshold?"]),
    (["rebalance", "A", "--by", "luck"], ["slots, memory or ops"]),
    (["check", "127.0.0.1:0"], ["127.0.0.1:0"]),
    (["check", "A", "--slots", "3"], ["belongs to reshard"]),
    (["check", "A", "--cacert", "x"], ["--tls"]),
    (["check"], ["check needs ADDR"]),
    (["chekc", "A"], ["did you mean check?"]),
    (["create"], ["addresses of the nodes"]),
    (["call", "A"], ["COMMAND"]),
], ids=" ".join)
def test_bad_input(tool, words, what):
    words = ["127.0.0.1:1" if word == "A" else word for word in words]
    done = tool.own(*words, code=BAD_INPUT)
    for text in what:
        assert text in done.stderr, done.stderr
    assert tool.json(*words, code=BAD_INPUT)["error"]["code"] == "invalid_argument"


def test_who_is_not_there(tool):
    refused = tool.json("check", "127.0.0.1:1", code=FAILED)
    assert refused["error"]["code"] == "unavailable" and "127.0.0.1:1" in refused["error"]["message"]
