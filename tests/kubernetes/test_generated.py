"""Manifests that heal without an operator: gen, apply, and whatever happens to pods, no acknowledged write is lost."""

from generated import ROLE, SLOW_S, answers, replace

from checker import Checker


def names(pods):
    return [pod["metadata"]["name"] for pod in pods]


def delete_each_in_turn(kubectl, pods):
    """Deletes each pod when all others are ready again."""
    for pod in pods:
        replace(kubectl, pod, SLOW_S)
        kubectl.wait_ready(len(pods), ROLE, SLOW_S)


def test_the_primary_service_takes_writes(single, kubectl):
    assert names(kubectl.get("pods", selector=ROLE)) == [f"redis-partition-p1-app-{number}" for number in range(3)]
    with single.primary_service() as connection:
        kubectl.wait(lambda: answers(connection), "the Service to lead somewhere")
        assert connection.set("a", "1") and connection.get("a") == "1"
        assert connection.execute_command("WAIT", 2, 5000) == 2


def test_each_pod_of_a_server_is_deleted_in_turn(single, kubectl):
    with Checker(single.pods) as checker:
        delete_each_in_turn(kubectl, kubectl.get("pods", selector=ROLE))
        single.wait_whole(3)
    checker.verify()


def test_each_pod_of_a_cluster_is_deleted_in_turn(sharded, kubectl):
    with Checker(sharded.pods) as checker:
        delete_each_in_turn(kubectl, kubectl.get("pods", selector=ROLE))
        sharded.wait_whole(6)
    checker.verify()


def delete_all_at_once(made, kubectl):
    pods = kubectl.get("pods", selector=ROLE)
    before = {pod["metadata"]["uid"] for pod in pods}
    with Checker(made.pods, durable=True, deadline_s=SLOW_S) as checker:
        kubectl.run("delete", "pods", "--selector", ROLE, "--wait=false")
        kubectl.wait(lambda: not before & {pod["metadata"]["uid"] for pod in kubectl.get("pods", selector=ROLE)}, "all of them to be gone",
                     SLOW_S)
        made.wait_whole(len(pods), SLOW_S)
    checker.verify()


def test_all_pods_of_a_server_are_deleted_at_once(single, kubectl):
    delete_all_at_once(single, kubectl)


def test_all_pods_of_a_cluster_are_deleted_at_once(sharded, kubectl):
    """All of their addresses change, and each knows the others by those that they had."""
    delete_all_at_once(sharded, kubectl)
