"""The servers under test: $KEYWAY_ENGINE names one program, else $KEYWAY_ENGINES a folder of them (scripts/engines fills it),
else it is what PATH has."""

import os
import pathlib
import re
import shutil
import subprocess

# With these every test is run; with the others, those marked `every_engine`.
MAIN = re.compile(r"redis-7\.0\.|valkey-9\.")
PRODUCTS = ("redis", "valkey")


class Engine:
    def __init__(self, program):
        self.program = str(program)
        self.product = pathlib.Path(program).name.removesuffix("-server")
        self.version = version_of(program)
        self.name = f"{self.product}-{self.version}"
        self.main = bool(MAIN.match(self.name))

    @property
    def numbers(self):
        return tuple(int(number) for number in self.version.split("."))

    def __repr__(self):
        return self.name


def version_of(program):
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    return re.search(r"v=([\d.]+)", said).group(1)


def find_engines():
    if os.environ.get("KEYWAY_ENGINE"):
        programs = [os.environ["KEYWAY_ENGINE"]]
    elif os.environ.get("KEYWAY_ENGINES"):
        folder = pathlib.Path(os.environ["KEYWAY_ENGINES"])
        programs = [path for product in PRODUCTS for path in folder.glob(f"{product}-*/{product}-server")]
    else:
        programs = [path for path in (shutil.which(f"{product}-server") for product in PRODUCTS) if path]
    found = sorted((Engine(program) for program in programs), key=lambda engine: (engine.product, engine.numbers))
    # Where only others are there, everything is run with the first of them.
    if found and not os.environ.get("KEYWAY_ENGINE") and not any(engine.main for engine in found):
        found[0].main = True
    return found
