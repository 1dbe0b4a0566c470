"""The images of these tests, each an archive that any engine can load: Keyway's own, from the project's Dockerfile, and one of each
server, with what images of servers have: the server at its usual place, a user of its own, a small shell, and no Keyway."""

import os
import pathlib
import re
import shutil
import subprocess

from engines import MAIN, find_engines
from image import write_image

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEYWAY = "keyway.test/keyway:test"
SERVER_USER = "999:999"
BUSYBOX = "/bin/busybox"


def do(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=600, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def buildah_in(folder):
    """buildah, all of whose files stay in `folder`."""
    return ["buildah", "--root", folder / "buildah", "--runroot", folder / "buildah-run", "--storage-driver", "vfs"]


def build_keyway(program, folder):
    """Builds the Dockerfile's last stage around a program that is built already."""
    root, archive = folder / "image-root", folder / "keyway.tar"
    do(ROOT / "deploy" / "image-root", program, root)
    buildah = buildah_in(folder)
    do(*buildah, "bud", "--quiet", "--pull-never", "--build-context", f"root={root}", "--tag", KEYWAY, ROOT)
    do(*buildah, "push", "--quiet", KEYWAY, f"docker-archive:{archive}:{KEYWAY}")
    return archive


def libraries_of(program):
    """Files that a program is loaded with, by absolute path; the loader is one."""
    return {*re.findall(r"=> (/\S+) \(0x", do("ldd", program)), do("patchelf", "--print-interpreter", program).strip()}


def copy_into(root, file):
    """At the same path as here, where the program looks for it."""
    place = root / str(file).lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, place)


def build_server(engine, folder):
    """(name, archive) of the image of a server."""
    root = folder / f"root-{engine.name}"
    (root / "usr" / "local" / "bin").mkdir(parents=True)
    for program in pathlib.Path(engine.program).parent.glob(f"{engine.product}-*"):
        shutil.copy(program, root / "usr" / "local" / "bin")
        for library in libraries_of(program):
            copy_into(root, library)
    copy_into(root, BUSYBOX)
    for applet in do(BUSYBOX, "--list").split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    for name, mode in (("tmp", 0o1777), ("data", 0o777), ("etc", 0o755)):
        (root / name).mkdir(exist_ok=True)
        os.chmod(root / name, mode)
    (root / "etc" / "passwd").write_text(f"root:x:0:0::/:/bin/sh\n{engine.product}:x:999:999::/data:/bin/sh\n", encoding="ascii")
    (root / "etc" / "group").write_text(f"root:x:0:\n{engine.product}:x:999:\n", encoding="ascii")
    name, archive = f"keyway.test/{engine.product}:{engine.version}", folder / f"{engine.name}.tar"
    write_image(archive, name, root, [f"{engine.product}-server"], user=SERVER_USER, folder="/data")
    return name, archive


def build_servers(folder):
    """{product: (name, archive)} of the main versions."""
    return {engine.product: build_server(engine, folder) for engine in find_engines() if MAIN.match(engine.name)}


def build_next(engine, folder):
    """(name, archive) of the same server under another name, for what makes pods anew when their image changes."""
    name, archive = f"keyway.test/{engine.product}-next:{engine.version}", folder / f"{engine.name}-next.tar"
    write_image(archive, name, folder / f"root-{engine.name}", [f"{engine.product}-server"], user=SERVER_USER, folder="/data")
    return name, archive


def build_all(program, folder):
    """{what it is of: (name, archive)}: of "keyway", of each server's product, and of "redis-next"."""
    servers = build_servers(folder)
    redis = next(engine for engine in find_engines() if MAIN.match(engine.name) and engine.product == "redis")
    return {"keyway": (KEYWAY, build_keyway(program, folder)), **servers, "redis-next": build_next(redis, folder)}


def push_all(built):
    """Brings the images to a cluster that pulls them, and gives their names there."""
    registry = os.environ.get("KEYWAY_TEST_REGISTRY")
    if not registry:
        return {of: name for of, (name, _) in built.items()}
    pushed = {}
    for of, (name, archive) in built.items():
        pushed[of] = name.replace("keyway.test", registry)
        buildah = buildah_in(archive.parent)
        do(*buildah, "pull", "--quiet", f"docker-archive:{archive}")
        do(*buildah, "push", "--quiet", name, f"docker://{pushed[of]}")
    return pushed
