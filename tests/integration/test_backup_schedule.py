"""Schedules of backups: what a supervisor makes by the clock, what it makes up for, and what it says of it."""

import json

import pytest

from keyway_home import BAD_INPUT, NOT_THERE
from test_backup import KEYS, filled, slow_servers
from waiting import wait_for

TWO_DAYS_MS = 2 * 24 * 3600 * 1000
A_MINUTE_AND_MORE_S = 100


def document(of, store, name="nightly", **fields):
    return json.dumps({"apiVersion": "keyway.dev/v1alpha1", "kind": "KeywayBackupSchedule", "metadata": {"name": name},
                       "spec": {"cluster": of.name, "schedule": "@yearly", "to": str(store), **fields}})


class Schedules:
    """Of one cluster, which is left without any."""

    def __init__(self, cluster, store):
        self.cluster, self.store = cluster, store

    def set(self, name="nightly", code=0, **fields):
        return self.ask("-f", "-", code=code, text=document(self.cluster, self.store, name, **fields))

    def ask(self, *arguments, **options):
        return self.cluster.home.run("backup", "schedule", self.cluster.name, *arguments, **options)

    def error(self, *arguments, code=BAD_INPUT, **options):
        return self.cluster.home.error("backup", "schedule", self.cluster.name, *arguments, code=code, **options)

    def list(self):
        return self.cluster.home.json("backup", "schedule", self.cluster.name)

    def one(self, name="nightly"):
        return next(one for one in self.list()["schedules"] if one["name"] == name)

    def wait_for_runs(self, count, deadline_s=30):
        """Until so many are over, and nothing is under way."""
        def over():
            one = self.one()
            return len(one["runs"]) >= count and not one["running"] and one["runs"]
        return wait_for(over, f"{count} runs", deadline_s)

    def run(self, runs_before):
        self.ask("--run", "nightly")
        return self.wait_for_runs(runs_before + 1)[-1]

    def stored(self):
        return [one["id"] for one in self.cluster.home.json("backup", "ls", self.store)["backups"]]

    def diary(self, name="nightly"):
        return self.cluster.folder / "schedules" / "runs" / f"{name}.json"

    def remove_all(self):
        for one in self.list()["schedules"]:
            self.ask("--remove", one["name"])


@pytest.fixture
def schedules(replicated, tmp_path):
    replicated.wait_ready()
    made = Schedules(replicated, tmp_path / "store")
    yield made
    made.remove_all()


def test_by_the_clock_and_thinned_out(schedules):
    filled(schedules.cluster)
    said = schedules.set(schedule="* * * * *", timeZone="Europe/Berlin", verify=True, keep={"last": 1}).stdout
    assert "nightly" in said and "* * * * * Europe/Berlin" in said and "kept" in said
    schedules.ask("--run", "nightly")
    first, second = schedules.wait_for_runs(2, A_MINUTE_AND_MORE_S)[:2]
    assert first["good"] and second["good"], schedules.cluster.log()
    timed = [run for run in (first, second) if run["due"].endswith(":00Z")]
    assert timed and all(run["begun"] >= run["due"] for run in timed)
    one = schedules.one()
    assert one["last_good"] == one["runs"][-1]["id"] and one["next"] > timed[-1]["due"]
    assert one["schedule"] == "* * * * *" and one["time_zone"] == "Europe/Berlin" and not one["suspended"]
    assert f"Backups nightly: the last good one is of {one['last_good_at']}" in schedules.cluster.run("status").stdout
    schedules.ask("--suspend", "nightly")
    wait_for(lambda: len(schedules.stored()) == 1, "the older ones to be deleted")
    manifest = schedules.cluster.home.json("backup", "show", schedules.store)
    assert manifest["id"] == schedules.one()["last_good"]
    assert sum(shard["keys"] for shard in manifest["shards"]) == KEYS + 3
    listed = schedules.cluster.home.json("backup", "ls", schedules.store)["backups"]
    assert listed[0]["verification"]["good"]
    assert f"backups nightly: {manifest['id']} was made" in schedules.cluster.log()


