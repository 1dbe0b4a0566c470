"""A Kubernetes API server that is a script: objects in memory, watches, patches of annotations, and port-forwards over WebSocket as
kubelets speak them, to servers of this machine."""

import base64
import copy
import hashlib
import http.server
import json
import re
import socket
import struct
import threading
import urllib.parse

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
BINARY, CLOSE = 2, 8
PIECE = 65536
# Resources by the ends of their paths.
OBJECT = re.compile(r"^(?:/api/v1|/apis/[^/]+/[^/]+)/namespaces/[^/]+/([^/]+)/([^/]+)$")
LIST = re.compile(r"^/api/v1/namespaces/[^/]+/(pods)$")
FORWARD = re.compile(r"^/api/v1/namespaces/[^/]+/pods/([^/]+)/portforward$")
LOG = re.compile(r"^/api/v1/namespaces/[^/]+/pods/([^/]+)/log$")
EVICTION = re.compile(r"^/api/v1/namespaces/[^/]+/pods/([^/]+)/eviction$")


class ApiServer:
    """`objects` are by (resource, name); `ports` are where the servers of pods really listen."""

    def __init__(self, folder):
        self.objects, self.ports, self.version = {}, {}, 1
        self.forbidden = None  # the end of a path whose requests are refused
        self.forwards = []  # (pod, the client's socket)
        self.evicted = []
        self.changed = threading.Condition()
        api = self

        class Handler(Requests):
            pass

        Handler.api = api
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.kubeconfig = folder / "kubeconfig"
        address = f"http://127.0.0.1:{self.server.server_address[1]}"
        named = {"clusters": [{"name": "c", "cluster": {"server": address}}], "users": [{"name": "u", "user": {"token": "t"}}],
                 "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "data"}}]}
        self.kubeconfig.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "x", **named}))

    def put(self, resource, name, **fields):
        """Puts an object there, or another one in its place."""
        with self.changed:
            self.version += 1
            meta = fields.setdefault("metadata", {})
            meta.update(name=name, namespace="data", resourceVersion=str(self.version))
            meta.setdefault("uid", f"uid-{self.version}")
            self.objects[resource, name] = fields
            self.changed.notify_all()

    def get(self, resource, name):
        with self.changed:
            return copy.deepcopy(self.objects.get((resource, name)))

    def annotation(self, resource, name, annotation):
        return (self.get(resource, name)["metadata"].get("annotations") or {}).get(annotation)

    def remove(self, resource, name):
        with self.changed:
            self.version += 1
            del self.objects[resource, name]
            self.changed.notify_all()

    def pod(self, name, shard, ip, port, role="replica", ready=True, kind="cluster"):
        """A server's pod; `port` is where it really listens, on 127.0.0.1."""
        self.ports[name] = port
        labels = {kind: "app", "partition": shard, "role": "partition-shard", "shard-role": role}
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        self.put("pods", name, metadata={"labels": labels}, spec={"nodeName": "n1", "containers": [{"name": "redis"}]},
                 status={"phase": "Running", "podIP": ip, "conditions": [condition],
                         "containerStatuses": [{"name": "redis", "image": "redis:8.0", "ready": ready, "restartCount": 0,
                                                "state": {"running": {}}}]})

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        for _, client in self.forwards:
            client.close()


