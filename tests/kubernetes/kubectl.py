"""kubectl as the tests use it: every call has a deadline, and waiting is for a condition."""

import json
import os
import subprocess

import yaml

from waiting import wait_for

LOG_LINES = 40
# Kubernetes 1.20, on which these tests run by default, has not all that manifests for today's have. Their fields are the same.
OLDER = {"policy/v1": "policy/v1beta1"}
# What kubectl says while the API server cannot be reached.
AWAY = ("connection refused", "timeout", "was not done after", "EOF")


class Failed(AssertionError):
    """kubectl, or what it ran in a pod, ended with another code than expected."""


class Kubectl:
    """A cluster as its administrator sees it, in one namespace."""

    def __init__(self, program, kubeconfig, namespace="default"):
        self.program, self.kubeconfig, self.namespace = str(program), str(kubeconfig), namespace

    def within(self, namespace):
        return Kubectl(self.program, self.kubeconfig, namespace)

    def run(self, *words, text=None, code=0, deadline_s=60):
        """The finished process, which ended with `code`; None: whatever it ended with."""
        command = [self.program, "--namespace", self.namespace, *map(str, words)]
        try:
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=deadline_s,
                                  stdin=subprocess.DEVNULL if text is None else None,
                                  env={**os.environ, "KUBECONFIG": self.kubeconfig})
        except subprocess.TimeoutExpired as error:
            raise Failed(f"kubectl {' '.join(map(str, words))} was not done after {deadline_s} s: "
                         f"{error.stdout!r} {error.stderr!r}") from None
        if code is not None and done.returncode != code:
            raise Failed(f"kubectl {' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def apply(self, items):
        """Applies objects."""
        self.run("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def kustomize(self, folder):
        """The objects that `kubectl apply -k FOLDER` would apply, in versions that the server has."""
        items = list(yaml.safe_load_all(self.run("kustomize", folder).stdout))
        known = set(self.run("api-versions").stdout.split())
        for item in items:
            older = OLDER.get(item["apiVersion"])
            if older and item["apiVersion"] not in known:
                item["apiVersion"] = older
        return items

    def get(self, kind, name=None, selector=None):
        """The object; all of that kind without a name; None if it is not there."""
        words = ["get", kind, *([name] if name else []), *(["--selector", selector] if selector else [])]
        said = self.run(*words, "--ignore-not-found", "--output", "json").stdout
        if not said.strip():
            return None if name else []
        found = json.loads(said)
        return found if name else found["items"]

    def execute(self, pod, *command, text=None, code=0, deadline_s=120):
        """What the command prints that is run in a pod."""
        return self.run("exec", *(["--stdin"] if text is not None else []), pod, "--", *command, text=text, code=code,
                        deadline_s=deadline_s).stdout

    def wait(self, condition, what, deadline_s=120):
        """Waits until `condition` gives something true, and returns it. The API server may be away meanwhile."""
        def looked():
            try:
                return condition()
            except Failed as error:
                if not any(word in str(error) for word in AWAY):
                    raise
                return None
        try:
            return wait_for(looked, what, deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told()}") from None

    def wait_ready(self, count, selector, deadline_s=180):
        """The pods, by name, when `count` of them are there and all are ready."""
        def ready():
            pods = self.get("pods", selector=selector)
            return len(pods) == count and all(map(is_ready, pods)) and sorted(pods, key=lambda pod: pod["metadata"]["name"])
        return self.wait(ready, f"{count} pods with {selector} to be ready", deadline_s)

    def wait_gone(self, kind, name, deadline_s=120):
        self.wait(lambda: self.get(kind, name) is None, f"{kind} {name} to be gone", deadline_s)

    def told(self):
        """What a person would look at when something went wrong."""
        parts = [self.run("get", "all,pvc,endpoints", "--output", "wide", code=None).stdout,
                 self.run("get", "events", "--sort-by=.lastTimestamp", code=None).stdout]
        for pod in self.get("pods"):
            name = pod["metadata"]["name"]
            log = self.run("logs", name, "--all-containers", "--tail", LOG_LINES, code=None)
            parts.append(f"-- {name}\n{log.stdout}{log.stderr}")
        return "\n".join(parts)


def is_ready(pod):
    conditions = {one["type"]: one["status"] for one in pod.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def address_of(pod):
    return pod["status"]["podIP"]
