"""What is wrong is said clearly, with what to do, and nothing is half done."""

import json
import os
import resource
import socket
import subprocess

import pytest

import processes
from checker import Fill
from keyway_home import BAD_INPUT, FAILED, PROGRAM

HEAD = "apiVersion: keyway.dev/v1alpha1\nkind: KeywayCluster\nmetadata:\n  name: bad\nspec:\n"


def check_nothing_was_made(home, name="bad"):
    assert not home.processes()
    clusters = home.folder / "clusters"
    assert not clusters.exists() or not list(clusters.iterdir())
    assert home.json("ls")["clusters"] == []
    assert name not in home.run("ls").stdout


@pytest.mark.parametrize("body, where, what", [
    ("  replcas: 1\n", "6:3", ["spec.replcas", 'did you mean "replicas"']),
    ("  shards: many\n", "6:11", ["spec.shards", "many"]),
    ("  shards: 0\n", "6:11", ["spec.shards"]),
    ("  replicas: 9\n", "6:13", ["spec.replicas"]),
    ("  mode: clustered\n", "6:9", ["spec.mode", "sharded"]),
    ("  config: {port: 7000}\n", "6:18", ["spec.config.port", "local.port"]),
    ("  memory: 10m\n", "6:11", ["spec.memory"]),
    ("  shards:\n    - {name: a, slots: [\"0-9000\"]}\n    - {name: b, slots: [\"9000-16383\"]}\n", "8:24", ["9000", "both a and b"]),
    ("  shards:\n    - {name: a, slots: [\"0-9000\"]}\n    - {name: b, slots: [\"9002-16383\"]}\n", "", ["9001"]),
    ("  shards:\n    - {name: a, slots: [\"0-16384\"]}\n", "7:25", ["spec.shards[0].slots[0]", "0 to 16383"]),
    ("  shards: [1, 2\n", "", ["bad.yaml"]),
    ("\tshards: 1\n", "6:", ["bad.yaml"]),
], ids=lambda value: None)
def test_a_spec_that_is_wrong(bare_home, tmp_path, body, where, what):
    path = tmp_path / "bad.yaml"
    path.write_text(HEAD + body)
    said = bare_home.error("up", "-f", path, "--detach", code=BAD_INPUT)
    assert f"{path}:{where}" in said, said
    for word in what:
        assert word in said, said
    check_nothing_was_made(bare_home)


def test_a_spec_that_is_not_there(bare_home, tmp_path):
    said = bare_home.error("up", "-f", tmp_path / "none.yaml", "--detach", code=None)
    assert "none.yaml" in said and "No such file" in said
    check_nothing_was_made(bare_home)


@pytest.mark.parametrize("flags", [["--shards", "0"], ["--shards", "-1"], ["--replicas", "6"], ["--mode", "single"],
                                   ["--port", "99999"], ["--memory", "5m"], ["--mode", "replicated", "--shards", "2"]],
                         ids=" ".join)
def test_flags_that_are_wrong(bare_home, flags):
    assert bare_home.error("up", "bad", "--detach", *flags, code=BAD_INPUT)
    check_nothing_was_made(bare_home)


@pytest.mark.parametrize("name", ["UPPER", "with space", "../escape", "-x", "a" * 41, "ends-", ".hidden"])
def test_names_that_are_wrong(bare_home, name):
    bare_home.run("up", "--detach", "--cluster", name, code=BAD_INPUT)
    check_nothing_was_made(bare_home, name)


def test_an_engine_that_is_not_installed(bare_home):
    for product in ("redis", "valkey"):
        said = bare_home.error("up", "bad", "--detach", "--engine", product, code=FAILED, env={"PATH": "/nowhere"})
        assert f"{product}-server" in said and "apt" in said and f"{product}-server" in said
    check_nothing_was_made(bare_home)


@pytest.mark.parametrize("version, kind", [("6.2.14", "Redis server v=6.2.14 sha=00000000:0"),
                                           ("7.2.11", "Valkey server v=7.2.11 sha=00000000:0")])
