"""The volumes of a testbed: local ones, made when the scheduler has chosen a node, as an external provisioner and a resizer do."""

import pathlib
import subprocess
import threading
import urllib.error

import control_plane
import network

CLASS = "standard"
PROVISIONER = "keyway.test/local"
CHOSEN = "volume.kubernetes.io/selected-node"
MADE_BY = "pv.kubernetes.io/provisioned-by"
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "": 1}
CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "/api/v1/persistentvolumes", "/apis/storage.k8s.io/v1/storageclasses"

STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
    "metadata": {"name": CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": PROVISIONER, "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": True, "reclaimPolicy": "Delete"}


def bytes_of(quantity):
    number = quantity.rstrip("KMGTik")
    return int(float(number) * UNITS[quantity[len(number):]])


class Volumes:
    """Is told of claims and volumes by threads of others; does one thing at a time."""

    def __init__(self, home):
        self.home, self.lock = pathlib.Path(home), threading.Lock()
        (self.home / "volumes").mkdir(exist_ok=True)
        self.write("POST", CLASSES, STORAGE_CLASS)

    def claims_changed(self, claims):
        with self.lock:
            for claim in list(claims.values()):
                if claim["spec"].get("storageClassName") != CLASS or claim["metadata"].get("deletionTimestamp"):
                    continue
                if claim["spec"].get("volumeName"):
                    self.grow(claim)
                elif claim["metadata"].get("annotations", {}).get(CHOSEN):
                    self.make(claim)

    def volumes_changed(self, volumes):
        with self.lock:
            for (_, name), volume in list(volumes.items()):
                ours = volume["metadata"].get("annotations", {}).get(MADE_BY) == PROVISIONER
                if ours and volume["status"].get("phase") == "Released" and \
                        volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
                    self.delete(name)

    def write(self, method, path, body=None, kind="application/json"):
        """True if it was done now; False if it is so already."""
        try:
            with control_plane.request(self.home, path, method, body, kind) as response:
                response.read()
            return True
        except urllib.error.HTTPError as error:
            if error.code in (404, 409):
                return False
            raise

    def folder(self, name):
        return self.home / "volumes" / name

    def make(self, claim):
        meta, size = claim["metadata"], claim["spec"]["resources"]["requests"]["storage"]
        name, node = f"pvc-{meta['uid']}", meta["annotations"][CHOSEN]
        folder = self.folder(name)
        if not folder.exists():
            folder.mkdir()
            network.do("mount", "-t", "tmpfs", "-o", f"size={bytes_of(size)},mode=0777", "tmpfs", folder)
        affinity = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
        self.write("POST", VOLUMES, {
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "annotations": {MADE_BY: PROVISIONER}},
            "spec": {"capacity": {"storage": size}, "accessModes": claim["spec"]["accessModes"], "storageClassName": CLASS,
                     "persistentVolumeReclaimPolicy": "Delete", "local": {"path": str(folder)},
                     "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": meta["namespace"],
                                  "name": meta["name"], "uid": meta["uid"]},
                     "nodeAffinity": {"required": {"nodeSelectorTerms": [affinity]}}}})

    def grow(self, claim):
        wanted = claim["spec"]["resources"]["requests"]["storage"]
        has = claim.get("status", {}).get("capacity", {}).get("storage")
        if not has or bytes_of(wanted) <= bytes_of(has):
            return
        name = claim["spec"]["volumeName"]
        network.do("mount", "-o", f"remount,size={bytes_of(wanted)}", self.folder(name))
        patch = "application/merge-patch+json"
        self.write("PATCH", f"{VOLUMES}/{name}", {"spec": {"capacity": {"storage": wanted}}}, patch)
        path = f"/api/v1/namespaces/{claim['metadata']['namespace']}/{CLAIMS}/{claim['metadata']['name']}/status"
        self.write("PATCH", path, {"status": {"capacity": {"storage": wanted}, "conditions": []}}, patch)

    def delete(self, name):
        folder = self.folder(name)
        if folder.exists():
            # Whoever still has it open keeps it for so long, and nobody finds it any more.
            subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)
            folder.rmdir()
        self.write("DELETE", f"{VOLUMES}/{name}")
