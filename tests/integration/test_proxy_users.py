"""`keyway proxy --users-file`: users of the proxy's own, who act as users of the servers."""

import hashlib
import os
import signal
import subprocess

import pytest
import redis

from keyway_home import PROGRAM
from proxies import proxy_before, whole_cluster
from waiting import wait_for

PASSWORDS = ("app-word", "other-word", "writer-word", "reader-word")


@pytest.fixture(scope="module", name="servers")
def cluster(make_servers):
    made = whole_cluster(make_servers, 3)
    for number in range(3):
        made.cli("-p", made.port(number), "ACL", "SETUSER", "writer", "on", ">writer-word", "~*", "&*", "+@all")
        made.cli("-p", made.port(number), "ACL", "SETUSER", "reader", "on", ">reader-word", "~*", "&*", "+@read", "+@connection",
                 "+acl|whoami")
    return made


@pytest.fixture(name="users")
def users_file(tmp_path):
    path = tmp_path / "users"
    (tmp_path / "writer.password").write_text("writer-word\n")
    (tmp_path / "writer.password").chmod(0o600)
    path.write_text(f"user app on #{hashlib.sha256(b'app-word').hexdigest()} as=writer\n"
                    "user other on >other-word as=reader\n"
                    "upstream writer file=writer.password\nupstream reader >reader-word\n")
    path.chmod(0o600)
    return path


def log_of(proxy):
    return (proxy.folder / "proxy.log").read_text()


def reload(proxy, said):
    before = len(log_of(proxy))
    proxy.process.send_signal(signal.SIGHUP)
    return wait_for(lambda: said in log_of(proxy)[before:] and log_of(proxy)[before:], f"the proxy to say {said!r}")


def check(*words):
    return subprocess.run([PROGRAM, "proxy", "--listen", "127.0.0.1:0", "--check", *words, "10.0.0.1:7001"], capture_output=True, text=True,
                          timeout=30, check=False)


@pytest.mark.every_engine
def test_clients_log_in_to_the_proxy_and_act_as_users_of_the_servers(servers, users):
    before = len(log.read_text()) if (log := servers.folder / "proxy.log").exists() else 0
    with proxy_before(servers, "--users-file", users) as proxy:
        with proxy.client() as stranger, pytest.raises(redis.AuthenticationError, match="Authentication required"):
            stranger.ping()
        with proxy.client(username="writer", password="writer-word") as known_there, pytest.raises(redis.ResponseError, match="WRONGPASS"):
            known_there.ping()
        with proxy.client(username="app", password="app-word") as app, proxy.client(username="other", password="other-word") as other:
            assert app.set("k", "1") and app.acl_whoami() == "writer"
            assert other.get("k") == "1" and other.acl_whoami() == "reader"
            with pytest.raises(redis.exceptions.NoPermissionError):
                other.set("k", "2")
            assert {client["user"] for client in app.client_list()} >= {"app", "other"}
            with app.pipeline() as pipeline:
                assert pipeline.incr("k").get("k").execute() == [2, "2"]
    text = log.read_text()[before:]
    assert "denied_login" in text and not [word for word in PASSWORDS if word in text]


def test_a_reload_takes_users_in_and_puts_them_out(servers, users):
    with proxy_before(servers, "--users-file", users) as proxy:
        app, other = (proxy.client(username=name, password=f"{name}-word", single_connection_client=True) for name in ("app", "other"))
        with app, other:
            assert app.ping() and other.ping()
            good = users.read_text()
            users.write_text(good + "user third on >third-word\n")
            assert f"{users}:5: it is not said as whom the user acts at the servers; add as=USER" in reload(proxy, "stays as it was")
            assert app.ping() and other.ping()
            users.write_text(good.replace("user other", "user third"))
            reload(proxy, "was read again")
            with pytest.raises(redis.ConnectionError):
                other.connection.retry_on_error = []
                other.ping()
            assert app.ping()
            with proxy.client(username="third", password="other-word") as third:
                assert third.acl_whoami() == "reader"


@pytest.mark.parametrize("line, message", [
    ("user a on >hunter2", ":5: it is not said as whom the user acts at the servers; add as=USER"),
    ("user a on >hunter2 as=writer ~a:*", ":5: word 6 is a rule of rights or passwords"),
    ("user a on hunter2 as=writer", ":5: word 4 is none of on, off, nopass"),
    ("user a on >hunter2 as=unheard", ":5: the password of unheard at the servers is not known; add a line: upstream unheard file=FILE"),
    ("upstream b file=nowhere", ""),
    ("upstream b file=nowhere\nuser a on >hunter2 as=b", ":5: the password file "),
    ("upstream app >hunter2\nuser app off", ":6: user app is on line 1 already"),
])
def test_check_names_file_and_line(users, line, message):
    users.write_text(users.read_text() + line + "\n")
    done = check("--users-file", users)
    assert "hunter2" not in done.stdout + done.stderr
    if message:
        assert done.returncode == 2 and f"{users}{message}" in done.stderr
    else:
        assert done.returncode == 0, "nobody acts as that one"


def test_check_says_who_may_come_in(users):
    done = check("--users-file", users)
    assert f"2 of {users}" in done.stdout and "clients without login   are refused\n" in done.stdout and "warning" not in done.stdout
    users.write_text(users.read_text() + "user default on nopass as=reader\n")
    assert "clients without login   act as reader\n" in check("--users-file", users).stdout
    refused = check("--users-file", users, "--open")
    assert refused.returncode == 2 and "the user default needs no password" in refused.stderr


def test_files_that_others_can_read_are_warned_about(users):
    for path in (users, users.parent / "writer.password"):
        os.chmod(path, 0o644)
        said = [line for line in check("--users-file", users).stdout.splitlines() if line.startswith("warning")]
        assert len(said) == 1 and f"{path} can be read by every user of this machine (mode 0644)" in said[0]
        os.chmod(path, 0o640)
    assert "warning" not in check("--users-file", users).stdout


def test_a_configuration_names_it_too(servers, users, tmp_path):
    config = tmp_path / "proxy.yaml"
    config.write_text("usersFile: users\n")
    with proxy_before(servers, "--config", config) as proxy, proxy.client(username="app", password="app-word") as app:
        assert app.acl_whoami() == "writer"
