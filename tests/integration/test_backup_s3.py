"""Backups in a bucket, and what is said when it cannot be reached or does not take them."""

import contextlib
import http.server
import os
import signal
import subprocess
import threading

import pytest

from certificates import Authority
from keyway_home import BAD_INPUT, FAILED, NOT_THERE, PROGRAM
from s3_server import BUCKET, S3Server
from test_backup import INTERRUPTED, KEYS, contents, filled, slow_servers
from waiting import wait_for

STORE = f"s3://{BUCKET}/keyway"
LARGE_VALUES = 20
MIB = 1 << 20
PART_MIB = 8


@pytest.fixture(scope="module", name="s3")
def s3_server(base_folder):
    server = S3Server(base_folder / "bucket")
    yield server
    server.end()


@pytest.fixture(autouse=True)
def _emptied(s3):
    yield
    for name in s3.objects():
        s3.file(name).unlink()


def test_sharded_into_another_number_of_shards(sharded, s3):
    home, env = sharded.home, s3.environment()
    filled(sharded)
    before = contents(sharded)
    made = home.json("backup", "create", sharded.name, "--to", STORE, env=env)
    folder = f"keyway/{sharded.name}/{made['id']}"
    assert s3.objects() == [f"{folder}/{name}" for name in ("manifest.json", "p1.rdb.zst", "p2.rdb.zst", "p3.rdb.zst")]
    listed = home.json("backup", "ls", STORE, env=env)["backups"]
    assert [(one["id"], one["state"], one["shards"], one["keys"]) for one in listed] == [(made["id"], "complete", 3, KEYS + 3)]
    assert home.json("backup", "show", STORE, env=env) == made
    other = home.cluster("other")
    try:
        home.run("restore", "other", "--from", STORE, "--shards", "2", "--replicas", "0", "--port", home.ports.take(), env=env)
        assert contents(other) == before
    finally:
        other.run("down", "--yes", "--purge")


def test_large_and_encrypted(replicated, s3, tmp_path):
    """Several parts; the endpoint and the region from the command line."""
    home, key = replicated.home, tmp_path / "key"
    env = s3.environment(AWS_ENDPOINT_URL_S3="")
    where = ("--endpoint-url", s3.endpoint(), "--region", "eu-west-3", "--addressing-style", "path")
    filled(replicated)
    for number in range(LARGE_VALUES):
        replicated.client().execute(f"large:{number}", "SET", f"large:{number}", os.urandom(MIB))
    replicated.wait_replicated()
    before = contents(replicated)
    home.run("backup", "key", key)
    made = home.json("backup", "create", replicated.name, "--to", STORE, "--key-file", key, *where, env=env)
    assert made["shards"][0]["stored_size_bytes"] > LARGE_VALUES * MIB
    parts = {int(number) for number in s3.logged(r"p1\.rdb\.zst\.enc\?partNumber=(\d+)")}
    assert parts == set(range(1, LARGE_VALUES // PART_MIB + 2))
    assert not any(value in s3.file(f"keyway/{replicated.name}/{made['id']}/p1.rdb.zst.enc").read_bytes() for value in (b"REDIS", b"value 17"))
    replicated.admin(replicated.primary()["name"]).flushall()
    home.run("restore", replicated.name, "--from", STORE, "--key-file", key, *where, env=env)
    assert contents(replicated) == before


def test_prune_and_altered_objects(replicated, s3):
    home, env = replicated.home, s3.environment()
    ids = [home.json("backup", "create", replicated.name, "--to", STORE, env=env)["id"] for _ in range(3)]
    pruned = home.json("backup", "prune", STORE, "--keep-last", "1", env=env)["backups"]
    assert [one["state"] for one in pruned] == ["deleted", "deleted", "kept"]
    assert [one["id"] for one in home.json("backup", "ls", STORE, env=env)["backups"]] == ids[-1:]
    file = s3.file(f"keyway/{replicated.name}/{ids[-1]}/p1.rdb.zst")
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 1
    file.write_bytes(whole)
    message = home.error("restore", replicated.name, "--from", STORE, "--replace", env=env, code=None)
    # By its sums, or before that because it makes no sense.
    assert "shard p1 of backup" in message or f"{ids[-1]}/p1.rdb.zst: " in message, message


def test_over_tls(replicated, s3, tmp_path):
    home, authority = replicated.home, Authority(tmp_path)
    server = S3Server(tmp_path / "bucket", certificate=authority.sign("s3"))
    try:
        env = server.environment(AWS_CA_BUNDLE=str(authority.file))
        made = home.json("backup", "create", replicated.name, "--to", STORE, env=env)
        assert home.json("backup", "show", STORE, env=env) == made
        message = home.error("backup", "ls", STORE, env=server.environment(), code=FAILED)
        assert "certificate" in message and server.endpoint() in message, message
    finally:
        server.end()
    assert not s3.objects()


def test_interrupted(sharded, s3):
    """Nothing is left, neither objects nor parts."""
    filled(sharded)
    command = [PROGRAM, "backup", "create", sharded.name, "--to", STORE]
    asked = len(s3.logged("list-type=2"))
    with slow_servers(sharded), subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                                 env=sharded.home.environment(**s3.environment())) as run:
        try:
            # It has looked for a free name in the bucket, and begins to take the data.
            wait_for(lambda: len(s3.logged("list-type=2")) > asked, "it to begin")
            run.send_signal(signal.SIGINT)
            said = run.communicate(timeout=100)[0]
        finally:
            run.kill()
    assert run.returncode == INTERRUPTED and "no backup was made" in said, said
    assert not s3.objects()


def test_what_does_not_let_one_in(replicated, s3):
    home, name = replicated.home, replicated.name

    def refused(*words, code=FAILED, **env):
        return home.error("backup", *words, code=code, env=s3.environment(**env))

    missing = refused("ls", "s3://none-such/x", code=NOT_THERE)
    assert 'has no bucket "none-such"' in missing and s3.endpoint() in missing
    assert 'has no bucket "none-such"' in refused("create", name, "--to", "s3://none-such/x", code=NOT_THERE)
    assert "does not know the access key of AWS_ACCESS_KEY_ID (AKIAWRONG)" in refused("ls", STORE, AWS_ACCESS_KEY_ID="AKIAWRONG")
    assert "there are no credentials" in refused("ls", STORE, AWS_ACCESS_KEY_ID="", HOME="/nowhere")
    assert "there is no backup" in refused("show", STORE, code=NOT_THERE)
    assert "no name of a bucket" in refused("ls", "s3://", code=BAD_INPUT)
    assert "are for s3://BUCKET" in refused("ls", "/tmp", "--region", "eu-west-1", code=BAD_INPUT)
    assert not s3.objects()


@contextlib.contextmanager
def web_server():
    """One that welcomes everybody."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # pylint: disable=invalid-name
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><p>Welcome!<br>")

        def log_message(self, *_):  # pylint: disable=arguments-differ
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_endpoints_that_are_none(bare_home, s3):
    with web_server() as url:
        message = bare_home.error("backup", "ls", STORE, "--endpoint-url", url, env=s3.environment(), code=FAILED)
        assert "is it an S3 endpoint?" in message and url in message
    # By now nobody is there.
    message = bare_home.error("backup", "ls", STORE, "--endpoint-url", url, env=s3.environment(), code=FAILED)
    assert "cannot connect to 127.0.0.1" in message and "3 tries" in message, message
