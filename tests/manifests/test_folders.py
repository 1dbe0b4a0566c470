"""Folders that the program writes, and what it writes over."""

import pathlib
import stat

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
WANTED = ["--mode", "cluster", "--name", "app", "--namespace", "data", "storage=1Gi"]
FAILED, BAD_INPUT = 1, 2


def passwords(folder):
    """By user, cut out as scripts do: the word that begins with ">"."""
    lines = (folder / "users.acl").read_text().splitlines()
    return {line.split()[1]: next(word[1:] for word in line.split() if word.startswith(">")) for line in lines}


def test_kustomization(keyway, tmp_path):
    folder = tmp_path / "app"
    keyway.run("gen", "kustomization", *WANTED, "shards=2", "proxy=yes", folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {"kustomization.yaml", "shared.yaml", "partition-p1.yaml", "partition-p2.yaml", "proxy.yaml", "users.acl"}
    assert stat.S_IMODE((folder / "users.acl").stat().st_mode) == 0o600
    said = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(said["resources"]) == names - {"kustomization.yaml", "users.acl"}
    found = passwords(folder)
    assert set(found) == {"default", "workload"} and len(set(found.values())) == 2
    assert all(len(password) > 20 for password in found.values())


def test_nothing_is_written_over_without_being_told(keyway, tmp_path):
    keyway.run("gen", "kustomization", *WANTED, tmp_path)
    before = passwords(tmp_path)
    changed = tmp_path / "partition-p1.yaml"
    changed.write_text("mine\n")
    refused = keyway.run("gen", "kustomization", *WANTED, tmp_path, code=FAILED).stderr
    assert "users.acl" in refused and "--force" in refused
    assert changed.read_text() == "mine\n"
    keyway.run("gen", "kustomization", *WANTED, "--force", tmp_path)
    assert changed.read_text() != "mine\n"
    assert passwords(tmp_path) == before
    keyway.run("gen", "kustomization", *WANTED, "--force", "--new-passwords", tmp_path)
    assert not set(passwords(tmp_path).values()) & set(before.values())


def test_passwords_are_in_one_file_only(keyway, tmp_path):
    said = keyway.run("gen", "kustomization", *WANTED, tmp_path)
    for password in passwords(tmp_path).values():
        assert password not in said.stdout + said.stderr
        assert [path.name for path in tmp_path.iterdir() if password in path.read_text()] == ["users.acl"]


def test_copy_program(keyway, tmp_path):
    for _ in range(2):  # a pod that starts again has it already
        keyway.run("copy-program", tmp_path / "bin")
    assert (tmp_path / "bin" / "redis-trib").resolve() == (tmp_path / "bin" / "keyway").resolve()
    assert stat.S_IMODE((tmp_path / "bin" / "keyway").stat().st_mode) == 0o755
    assert {path.name for path in (tmp_path / "bin").iterdir()} == {"keyway", "kubectl-keyway", "redis-trib"}


def test_errors_say_what_to_do(keyway):
    assert "did you mean" in keyway.run("gen", "cluster-partition", "partiton=p1", code=BAD_INPUT).stderr
    assert "--print" in keyway.run("install", "--print", "defnition", code=BAD_INPUT).stderr
    assert "--kubernetes" in keyway.run("install", "--kubernetes", "1.2", code=BAD_INPUT).stderr
    assert "--namespace" in keyway.run("install", "--namespace", "Data", code=BAD_INPUT).stderr


def test_deploy_is_what_the_program_writes(keyway, tmp_path):
    keyway.run("install", "--folder", tmp_path)
    written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) == 8
    for path, text in written.items():
        assert (ROOT / "deploy" / path).read_text() == text, f"deploy/{path}: `keyway install --folder deploy` makes it anew"


def rendered(text, **values):
    """A chart's template with its values, as far as these templates use Helm's language."""
    begin, *lines, end = text.splitlines()
    assert begin in ("{{- if .Values.onlyOwnNamespace }}", "{{- if not .Values.onlyOwnNamespace }}") and end == "{{- end }}"
    if values["onlyOwnNamespace"] == ("not" in begin):
        return []
    body = "\n".join(lines)
    for name in ("image", "replicas"):
        body = body.replace(f"{{{{ .Values.{name} }}}}", str(values[name]))
    body = body.replace("{{ .Release.Namespace }}", values["namespace"])
    assert "{{" not in body
    return list(yaml.safe_load_all(body))


def test_chart_is_what_install_prints(keyway):
    chart = ROOT / "deploy" / "helm"
    values = yaml.safe_load((chart / "values.yaml").read_text())

    def whole(**more):
        return [found for path in sorted((chart / "templates").iterdir()) for found in rendered(path.read_text(), **{**values, **more})]
    printed = keyway.objects("install", "--print", "operator")
    assert [found for found in printed if found["kind"] != "Namespace"] == whole(namespace="keyway-system")
    assert keyway.objects("install", "--print", "operator", "--namespace", "data") == whole(namespace="data", onlyOwnNamespace=True)
    definition = yaml.safe_load((chart / "crds" / "keywayclusters.yaml").read_text())
    assert [definition] == keyway.objects("install", "--print", "definition")


def test_operator_may_not_enter_pods_nor_read_what_it_does_not_watch(keyway):
    for arguments in ([], ["--namespace", "data"]):
        for role in keyway.objects("install", "--print", "operator", *arguments):
            for rule in role.get("rules", []):
                assert "*" not in rule["resources"] + rule["verbs"] + rule["apiGroups"]
                assert not any(resource.startswith("pods/") for resource in rule["resources"])
                if "secrets" in rule["resources"]:
                    assert not {"list", "watch"} & set(rule["verbs"])
                    assert not arguments or (role["kind"], role["metadata"]["namespace"]) == ("Role", "data")
