"""What has happened is on record, for people, for programs, and for the planner to be run on again."""

import json

from keyway_home import BAD_INPUT, DONE, FAILED, NOT_THERE


def history_file(cluster):
    return cluster.folder / "history.jsonl"


def told(cluster, *flags):
    return cluster.run("history", *flags).stdout


def records(cluster):
    return [json.loads(line) for line in told(cluster, "--json").splitlines()]


def test_a_killed_primary_is_told_with_what_was_done(sharded):
    old = sharded.primary("p2")["name"]
    sharded.kill(old)
    sharded.wait_for(lambda status: status["state"] == "ready" and status["shards"][1]["primary"]["name"] != old, "another primary")
    lines = told(sharded, "--shard", "p2").splitlines()[1:]
    assert all(" p2 " in line for line in lines)
    lost = next(number for number, line in enumerate(lines) if f"{old}: down, was ok primary" in line)
    assert any("promote" in line or "take over" in line or "primary" in line for line in lines[lost + 1:])
    assert any(f"start {old}" in line for line in lines[lost + 1:])
    last = [outcome for record in records(sharded) for outcome in record.get("outcomes", [])]
    assert all(outcome["step"]["why"] for outcome in last if outcome["step"]["kind"] == "start_node")


def test_the_planner_plans_the_same_again(sharded):
    sharded.kill(sharded.primary("p1")["name"])
    sharded.wait_ready()
    replay = sharded.json("history", "--replay")
    assert replay["replayed"] > 3
    assert replay["differing"] == 0, replay["differences"]


def test_another_decision_is_found(sharded, tmp_path):
    lines = history_file(sharded).read_text(encoding="utf-8").splitlines()
    record = next(json.loads(line) for line in lines if json.loads(line).get("steps"))
    record["steps"][0]["what"] = "stop everything"
    changed = tmp_path / "changed.jsonl"
    changed.write_text(json.dumps(record) + "\n", encoding="utf-8")
    done = sharded.home.run("history", "--replay", "-f", str(changed), code=FAILED)
    assert "no longer planned: stop everything" in done.stdout
    assert "1 plan replayed, 1 planned differently today" in done.stdout


def test_a_cluster_at_rest_writes_nothing(sharded):
    sharded.wait_ready()
    client = sharded.client()
    looked = sharded.json("status")["supervisor_pid"]
    size_bytes = history_file(sharded).stat().st_size
    for number in range(50):
        client.execute(f"key{number}", "SET", f"key{number}", "value")
    # The supervisor has looked again once it shows the keys.
    sharded.wait_for(lambda status: sum(shard["primary"]["keys"] for shard in status["shards"]) >= 50, "the keys")
    assert sharded.json("status")["supervisor_pid"] == looked
    assert history_file(sharded).stat().st_size == size_bytes


def test_it_outlives_the_supervisor_and_a_torn_line(sharded):
    sharded.kill_supervisor()
    before = told(sharded)
    with history_file(sharded).open("a", encoding="utf-8") as file:
        file.write('{"format":1,"at_ms":17')
    done = sharded.run("history")
    assert done.stdout == before
    assert "1 line could not be read" in done.stderr
    sharded.up()


def test_nothing_secret_is_in_it(sharded):
    text = history_file(sharded).read_text(encoding="utf-8")
    assert sharded.password("workload") not in text
    assert sharded.password("admin") not in text
    assert history_file(sharded).stat().st_mode & 0o777 == 0o600


def test_bad_words_are_refused(sharded, tmp_path):
    assert "p9" in sharded.run("history", "--shard", "p9", code=NOT_THERE).stderr
    assert "--since" in sharded.run("history", "--since", "soon", code=BAD_INPUT).stderr
    other = tmp_path / "other.txt"
    other.write_text("not history\n", encoding="utf-8")
    assert "is no history" in sharded.home.run("history", "-f", str(other), code=FAILED).stderr
    missing = sharded.home.run("history", "-f", str(tmp_path / "none"), code=NOT_THERE)
    assert "none" in missing.stderr
    assert sharded.run("history", code=DONE).stdout
