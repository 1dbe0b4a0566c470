"""What every Kubernetes has besides its own programs, for a testbed: names of Services, and volumes; and what its kubelets are slow at. Run
as a program inside of the testbed: `addons.py HOME`.

Names: A records of Services, and of the pods of headless ones, as https://github.com/kubernetes/dns/blob/master/docs/specification.md
says. Volumes: the storage class `standard`, which makes a local volume when a pod is to use it, lets it grow when its claim does, and
deletes it, with what is in it, when the claim is deleted. Each is a file system of its own, so that it can be full.
"""

import json
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))

# pylint: disable=wrong-import-position
import control_plane  # noqa: E402
from goodbyes import Goodbyes  # noqa: E402
from names import Names  # noqa: E402
from volumes import Volumes  # noqa: E402
from waiting import wait_for  # noqa: E402

LOOK_AGAIN_S = 600  # a watch that says nothing for so long is begun anew


class Watch(threading.Thread):
    """Follows all objects of one kind: `seen` is called with all of them, by (namespace, name), after each change."""

    def __init__(self, home, path, seen):
        super().__init__(daemon=True)
        self.home, self.path, self.seen, self.objects = home, path, seen, {}

    def run(self):
        while True:
            try:
                self.follow(self.list())
            except (OSError, ValueError) as error:
                print(f"{self.path}: {error}; beginning anew", flush=True)
                wait_for(lambda: control_plane.api_ready(self.home), "the API server", 3600)

    def list(self):
        with control_plane.request(self.home, self.path) as response:
            listed = json.load(response)
        self.objects = {key_of(item): item for item in listed["items"]}
        self.seen(self.objects)
        return listed["metadata"]["resourceVersion"]

    def follow(self, version):
        path = f"{self.path}?watch=1&resourceVersion={version}&timeoutSeconds={LOOK_AGAIN_S}"
        with control_plane.request(self.home, path, timeout_s=LOOK_AGAIN_S + 20) as response:
            for line in response:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ValueError(event["object"].get("message", "the watch ended"))
                if event["type"] == "DELETED":
                    self.objects.pop(key_of(event["object"]), None)
                else:
                    self.objects[key_of(event["object"])] = event["object"]
                self.seen(self.objects)


def key_of(item):
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def main(home):
    names = Names()
    volumes = Volumes(home)
    goodbyes = Goodbyes(home)
    watches = [Watch(home, "/api/v1/services", names.services_changed), Watch(home, "/api/v1/endpoints", names.endpoints_changed),
               Watch(home, "/api/v1/persistentvolumeclaims", volumes.claims_changed),
               Watch(home, "/api/v1/persistentvolumes", volumes.volumes_changed),
               Watch(home, "/api/v1/pods", goodbyes.pods_changed)]
    for watch in watches:
        watch.start()
    threading.Thread(target=goodbyes.serve, daemon=True).start()
    names.serve()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