class Requests(http.server.BaseHTTPRequestHandler):
    """One connection of a client's."""

    protocol_version = "HTTP/1.1"
    api = None

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def answer(self, body, status=200):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def refuse(self, status, reason, message):
        self.answer({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason, "message": message}, status)

    def route(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if self.api.forbidden and url.path.endswith(self.api.forbidden):
            self.refuse(403, "Forbidden", f'User "ada" cannot get resource at {url.path}')
            return None, None
        return url.path, query

    def do_GET(self):  # pylint: disable=invalid-name
        path, query = self.route()
        if path is None:
            return
        for pattern, what in ((FORWARD, self.forward), (LOG, self.log), (LIST, self.list), (OBJECT, self.one)):
            found = pattern.match(path)
            if found:
                what(query, *found.groups())
                return
        documents = {"/version": {"major": "1", "minor": "30", "gitVersion": "v1.30.0"}, "/apis": {"groups": []},
                     "/api/v1": {"resources": [{"name": "pods/eviction", "group": "policy", "version": "v1", "kind": "Eviction"}]}}
        if path in documents:
            self.answer(documents[path])
        else:
            self.refuse(404, "NotFound", f"no {path}")

    def one(self, _, resource, name):
        found = self.api.get(resource, name)
        if found is None:
            self.refuse(404, "NotFound", f'{resource} "{name}" not found')
        else:
            self.answer(found)

    def log(self, query, pod):
        self.answer(f"log of {pod}, {query['tailLines']} lines\n".encode())

    def list(self, query, resource):
        if query.get("watch"):
            self.watch(resource, int(query["resourceVersion"]))
            return
        with self.api.changed:
            items = [item for (kind, _), item in sorted(self.api.objects.items()) if kind == resource]
            body = {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": str(self.api.version)}, "items": items}
            text = json.dumps(body).encode()
        self.answer(text)

    def watch(self, resource, since):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        known = {}
        with self.api.changed:
            known = {name: item for (kind, name), item in self.api.objects.items() if kind == resource}
            events = [("MODIFIED", item) for item in known.values() if int(item["metadata"]["resourceVersion"]) > since]
        while True:
            for kind, item in events:
                line = json.dumps({"type": kind, "object": item}).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
            with self.api.changed:
                self.api.changed.wait(timeout=1)
                now = {name: item for (of, name), item in self.api.objects.items() if of == resource}
                version = str(self.api.version)
            events = [("MODIFIED" if name in known else "ADDED", item) for name, item in now.items() if known.get(name) is not item]
            for name in known.keys() - now.keys():
                gone = copy.deepcopy(known[name])
                gone["metadata"]["resourceVersion"] = version
                events.append(("DELETED", gone))
            known = now

    def do_PATCH(self):  # pylint: disable=invalid-name
        path, _ = self.route()
        if path is None:
            return
        resource, name = OBJECT.match(path).groups()
        patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = self.api.get(resource, name)
        if found is None:
            self.refuse(404, "NotFound", f'{resource} "{name}" not found')
            return
        wanted_version = patch["metadata"].get("resourceVersion")
        if wanted_version not in (None, found["metadata"]["resourceVersion"]):
            self.refuse(409, "Conflict", "the object has been modified")
            return
        annotations = found["metadata"].setdefault("annotations", {})
        for key, value in patch["metadata"]["annotations"].items():
            annotations.pop(key, None)
            if value is not None:
                annotations[key] = value
        self.api.put(resource, name, **found)
        self.answer(self.api.get(resource, name))

    def do_POST(self):  # pylint: disable=invalid-name
        path, _ = self.route()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = EVICTION.match(path or "")
        if not found:
            self.refuse(404, "NotFound", f"no {path}")
            return
        name = found.group(1)
        self.api.evicted.append(name)
        # What the controller and the kubelet would do.
        again = self.api.get("pods", name)
        del again["metadata"]["uid"]
        self.api.put("pods", name, **again)
        self.answer({"kind": "Status", "status": "Success"}, 201)

    def forward(self, query, pod):
        """The kubelet's end: one port, both channels, until either side ends."""
        accept = base64.b64encode(hashlib.sha1((self.headers["Sec-WebSocket-Key"] + GUID).encode()).digest()).decode()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept),
                            ("Sec-WebSocket-Protocol", self.headers["Sec-WebSocket-Protocol"])):
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        self.api.forwards.append((pod, self.connection))
        for channel in (b"\0", b"\1"):
            self.send_frame(channel + struct.pack("<H", int(query["ports"])))
        try:
            server = socket.create_connection(("127.0.0.1", self.api.ports[pod]), timeout=10)
        except OSError as error:
            self.send_frame(b"\1" + f"error forwarding port {query['ports']} to pod {pod}: {error}".encode())
            return
        server.settimeout(None)
        threading.Thread(target=self.carry_back, args=(server,), daemon=True).start()
        try:
            while True:
                opcode, payload = self.read_frame()
                if opcode == CLOSE:
                    break
                server.sendall(payload[1:])
        except OSError:
            pass
        server.close()

    def carry_back(self, server):
        try:
            while piece := server.recv(PIECE):
                self.send_frame(b"\0" + piece)
            self.send_frame(struct.pack(">H", 1000), CLOSE)
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def send_frame(self, payload, opcode=BINARY):
        size = len(payload)
        head = struct.pack(">BB", 0x80 | opcode, size) if size < 126 else struct.pack(">BBQ", 0x80 | opcode, 127, size)
        self.wfile.write(head + payload)
        self.wfile.flush()

    def read_exactly(self, size):
        data = self.rfile.read(size)
        if len(data) < size:
            raise OSError("the client has ended")
        return data

    def read_frame(self):
        first, second = self.read_exactly(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack(">H", self.read_exactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.read_exactly(8))[0]
        mask = self.read_exactly(4)
        payload = self.read_exactly(size)
        stretched = (mask * (size // 4 + 1))[:size]
        plain = int.from_bytes(payload, "big") ^ int.from_bytes(stretched, "big")
        return first & 0xF, plain.to_bytes(size, "big")
