"""The long-running programs of a testbed: each with a log and a file of its process id in the testbed's folder. They end with the
testbed's process namespace, so nobody has to stop them."""

import pathlib
import subprocess


class Services:
    def __init__(self, home):
        self.home = pathlib.Path(home)
        for name in ("log", "pid"):
            (self.home / name).mkdir(exist_ok=True)

    def start(self, name, command):
        with open(self.home / "log" / f"{name}.log", "ab") as log:
            # pylint: disable-next=consider-using-with
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True, cwd=self.home)
        self.pid_file(name).write_text(f"{process.pid}\n", encoding="utf-8")

    def pid_file(self, name):
        return self.home / "pid" / name

    def pid(self, name):
        return int(self.pid_file(name).read_text(encoding="utf-8"))
