"""A cluster that an operator keeps, as a person has one: `keyway install`, and `kubectl apply` of the document that `keyway up` takes."""

import base64
import calendar
import re
import time

import yaml
from definition import KIND, define, document, install
from generated import ROLE, SLOW_S
from kubectl import is_ready
from pods import PodCluster

from checker import error_kinds

NAME = "app"
OPERATORS = "app.kubernetes.io/name=keyway-operator"
OPERATOR_HTTP = 9121
CONDITIONS = {"Ready", "Progressing", "Degraded", "SlotsCovered", "Redundant", "UsersApplied"}
# A name for each of many slots, so that every shard has some.
KEYS = [f"written:{number}" for number in range(64)]


def install_operator(kubectl, image):
    """Into the namespace, of which alone it takes care; waits until both of its pods have read all objects."""
    define(kubectl)
    kubectl.run("apply", "-f", "-", text=install("--print", "operator", "--namespace", kubectl.namespace, "--image", image))
    kubectl.wait_ready(2, OPERATORS)


class Operated:
    """Applied, and not waited for. `spec` is the document's; edits are made of it by `edit`."""

    def __init__(self, kubectl, images, mode, **spec):
        self.kubectl, self.images, self.sharded = kubectl, images, mode == "sharded"
        self.spec = {"mode": mode, "engine": {"kind": "redis", "image": images["redis"]}, "memory": "32Mi", "storage": {"size": "64Mi"},
                     **spec}
        self.applied_at = time.time()
        self.edit()

    def edit(self, **changes):
        """Applies the document with these fields; None takes one away."""
        self.spec = {name: value for name, value in {**self.spec, **changes}.items() if value is not None}
        self.kubectl.run("apply", "-f", "-", text=document(NAME, **self.spec))

    def object(self):
        return self.kubectl.get(KIND, NAME)

    def conditions(self):
        """{type: (status, reason, message)}"""
        status = self.object().get("status", {})
        return {one["type"]: (one["status"], one["reason"], one["message"]) for one in status.get("conditions", [])}

    def users(self):
        """{name: password} as the Secret has them; empty while there is none."""
        secret = self.kubectl.get("secret", f"redis-etc-{NAME}")
        text = base64.b64decode(secret["data"]["users.acl"]).decode() if secret else ""
        return dict(re.findall(r"^user (\S+) .*?>(\S+)", text, re.MULTILINE))

    def pods(self):
        """For checkers; waits for the users."""
        users = self.kubectl.wait(self.users, "the Secret with the users")
        return PodCluster(self.kubectl, ROLE, self.sharded, "workload", users["workload"], admin=("default", users["default"]))

    def server_pods(self):
        return self.kubectl.get("pods", selector=ROLE)

    def is_settled(self):
        """Whether the present spec is carried out, as the status says."""
        found = self.object()
        status = found.get("status", {})
        conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
        return status.get("observedGeneration") == found["metadata"]["generation"] and status.get("state") == "ready" and \
            conditions.get("Ready") == conditions.get("Redundant") == "True" and conditions.get("Progressing") == "False"

    def wait_settled(self, count, deadline_s=SLOW_S):
        """The pods, when there are `count`, all are ready, and the status says that all is as the spec says."""
        def settled():
            pods = self.server_pods()
            return len(pods) == count and all(map(is_ready, pods)) and self.is_settled() and pods
        try:
            return self.kubectl.wait(settled, f"{count} pods and a settled status", deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{yaml.safe_dump(self.object().get('status'))}") from None

    def wait_writes(self, deadline_s=SLOW_S):
        """When every shard takes writes, by the clock; a write to each of many slots says so."""
        pods = self.pods()
        client = pods.client()
        for key in KEYS:
            client.execute(key, "SET", key, "1", deadline_s=deadline_s)
        client.close()
        return time.time()

    def started_at(self):
        """When the last of the servers' containers was started, by the clock, to the second."""
        states = [pod["status"]["containerStatuses"][0]["state"] for pod in self.server_pods()]
        return max(clock_of(state["running"]["startedAt"]) for state in states)

    def events(self):
        return self.kubectl.run("get", "events", "--field-selector", f"involvedObject.name={NAME}", "--output",
                                "custom-columns=R:.reason,M:.message", "--no-headers").stdout.splitlines()

    def server_config(self, parameter):
        """What every server has of a parameter."""
        pods = self.pods()
        return {pods.admin(host).config_get(parameter).get(parameter) for host, _ in pods.addresses()}


def clock_of(text):
    """Seconds since 1970 of a time as Kubernetes writes it."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def leaders(kubectl):
    """The operators' pods that say that they lead."""
    def leads(pod):
        path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod['metadata']['name']}:{OPERATOR_HTTP}/proxy/readyz"
        return kubectl.run("get", "--raw", path, code=None).stdout == "leads\n"
    return [pod for pod in kubectl.get("pods", selector=OPERATORS) if is_ready(pod) and leads(pod)]


def kill_operators(kubectl):
    """All of them, at once and without a word."""
    kubectl.run("delete", "pods", "--selector", OPERATORS, "--force", "--grace-period=0", "--wait=false")


def told(what, checker):
    print(f"{what}: {checker.written} writes, the longest pause {checker.longest_gap_s:.2f} s; errors that passed: {error_kinds(checker.errors)}")
