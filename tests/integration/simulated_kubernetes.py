"""An API server that keeps objects and tells watches, and in which pods of StatefulSets are ready at once: for figures of `keyway operator` with
many clusters. It checks nothing and is nobody's example."""

import copy
import http.server
import json
import queue
import socketserver
import threading
import urllib.parse

GROUPS = ["apps", "policy", "coordination.k8s.io", "rbac.authorization.k8s.io", "keyway.dev"]


def merge(into, patch):
    """RFC 7396."""
    for name, value in patch.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = copy.deepcopy(value)
    return into


class Place:
    """What a path means."""

    def __init__(self, path):
        words = path.strip("/").split("/")
        at = 2 if words[0] == "api" else 3
        self.prefix = "/".join(words[:at])
        self.namespace = ""
        if len(words) > at + 1 and words[at] == "namespaces":
            self.namespace = words[at + 1]
            at += 2
        self.plural, self.name, self.subresource = (words[at:] + ["", "", ""])[:3]

    def key(self):
        return self.prefix, self.plural, self.namespace, self.name


def selected(item, selector):
    labels = item["metadata"].get("labels", {})
    return all(labels.get(name) == value for name, _, value in (term.partition("=") for term in selector.split(",") if term))


class SimulatedKubernetes(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Serves until close()."""
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.lock = threading.RLock()
        self.objects, self.watches, self.writes = {}, [], []
        self.version = 1
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        with self.lock:
            for _, _, lines in self.watches:
                lines.put(None)
        self.shutdown()
        self.thread.join()
        self.server_close()

    def put(self, key, item):
        """Makes or replaces an object, and tells watches."""
        with self.lock:
            self.version += 1
            before = self.objects.get(key)
            metadata = item.setdefault("metadata", {})
            metadata.update(name=key[3], namespace=key[2], resourceVersion=str(self.version),
                            uid=before["metadata"]["uid"] if before else f"uid-{self.version}", creationTimestamp="2026-11-22T10:00:00Z")
            generation = before["metadata"]["generation"] if before else 0
            metadata["generation"] = generation + (not before or before.get("spec") != item.get("spec"))
            self.objects[key] = item
            self.tell("MODIFIED" if before else "ADDED", key, item)
            if key[1] == "statefulsets" and (not before or before.get("spec") != item.get("spec")):
                self.control(key, item)
        return item

    def tell(self, kind, key, item):
        line = json.dumps({"type": kind, "object": item}).encode() + b"\n"
        for place, selector, lines in self.watches:
            if (place.prefix, place.plural) == key[:2] and place.namespace in ("", key[2]) and selected(item, selector):
                lines.put(line)

    def control(self, key, item):
        """The StatefulSet's controller and its pods, which are of a size as pods are."""
        spec = item["spec"]
        item["status"] = {"observedGeneration": item["metadata"]["generation"], "updateRevision": "r1", "replicas": spec["replicas"]}
        for ordinal in range(spec["replicas"]):
            name = f"{key[3]}-{ordinal}"
            labels = {**spec["template"]["metadata"]["labels"], "controller-revision-hash": "r1",
                      "shard-role": "replica" if ordinal else "primary"}
            container = spec["template"]["spec"]["containers"][0]
            status = {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [
                {"name": container["name"], "image": container["image"], "ready": True, "state": {"running": {}}, "restartCount": 0}]}
            self.put(("api/v1", "pods", key[2], name), {
                "metadata": {"labels": labels, "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": "x" * 2000}}]},
                "spec": copy.deepcopy(spec["template"]["spec"]), "status": status})
            for template in spec.get("volumeClaimTemplates", []):
                self.put(("api/v1", "persistentvolumeclaims", key[2], f"data-{name}"),
                         {"metadata": {"labels": dict(template["metadata"]["labels"])}, "spec": copy.deepcopy(template["spec"])})


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def refuse(self, status, reason):
        self.answer(status, {"kind": "Status", "code": status, "reason": reason, "message": reason})

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")

    def do_GET(self):  # pylint: disable=invalid-name
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        if path == "/version":
            return self.answer(200, {"gitVersion": "v1.30.0", "major": "1", "minor": "30"})
        if path == "/apis":
            return self.answer(200, {"groups": [{"name": name, "versions": [{"version": "v1"}]} for name in GROUPS]})
        if path == "/api/v1":
            return self.answer(200, {"resources": []})
        place = Place(path)
        if "watch" in asked:
            return self.watch(place, asked)
        with self.server.lock:
            if place.name:
                found = self.server.objects.get(place.key())
                return self.answer(200, found) if found else self.refuse(404, "NotFound")
            return self.list(place, asked)

    def list(self, place, asked):
        """In pages, as the client wants them."""
        keys = sorted(key for key, item in self.server.objects.items() if key[:2] == (place.prefix, place.plural)
                      and place.namespace in ("", key[2]) and selected(item, asked.get("labelSelector", "")))
        begin = int(asked.get("continue", 0))
        end = begin + (int(asked.get("limit", 0)) or len(keys))
        metadata = {"resourceVersion": str(self.server.version)}
        if end < len(keys):
            metadata["continue"] = str(end)
        self.answer(200, {"metadata": metadata, "items": [self.server.objects[key] for key in keys[begin:end]]})

    def watch(self, place, asked):
        lines = queue.Queue()
        with self.server.lock:
            since = int(asked.get("resourceVersion", 0))
            selector = asked.get("labelSelector", "")
            self.server.watches.append((place, selector, lines))
            for key, item in self.server.objects.items():
                if key[:2] == (place.prefix, place.plural) and int(item["metadata"]["resourceVersion"]) > since and selected(item, selector):
                    lines.put(json.dumps({"type": "MODIFIED", "object": item}).encode() + b"\n")
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while (line := lines.get()) is not None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        except OSError:
            self.close_connection = True

    def write(self, make):
        place = Place(self.path.partition("?")[0])
        body = self.body()
        with self.server.lock:
            if self.command == "POST":
                place.name = body["metadata"]["name"]
            before = self.server.objects.get(place.key())
            self.server.writes.append((self.command, place.plural, place.namespace, place.name))
            version = body.get("metadata", {}).get("resourceVersion")
            if before and version and version != before["metadata"]["resourceVersion"]:
                return self.refuse(409, "Conflict")
            return make(place, before, body)

    def do_POST(self):  # pylint: disable=invalid-name
        self.write(lambda place, before, body: self.refuse(409, "AlreadyExists") if before
                   else self.answer(201, self.server.put(place.key(), body)))

    def do_PUT(self):  # pylint: disable=invalid-name
        self.write(lambda place, before, body: self.answer(200, self.server.put(place.key(), body)) if before else self.refuse(404, "NotFound"))

    def do_PATCH(self):  # pylint: disable=invalid-name
        def patch(place, before, body):
            if not before and "apply" not in self.headers["Content-Type"]:
                return self.refuse(404, "NotFound")
            made = copy.deepcopy(before) if before else {}
            if place.subresource == "status":
                made["status"] = body["status"]
            else:
                merge(made, body)
            return self.answer(200, self.server.put(place.key(), made))
        self.write(patch)

    def do_DELETE(self):  # pylint: disable=invalid-name
        def erase(place, before, _):
            if not before:
                return self.refuse(404, "NotFound")
            del self.server.objects[place.key()]
            self.server.tell("DELETED", place.key(), before)
            return self.answer(200, before)
        self.write(erase)
