"""Images out of folders, with no registry and no engine: the archive that `docker load`, `ctr images import` and `buildah pull` take."""

import hashlib
import io
import json
import pathlib
import subprocess
import tarfile

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write_image(archive, name, root, command, user="0", folder="/"):
    """Writes the image `name` (docker.io/library is not added) of one layer, the folder `root`, into the file `archive`."""
    layer = subprocess.run(["tar", "--numeric-owner", "--owner=0", "--group=0", "--sort=name", "--mtime=@0", "-C", str(root), "-c", "."],
                           check=True, capture_output=True).stdout
    layer_id = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Cmd": list(command), "Env": [f"PATH={PATH}"], "User": user, "WorkingDir": folder},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_id}"]},
        "history": [{"created_by": "keyway tests"}]}).encode()
    config_id = hashlib.sha256(config).hexdigest()
    manifest = json.dumps([{"Config": f"{config_id}.json", "RepoTags": [name], "Layers": [f"{layer_id}/layer.tar"]}]).encode()
    new = pathlib.Path(f"{archive}.new")
    with tarfile.open(new, "w") as out:
        for path, data in ((f"{config_id}.json", config), (f"{layer_id}/layer.tar", layer), ("manifest.json", manifest)):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
    new.replace(archive)
