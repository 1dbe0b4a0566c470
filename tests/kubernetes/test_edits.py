"""What a person changes in a folder of `keyway gen`, and applies again; and what pods may do as it has them."""

import pytest
import redis
from generated import NAME, ROLE, replace
from kubectl import address_of

from checker import Checker


def logs_in(made, pod, user, password):
    connection = made.pods.connection(address_of(pod), 6379, user, password)
    try:
        return connection.ping()
    except redis.RedisError:
        return False


def replicated(made):
    """Whether every replica follows its primary, whose password may have just changed."""
    for host, _ in made.pods.addresses():
        told = made.pods.admin(host).info("replication")
        if told["role"] == "slave" and told["master_link_status"] != "up":
            return False
    return True


@pytest.mark.parametrize("kind, count", [("single", 3), ("sharded", 6)])
def test_users_change(request, kubectl, kind, count):
    """The Secret's new users and passwords are there in every pod without a restart, while clients go on."""
    made = request.getfixturevalue(kind)
    pods = made.wait_whole(count)
    users = (made.folder / "users.acl").read_text(encoding="utf-8")
    changed = users.replace(made.passwords["default"], "another-password-of-default") + "user reports on +@read +ping ~* >word-of-reports\n"
    with Checker(made.pods) as checker:
        (made.folder / "users.acl").write_text(changed, encoding="utf-8")
        made.apply()
        kubectl.wait(lambda: all(logs_in(made, pod, "reports", "word-of-reports") for pod in pods), "all servers to know the new user")
        made.pods.administrator = ("default", "another-password-of-default")
        kubectl.wait(lambda: replicated(made), "replicas to follow with the new password")
        after = made.wait_whole(count)
    checker.verify()
    assert [pod["metadata"]["uid"] for pod in after] == [pod["metadata"]["uid"] for pod in pods]
    assert not any(logs_in(made, pod, "default", made.passwords["default"]) for pod in pods)


def waiting_reason(pod):
    states = (pod or {}).get("status", {}).get("containerStatuses") or [{}]
    return states[0].get("state", {}).get("waiting", {}).get("reason", "")


def test_a_wrong_image_and_the_right_one_again(single, kubectl):
    """One pod is replaced by hand, and does not come up. The others go on, and the right image mends it."""
    pod = kubectl.get("pods", selector=ROLE)[0]
    name = pod["metadata"]["name"]
    with Checker(single.pods) as checker:
        single.apply("image=keyway.test/none:1")
        kubectl.run("delete", "pod", name, "--wait=false")
        kubectl.wait(lambda: waiting_reason(kubectl.get("pod", name)) in ("ErrImagePull", "ImagePullBackOff"), "the image to be missed")
        written = checker.written
        kubectl.wait(lambda: checker.written > written + 100, "writes to go on")
        single.apply()
        replace(kubectl, kubectl.get("pod", name), 120)
        single.wait_whole(3)
    checker.verify()


def test_pods_have_no_rights_that_they_do_not_need(single, kubectl):
    pod = kubectl.get("pods", selector=ROLE)[0]["metadata"]["name"]
    status = dict(line.split(":\t", 1) for line in kubectl.execute(pod, "cat", "/proc/1/status").splitlines() if ":\t" in line)
    assert set(status["Uid"].split()) == {"999"} and set(status["Gid"].split()) == {"999"}
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    refused = kubectl.run("exec", pod, "--", "touch", "/file", code=1)
    assert "Read-only file system" in refused.stderr
    assert kubectl.execute(pod, "stat", "-c", "%g", "/data").strip() == "999"
    for place in ("/opt/keyway/file", "/etc/keyway/file", "/etc/redis/file"):
        assert "Read-only file system" in kubectl.run("exec", pod, "--", "touch", place, code=1).stderr
    assert kubectl.get("pod", pod)["metadata"]["labels"]["server"] == NAME
