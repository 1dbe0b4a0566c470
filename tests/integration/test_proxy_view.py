"""What `keyway proxy` tells of its traffic: /metrics, /stats, /slowlog, /hotkeys and `keyway proxy top`, while clients are at work."""

import contextlib
import json
import re
import subprocess
import threading

import pytest

from keyway_home import DONE, NOT_THERE, PROGRAM
from proxies import proxy_before, whole_cluster
from waiting import wait_for

BUSY = "local sum = 0 for i = 1, tonumber(ARGV[1]) do sum = sum + i end return redis.call('EXISTS', KEYS[1])"
SAMPLE = re.compile(r'([a-z_]+)((?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})?) ([0-9.e+-]+)')


@pytest.fixture(scope="module", name="servers")
def cluster(make_servers):
    """Three shards with a replica each."""
    return whole_cluster(make_servers, 6, replicas=1)


@contextlib.contextmanager
def traffic(proxy, threads=2):
    """Every second request is for one key."""
    ending = threading.Event()

    def work(client, number):
        while not ending.is_set():
            pipeline = client.pipeline(transaction=False)
            for turn in range(50):
                pipeline.set(f"key:{number}:{turn}", "v")
                pipeline.get("hot")
            pipeline.execute()

    workers = [threading.Thread(target=work, args=(proxy.client(), number), daemon=True) for number in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        ending.set()
        for worker in workers:
            worker.join(timeout=30)
            assert not worker.is_alive()


def top(proxy, *flags):
    words = [PROGRAM, "proxy", "top", f"127.0.0.1:{proxy.metrics_port}", "--once", *flags]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == DONE, done.stderr
    return done.stdout


def samples(text):
    """The values of a text exposition, by name and labels; every sample is of a family that was announced before it."""
    values, family, kind = {}, None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
        elif line.startswith("# TYPE "):
            assert line.split()[2] == family, line
            kind = line.split()[3]
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            assert match[1] in [family + end for end in ends], line
            assert match[1] + match[2] not in values, line
            values[match[1] + match[2]] = float(match[3])
    return values


def hot_key(proxy):
    hot = json.loads(proxy.get("hotkeys"))["hot"]
    return hot[0] if hot and hot[0]["share"] > 0.4 else None


def test_top_shows_what_goes_on(servers):
    with proxy_before(servers, "--workers", "2") as proxy, traffic(proxy):
        wait_for(lambda: hot_key(proxy), "the hot key to be seen")
        seen = json.loads(top(proxy, "--json"))
        assert seen["requests"]["read"]["per_s"] > 0 and seen["requests"]["write"]["per_s"] > 0
        assert 0 < seen["requests"]["read"]["p50_ms"] <= seen["requests"]["read"]["p99_ms"]
        assert seen["clients"] == 2 and seen["workers"] == 2
        assert sorted(one["upstream"] for one in seen["upstreams"]) == sorted(servers.address(number) for number in servers.primaries())
        reads = sum(one["requests"]["read"]["per_s"] for one in seen["upstreams"])
        assert reads == pytest.approx(seen["requests"]["read"]["per_s"], rel=0.2)
        assert seen["hot_keys"][0]["key"] == "hot" and seen["hot_keys"][0]["share"] == pytest.approx(0.5, abs=0.2)
        text = top(proxy)
        assert "requests/s" in text and servers.address(0) in text and "HOT KEY" in text


def test_metrics_under_load_count_what_was_done(servers):
    with proxy_before(servers) as proxy, traffic(proxy):
        client = proxy.client()
        before = samples(proxy.get("metrics"))
        for _ in range(100):
            client.lrange("nothing", 0, 1)
        after = samples(proxy.get("metrics"))
        total = 'keyway_proxy_request_seconds_count{class="read"}'
        assert after[total] >= before[total] + 100
        assert all(after[name] >= before[name] for name in before if re.search("_(total|bucket|count|sum)", name))
        reads = [value for name, value in after.items() if name.startswith("keyway_proxy_upstream_seconds_count") and '"read"' in name]
        assert len(reads) == 3 and sum(reads) >= before[total] + 100
        assert all(after[f'keyway_proxy_upstream_connections{{upstream="{servers.address(number)}"}}'] >= 1 for number in servers.primaries())


def test_slow_requests_tell_no_secret(servers):
    with proxy_before(servers) as proxy:
        client = proxy.client()
        assert client.execute_command("SET", "quick", "a-secret-value")
        assert client.eval(BUSY, 1, "slow-key", 5_000_000) == 0
        entries = json.loads(proxy.get("slowlog"))["slow"]
        slow = next(entry for entry in entries if entry["command"] == "eval")
        assert slow["key"] == "slow-key" and slow["took_us"] >= 10_000
        assert slow["upstream"] in [servers.address(number) for number in servers.primaries()]
        assert slow["client"].startswith("127.0.0.1:")
        assert "a-secret-value" not in proxy.get("slowlog")


def test_every_request_is_slow_where_none_may_take_a_microsecond(servers):
    with proxy_before(servers, "--slowlog-us", "0") as proxy:
        client = proxy.client()
        for number in range(200):
            client.set(f"k{number}", "v")
        client.mget("k1", "k2", "k3")
        assert client.execute_command("HELLO", "2", "SETNAME", "hidden-name")
        entries = json.loads(proxy.get("slowlog"))["slow"]
        assert len(entries) == 128
        assert "hidden-name" not in json.dumps(entries)
        assert next(entry for entry in entries if entry["command"] == "mget")["upstream"] == "several"
    with proxy_before(servers, "--slowlog-us", "-1") as proxy:
        assert proxy.client().set("k", "v")
        assert json.loads(proxy.get("slowlog")) == {"slow": []}


def test_big_values_are_found(servers):
    with proxy_before(servers) as proxy:
        client = proxy.client()
        client.set("large", "x" * 2_000_000)
        client.get("large")
        wait_for(lambda: any(one["key"] == "large" and one["size_bytes"] > 2_000_000 for one in json.loads(proxy.get("hotkeys"))["big"]),
                 "the big key to be seen")
        assert "large" in top(proxy)


def test_top_says_where_there_is_no_proxy(servers, home):
    words = [PROGRAM, "proxy", "top", f"127.0.0.1:{servers.port(30)}", "--once"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != DONE and "Connection refused" in done.stderr
    assert "`keyway up` makes one" in home.run("proxy", "top", code=NOT_THERE).stderr