def test_an_engine_that_is_too_old(bare_home, tmp_path, version, kind):
    program = tmp_path / f"{kind.split()[0].lower()}-server"
    program.write_text(f"#!/bin/sh\necho '{kind} malloc=jemalloc-5.2.1 bits=64 build=0'\n")
    program.chmod(0o755)
    said = bare_home.error("up", "bad", "--detach", "--engine", program, code=FAILED)
    assert version in said and ("7.0" in said or "8" in said)
    check_nothing_was_made(bare_home)


def test_an_engine_that_is_something_else(bare_home):
    for program in ("/bin/true", "/etc/passwd", "/nowhere/redis-server"):
        said = bare_home.error("up", "bad", "--detach", "--engine", program, code=None)
        assert program in said
    check_nothing_was_made(bare_home)


@pytest.mark.parametrize("distance", [1, 10001], ids=["port", "bus"])
def test_a_port_that_is_taken(home, engine, distance):
    port = home.ports.take()
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port + distance))
        holder.listen()
        said = home.error("up", "bad", "--detach", "--engine", engine.program, "--port", port, code=FAILED)
    assert str(port + distance) in said and f"(pid {os.getpid()})" in said and "--port" in said
    check_nothing_was_made(home)


def test_immutable_fields(sharded, engine):
    before = sharded.state()["spec"]
    other = "valkey" if engine.product == "redis" else "redis"
    for fields in ({"mode": "replicated"}, {"engine": other}, {"local": {"port": 12345}}, {"local": {"host": "::1"}}):
        said = sharded.apply(**fields, code=BAD_INPUT).stderr
        assert f"spec.{list(fields)[0]}" in said, said
    text = sharded.home.document("another")
    assert "metadata.name" in sharded.run("apply", "-f", "-", text=text, code=BAD_INPUT).stderr
    assert sharded.state()["spec"] == before
    assert sharded.wait_ready()