def test_what_was_missed_is_made_up_for_once(schedules):
    schedules.set(schedule="@daily")
    wait_for(schedules.diary().exists, "the supervisor to keep it")
    assert not schedules.one()["runs"]
    schedules.cluster.kill_supervisor()
    diary = json.loads(schedules.diary().read_text())
    diary["since_ms"] -= TWO_DAYS_MS
    schedules.diary().write_text(json.dumps(diary))
    schedules.cluster.up()
    runs = schedules.wait_for_runs(1)
    assert [run["good"] for run in runs] == [True] and runs[0]["due"].endswith("T00:00:00Z")
    assert runs[0]["begun"] > runs[0]["due"]
    # Not what passed while it was suspended.
    schedules.ask("--suspend", "nightly")
    assert "next" not in schedules.one() and schedules.one()["suspended"]
    diary = wait_for(lambda: "suspended" in json.loads(schedules.diary().read_text())["times"] and
                     json.loads(schedules.diary().read_text()), "the supervisor to heed it")
    schedules.cluster.kill_supervisor()
    diary.update(since_ms=diary["since_ms"] - TWO_DAYS_MS, last_due_ms=diary["last_due_ms"] - TWO_DAYS_MS)
    schedules.diary().write_text(json.dumps(diary))
    schedules.cluster.up()
    schedules.ask("--resume", "nightly")
    wait_for(lambda: "suspended" not in json.loads(schedules.diary().read_text())["times"], "the supervisor to heed it")
    assert schedules.run(1)["good"], "the one that was asked for is the next"
    assert len(schedules.one()["runs"]) == len(schedules.stored()) == 2


def test_the_supervisor_is_killed_in_the_middle(schedules):
    filled(schedules.cluster)
    schedules.set()
    with slow_servers(schedules.cluster):
        schedules.ask("--run", "nightly")
        wait_for(lambda: schedules.one()["running"], "the backup to begin")
        schedules.cluster.kill_supervisor()
        assert schedules.one()["running"]
        schedules.cluster.up()
        assert schedules.wait_for_runs(1, 60)[0]["good"]
    assert schedules.stored() == [schedules.one()["last_good"]]
    assert schedules.run(1)["good"]


def test_down_in_the_middle(schedules):
    filled(schedules.cluster)
    schedules.set()
    with slow_servers(schedules.cluster):
        schedules.ask("--run", "nightly")
        wait_for(lambda: schedules.one()["running"] and schedules.store.exists(), "the backup to begin")
        schedules.cluster.down()
        assert "has no supervisor" in schedules.ask().stderr
        assert "no supervisor" in schedules.error("--run", "nightly", code=NOT_THERE)
        schedules.cluster.up()
    run = schedules.wait_for_runs(1, 60)[0]
    # Begun before the servers were told to end, it is interrupted, or was quick enough.
    assert run["good"] == (len(schedules.stored()) == 1)
    assert run["good"] or "interrupted" in run["error"]


def test_one_that_fails_is_tried_again(schedules):
    schedules.store.write_text("no folder\n")
    schedules.set(history=3)
    run = schedules.run(0)
    assert not run["good"] and str(schedules.store) in run["error"]
    assert "failed: " in schedules.ask().stdout
    assert "it is tried again in 1 min" in schedules.cluster.log()
    schedules.store.unlink()
    runs = schedules.wait_for_runs(2, A_MINUTE_AND_MORE_S)
    assert [run["good"] for run in runs] == [False, True]
    assert schedules.stored() == [runs[1]["id"]]


def test_bad_input(schedules, tmp_path):
    for fields, remedy in (({"schedule": "61 * * * *"}, "spec.schedule: "),
                           ({"schedule": "30 2 31 2 *"}, "spec.schedule: "),
                           ({"timeZone": "Europe/Berlln"}, "spec.timeZone: "),
                           ({"cluster": "other"}, "spec.cluster: it is for other"),
                           ({"to": "backups"}, "is no absolute path"),
                           ({"keyFile": "a.key"}, "is no absolute path"),
                           ({"keep": {"yearly": 1}}, "spec.keep"),
                           ({"suspend": "maybe"}, "spec.suspend")):
        spec = document(schedules.cluster, schedules.store, **fields)
        assert remedy in schedules.error("-f", "-", text=spec), fields
    assert "nosuch.yaml" in schedules.error("-f", tmp_path / "nosuch.yaml")
    assert "at a time" in schedules.error("-f", "-", "--remove", "nightly")
    assert "cannot name a schedule" in schedules.error("--run", "../nightly")
    for flag in ("--run", "--suspend", "--resume", "--remove"):
        assert "there is no schedule nightly" in schedules.error(flag, "nightly", code=NOT_THERE)
    assert schedules.list() == {"supervised": True, "schedules": []}
    assert "has no schedules" in schedules.ask().stderr
    # Somebody's editor.
    schedules.set()
    written = schedules.cluster.folder / "schedules" / "nightly.yaml"
    written.write_text(written.read_text().replace("@yearly", "@never"))
    assert "damaged" in schedules.ask().stdout
    assert "spec.schedule" in schedules.one()["error"]
    wait_for(lambda: "backups nightly are not made: " in schedules.cluster.log(), "the supervisor to say so")
    schedules.ask("--remove", "nightly")
    assert schedules.list()["schedules"] == []
