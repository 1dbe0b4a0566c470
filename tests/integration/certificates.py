"""A certificate authority for tests, by the openssl program."""

import pathlib
import subprocess

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Certificate:
    def __init__(self, folder, name):
        self.file, self.key_file = folder / f"{name}.pem", folder / f"{name}.key"

    def replace(self, other):
        """Takes over what `other` is, as what renews certificates does it."""
        other.file.rename(self.file)
        other.key_file.rename(self.key_file)


class Authority:
    """Its files are in `folder`, and so are those of the certificates that it signs."""

    def __init__(self, folder, name="ca"):
        self.folder, self.own = pathlib.Path(folder), Certificate(pathlib.Path(folder), name)
        self.file = self.own.file
        self.openssl("req", "-x509", *EC, "-keyout", self.own.key_file, "-out", self.file, "-days", "2", "-subj", f"/CN={name}")

    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], cwd=self.folder, check=True, capture_output=True, timeout=30)

    def sign(self, name, days=2):
        """For 127.0.0.1 and localhost. With negative `days` it has expired."""
        made, request, names = Certificate(self.folder, name), self.folder / f"{name}.csr", self.folder / f"{name}.names"
        self.openssl("req", *EC, "-keyout", made.key_file, "-out", request, "-subj", f"/CN={name}")
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self.openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.own.key_file, "-CAcreateserial", "-out",
                     made.file, "-days", days, "-extfile", names)
        return made