def test_a_damaged_record_is_told_and_left_alone(home):
    cluster = home.up("rec", "--shards", 1, "--replicas", 0)
    Fill(cluster, 20)
    pids = [node["pid"] for node in cluster.nodes().values()]
    cluster.kill_supervisor()
    path = cluster.folder / "state.json"
    good = path.read_bytes()
    for damaged in (good[:len(good) // 2], b"", b"{}", b"\0" * 100, json.dumps({**json.loads(good), "nodes": 7}).encode()):
        path.write_bytes(damaged)
        for command in (["up", "rec", "--detach"], ["status", "rec"]):
            assert str(path) in home.error(*command, code=FAILED)
        assert path.read_bytes() == damaged
        assert "rec" in home.run("ls").stdout
    path.write_bytes(good)
    cluster.up()
    assert [node["pid"] for node in cluster.nodes().values()] == pids


def test_a_record_of_a_newer_version(home):
    cluster = home.up("new", "--shards", 1, "--replicas", 0)
    cluster.down()
    path = cluster.folder / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    before = path.read_text()
    said = home.error("up", "new", "--detach", code=FAILED)
    assert "99" in said and "newer" in said
    assert path.read_text() == before and not home.processes()


def test_a_lost_or_damaged_record_of_processes_is_made_again(sharded):
    pids = sharded.pids()
    path = sharded.folder / "run.json"
    for harm in (path.unlink, lambda: path.write_text("{"), lambda: path.write_text('{"format": 1, "nodes": []}')):
        sharded.kill_supervisor()
        harm()
        sharded.up()
        assert sharded.pids() == pids


def test_a_stranger_on_a_recorded_port(home):
    cluster = home.up("port", "--shards", 1, "--replicas", 1)
    fill = Fill(cluster, 20)
    cluster.down()
    host, port = cluster.address("p1-1")
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind((host, port))
        stranger.listen()
        cluster.up("--timeout", 5, code=None)
        status = cluster.wait_for(lambda status: str(os.getpid()) in json.dumps(status) and status, "the stranger's pid")
        assert str(port) in json.dumps(status)
        fill.verify()  # the other node serves
    cluster.wait_ready()
    fill.verify()


def test_a_stranger_under_a_recorded_pid(sharded):
    """The record names a pid that is somebody else's by now: it is neither taken for the server nor harmed."""
    stranger = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        name = sharded.primary("p1")["name"]
        sharded.kill_supervisor()
        sharded.kill(name)
        path = sharded.folder / "run.json"
        record = json.loads(path.read_text())
        record["nodes"][name]["pid"] = stranger.pid
        path.write_text(json.dumps(record))
        sharded.up()
        assert sharded.pids()[name] not in (0, stranger.pid)
        sharded.kill(name)
        sharded.wait_ready()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_too_few_descriptors(home, engine):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    said = home.error("up", "bad", "--detach", "--engine", engine.program, "--port", home.ports.take(), code=FAILED,
                      preexec_fn=limit)
    assert "ulimit -n" in said or "open files" in said or "descriptors" in said
    check_nothing_was_made(home)


@pytest.fixture
def small_disk(home):
    """The home on a file system of 64 MiB that a test can fill."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a small file system")
    home.folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", home.folder], capture_output=True,
                             check=False)
    if mounted.returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    yield home
    home.end()
    subprocess.run(["umount", "-l", home.folder], check=True)


def fill_disk(folder, leave_bytes):
    free = os.statvfs(folder)
    size = free.f_bavail * free.f_frsize - leave_bytes
    path = folder / "ballast"
    with open(path, "wb") as file:
        file.write(b"\0" * size)
    return path


def test_the_disk_is_full_before_the_start(small_disk, engine):
    ballast = fill_disk(small_disk.folder, 200_000)
    said = small_disk.error("up", "bad", "--detach", "--engine", engine.program, "--port", small_disk.ports.take(), code=FAILED)
    assert "disk" in said or "space" in said
    ballast.unlink()
    check_nothing_was_made(small_disk)
    small_disk.up("bad", "--shards", 1, "--replicas", 0)


def test_the_disk_is_full_while_a_node_starts(small_disk):
    cluster = small_disk.up("full", "--shards", 1, "--replicas", 0)
    fill = Fill(cluster, 50)
    ballast = fill_disk(small_disk.folder, 0)
    said = cluster.run("scale", "--replicas", 1, "--timeout", 5, code=None)
    assert said.returncode != 0
    assert "space" in said.stderr or "space" in cluster.log() or "disk" in said.stderr, said.stderr
    fill.verify()
    ballast.unlink()
    cluster.run("scale", "--replicas", 1)
    assert len(cluster.replicas()) == 1
    fill.verify()


def test_a_home_that_cannot_be_written(bare_home):
    if os.getuid() == 0:
        bare_home.folder.write_text("a file")  # root may write anywhere, but not make folders in a file
    else:
        bare_home.folder.mkdir(mode=0o500)
    said = bare_home.error("up", "bad", "--detach", "--engine", bare_home.engine.program, code=FAILED)
    assert str(bare_home.folder) in said
    assert not bare_home.processes()
    if os.getuid() == 0:
        bare_home.folder.unlink()


def test_a_home_of_another_user(bare_home):
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    bare_home.folder.mkdir()
    os.chown(bare_home.folder, 65534, 65534)
    said = bare_home.error("up", "bad", "--detach", "--engine", bare_home.engine.program, code=None)
    assert str(bare_home.folder) in said
    assert not bare_home.processes()


def test_help_is_there_for_every_command(bare_home):
    said = bare_home.run("--help").stdout
    for command in ("up", "ls", "status", "scale", "failover", "restart", "logs", "exec", "password", "plan", "apply", "down",
                    "completion"):
        assert f"  {command} " in said
        assert f"keyway {command}" in bare_home.run(command, "--help").stdout
    assert processes.command_line(os.getpid())  # /proc is there, on which the other tests rely
    assert subprocess.run([PROGRAM], capture_output=True, check=False).returncode in (0, BAD_INPUT)
