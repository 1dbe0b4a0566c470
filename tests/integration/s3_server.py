"""An S3 server to keep backups in: s3rver, from npm, on loopback with a folder of its own."""

import os
import pathlib
import re
import subprocess

from waiting import wait_for

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUCKET = "backups"
KEY_ID = SECRET = "S3RVER"  # the only ones that it knows


def node_modules():
    """$KEYWAY_S3_NODE_MODULES, or what scripts/node-modules makes."""
    if given := os.environ.get("KEYWAY_S3_NODE_MODULES"):
        return pathlib.Path(given)
    done = subprocess.run([ROOT / "scripts" / "node-modules", HERE / "s3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.splitlines()[-1])


class S3Server:
    """With one bucket. `certificate`: it speaks TLS."""

    def __init__(self, folder, certificate=None):
        self.folder, self.certificate = pathlib.Path(folder), certificate
        self.folder.mkdir()
        self.log = self.folder / "log"
        self.config = self.folder / "config"
        self.config.write_text("")
        tls = ["--key", certificate.key_file, "--cert", certificate.file] if certificate else []
        command = ["node", node_modules() / "s3rver" / "bin" / "s3rver.js", "-d", self.folder / "data", "-a", "127.0.0.1", "-p", "0",
                   "--no-vhost-buckets", *tls, "--configure-bucket", BUCKET]
        with open(self.log, "ab") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(list(map(str, command)), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.port = int(wait_for(self.listening, "s3rver to listen", deadline_s=120).group(1))

    def listening(self):
        assert self.process.poll() is None, self.log.read_text()
        return re.search(r"S3rver listening on \S+:(\d+)", self.log.read_text())

    def endpoint(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def environment(self, **more):
        """What the program is to find in its environment; nothing is taken of the one of these tests."""
        cleared = {name: "" for name in os.environ if name.startswith("AWS_")}
        return {**cleared, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_CONFIG_FILE": str(self.config),
                "AWS_ENDPOINT_URL_S3": self.endpoint(), **more}

    def objects(self):
        """The names of all objects."""
        bucket = self.folder / "data" / BUCKET
        ends = "._S3rver_object"
        return sorted(str(path.relative_to(bucket)).removesuffix(ends) for path in bucket.rglob(f"*{ends}"))

    def file(self, name):
        return self.folder / "data" / BUCKET / f"{name}._S3rver_object"

    def logged(self, pattern):
        """All that fits it in its log, which has the paths of requests that are over, cut off at their begin."""
        return re.findall(pattern, self.log.read_text())

    def end(self):
        self.process.kill()
        self.process.wait(timeout=60)
