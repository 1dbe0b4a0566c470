"""Pods that are to end and have ended, of which their kubelet has yet to say so: it is said for it.

A kubelet of Kubernetes 1.20 that looks at a container just as that goes keeps an old picture of it until it collects garbage, once a minute;
until then the pod cannot come back. Also otherwise it says goodbye only every ten seconds. By then it has long taken down the pod's
volumes, which it does after the last container has ended.
"""

import pathlib
import threading
import time

import control_plane

LOOK_S = 0.5
SURE_S = 2  # for how long there have been none of its volumes


class Goodbyes:
    """Is told of pods by a thread of others; `serve` is for a thread of its own, and ends with `over`."""

    def __init__(self, home):
        self.home, self.pods, self.ended, self.over = pathlib.Path(home), {}, {}, threading.Event()

    def pods_changed(self, objects):
        self.pods = dict(objects)

    def serve(self):
        while not self.over.wait(LOOK_S):
            self.look(time.monotonic())

    def look(self, now):
        ending = {pod["metadata"]["uid"]: pod for pod in list(self.pods.values())
                  if "deletionTimestamp" in pod["metadata"] and pod["spec"].get("nodeName")}
        self.ended = {uid: self.ended.get(uid, now) for uid, pod in ending.items() if self.has_ended(pod)}
        for uid, since in self.ended.items():
            if now - since > SURE_S:
                self.delete(ending[uid])

    def has_ended(self, pod):
        folder = self.home / pod["spec"]["nodeName"] / "kubelet" / "pods" / pod["metadata"]["uid"]
        return not any(folder.glob("volumes/*/*"))

    def delete(self, pod):
        meta = pod["metadata"]
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
        try:
            path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
            with control_plane.request(self.home, path, "DELETE", options) as response:
                response.read()
        except OSError as error:  # such as that it is gone; else it is tried again
            print(f"{meta['name']}: {error}", flush=True)
