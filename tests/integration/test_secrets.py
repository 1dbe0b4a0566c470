"""Who may do what, and where passwords are: in files of mode 0600, and nowhere else."""

import stat

import pytest
import redis

import processes
from keyway_home import BAD_INPUT


def connection(cluster, user, password):
    host, port = cluster.addresses()[0]
    return redis.Redis(host=host, port=port, username=user, password=password, decode_responses=True)


def test_the_workload_user_may_not_do_what_is_dangerous(sharded):
    user = connection(sharded, "workload", sharded.password("workload"))
    for command in (("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("SHUTDOWN",), ("ACL", "LIST"),
                    ("CLUSTER", "RESET"), ("REPLICAOF", "NO", "ONE")):
        with pytest.raises(redis.exceptions.NoPermissionError):
            user.execute_command(*command)
    assert user.info("replication")["role"] in ("master", "slave")
    assert user.execute_command("CLUSTER", "SLOTS")


def test_nobody_gets_in_without_a_password(sharded, replicated):
    for cluster in (sharded, replicated):
        for name in cluster.nodes():
            host, port = cluster.address(name)
            with pytest.raises(redis.exceptions.AuthenticationError):
                redis.Redis(host=host, port=port).ping()
            for user in ("default", "admin", "workload"):
                with pytest.raises(redis.exceptions.ResponseError, match="WRONGPASS"):
                    redis.Redis(host=host, port=port, username=user, password="wrong").ping()


def test_files_are_the_users_own(sharded):
    for path in [sharded.folder, *sharded.folder.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0 or path.name in ("dump.rdb", "server.pid"), f"{path} has mode {mode:o}"
    assert stat.S_IMODE((sharded.folder / "users").stat().st_mode) == 0o600
    assert stat.S_IMODE((sharded.home.folder).stat().st_mode) == 0o700


def test_no_password_is_seen_outside_of_its_files(sharded, replicated):
    for cluster in (sharded, replicated):
        cluster.run("failover", "p1")  # replication is set up again, by password
        secrets = {cluster.password(user).encode() for user in ("admin", "workload")}
        running = cluster.home.processes()
        assert len(running) > 3
        for process in running:
            for place, text in (("command line", processes.command_line(process.pid)),
                                ("environment", processes.environment(process.pid))):
                assert not any(secret in text for secret in secrets), f"a password in the {place} of {process.pid}"
        holders = {path.name for path in cluster.folder.rglob("*") if path.is_file() and
                   any(secret in path.read_bytes() for secret in secrets)}
        assert holders == {"users", "redis.conf"}


def test_users_of_the_spec_come_change_and_go(home):
    cluster = home.up("users", "-f", "-", port=0, text=home.document("users", shards=1, replicas=1, users=[
        {"name": "reader", "rules": "+@read ~public:*"}], local={"port": home.ports.take()}))
    cluster.run("password", "workload", code=3)
    cluster.client("admin").execute("public:a", "SET", "public:a", "1")
    reader = cluster.client("reader")
    assert reader.execute("public:a", "GET", "public:a") == "1"
    with pytest.raises(redis.exceptions.NoPermissionError):
        reader.execute("public:a", "SET", "public:a", "2")
    with pytest.raises(redis.exceptions.NoPermissionError):
        reader.execute("private", "GET", "private")
    before, password = cluster.pids(), cluster.password("reader")
    cluster.apply(shards=1, replicas=1, users=[{"name": "reader", "rules": "+@read ~*"}, {"name": "writer", "rules": "+@all ~*"}])
    assert cluster.client("reader").execute("private", "GET", "private") is None
    assert cluster.password("reader") == password
    cluster.client("writer").execute("private", "SET", "private", "2")
    cluster.apply(shards=1, replicas=1, users=[{"name": "writer", "rules": "+@all ~*"}])
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGPASS"):
        connection(cluster, "reader", password).ping()
    assert cluster.pids() == before  # all of it live


def test_a_spec_cannot_carry_a_password(bare_home):
    text = bare_home.document("open", users=[{"name": "a", "rules": "+@all ~* >secret"}])
    said = bare_home.error("up", "-f", "-", "--detach", text=text, code=BAD_INPUT)
    assert "spec.users[0].rules" in said
    assert not (bare_home.folder / "clusters" / "open").exists()
