"""`kubectl keyway`, as kubectl finds it."""

import contextlib
import os
import pathlib
import signal
import subprocess

from generated import SLOW_S

from keyway_home import PROGRAM
from waiting import wait_for

READY_S = 60


class Plugin:
    """`kubectl keyway …`, called by kubectl itself."""

    def __init__(self, kubectl, folder):
        self.kubectl, self.folder = kubectl, folder
        (folder / "kubectl-keyway").symlink_to(pathlib.Path(PROGRAM).resolve())
        self.environment = {**os.environ, "KUBECONFIG": kubectl.kubeconfig, "PATH": f"{folder}:{os.environ['PATH']}"}

    def command(self, *words):
        return [self.kubectl.program, "keyway", *map(str, words), "--namespace", self.kubectl.namespace]

    def run(self, *words):
        return self.finished(*words).stdout

    def command_output(self, *words):
        """What it says to people."""
        return self.finished(*words).stderr

    def finished(self, *words):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False, timeout=SLOW_S, env=self.environment)
        assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    @contextlib.contextmanager
    def connected(self, *words):
        """What `connect` has printed, while it runs."""
        path = self.folder / "connect.out"
        with open(path, "w", encoding="utf-8") as out:
            # pylint: disable-next=consider-using-with
            process = subprocess.Popen(self.command("connect", *words), stdout=out, stderr=subprocess.STDOUT, env=self.environment)
            try:
                wait_for(lambda: "Ctrl-C ends it." in path.read_text() or process.poll() is not None, "connect to be ready", READY_S)
                assert process.poll() is None, path.read_text()
                yield path.read_text()
                process.send_signal(signal.SIGINT)
                process.wait(timeout=READY_S)
            finally:
                process.kill()
                process.wait()
