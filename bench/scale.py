#!/usr/bin/python3
"""How long it takes to go from 3 to 4 shards with data in them: `keyway scale` beside starting two more servers by hand, `redis-cli --cluster
add-node` twice and `rebalance`. Both count from starting the new servers until each shard has its even part of the slots."""

import sys
import time

from clusters import SAME_SETTINGS, HandmadeCluster, KeywayCluster, Ports, find_engine, wait_until
from report import Report, Samples, arguments, ratio, run_main, tell
from resp import Client, info_fields, slot_of
from watch import create

SHARDS = 3
VALUE = "v" * 32
BATCH = 1000
JOIN_TIMEOUT_S = 60


def fill(cluster, count):
    """Writes `count` keys, each to the primary of its slot."""
    clients, owner = {}, {}
    first = Client(cluster.ports[0], cluster.password, timeout_s=30)
    for low, high, primary, *_ in first.call("CLUSTER", "SLOTS"):
        clients.setdefault(primary[1], Client(primary[1], cluster.password, timeout_s=30))
        owner.update({slot: primary[1] for slot in range(low, high + 1)})
    waiting = {port: [] for port in clients}
    for i in range(count):
        key = f"key:{i}"
        batch = waiting[owner[slot_of(key)]]
        batch.append(("SET", key, VALUE))
        if len(batch) == BATCH:
            write(clients[owner[slot_of(key)]], batch)
    for port, batch in waiting.items():
        write(clients[port], batch)
    for client in [first, *clients.values()]:
        client.close()


def write(client, batch):
    refused = [reply for reply in client.pipeline(batch) if reply != "OK"] if batch else []
    if refused:
        raise RuntimeError(f"a write was refused: {refused[0]}")
    batch.clear()


def keys_by_primary(ports, password):
    """{port: keys} of the servers that are primaries."""
    counts = {}
    for port in ports:
        client = Client(port, password, timeout_s=30)
        role, keys = client.pipeline([("ROLE",), ("DBSIZE",)])
        if role[0] == "master":
            counts[port] = keys
        client.close()
    return counts


def slots_are_even(ports, password):
    """Every server says ok and knows SHARDS + 1 primaries with an even part of the slots."""
    for port in ports:
        client = Client(port, password, timeout_s=30)
        info, slots = client.pipeline([("CLUSTER", "INFO"), ("CLUSTER", "SLOTS")])
        client.close()
        held = {}
        for low, high, primary, *_ in slots:
            held[primary[2]] = held.get(primary[2], 0) + high - low + 1
        even = len(held) == SHARDS + 1 and max(held.values()) - min(held.values()) <= SHARDS + 1
        if info_fields(info)["cluster_state"] != "ok" or not even:
            return False
    return True


def scale_keyway(cluster, more):
    del more  # it takes the next ports itself
    cluster.run("scale", cluster.name, "--shards", str(SHARDS + 1))
    nodes = [node for shard in cluster.status()["shards"] for node in [shard["primary"], *shard["replicas"]]]
    return [int(node["address"].rsplit(":", 1)[1]) for node in nodes]


def scale_by_hand(cluster, more):
    first = f"127.0.0.1:{cluster.ports[0]}"
    for port in more:
        cluster.start(port)
        wait_until(lambda: answers(port), JOIN_TIMEOUT_S, f"an answer of port {port}")
    cluster.cli("--cluster", "add-node", f"127.0.0.1:{more[0]}", first)
    wait_until(lambda: known_to_all(cluster.ports, 2 * SHARDS + 1), JOIN_TIMEOUT_S, "the new primary known to all")
    primary_id = ask(more[0], "CLUSTER", "MYID")
    cluster.cli("--cluster", "add-node", f"127.0.0.1:{more[1]}", first, "--cluster-slave", "--cluster-master-id", primary_id)
    wait_until(lambda: known_to_all(cluster.ports, 2 * SHARDS + 2), JOIN_TIMEOUT_S, "the new replica known to all")
    cluster.cli("--cluster", "rebalance", first, "--cluster-use-empty-masters")
    return [*cluster.ports, *more]


def ask(port, *words):
    client = Client(port)
    try:
        return client.call(*words)
    finally:
        client.close()


def answers(port):
    try:
        return ask(port, "PING") == "PONG"
    except OSError:
        return False


def known_to_all(ports, count):
    return all(info_fields(ask(port, "CLUSTER", "INFO"))["cluster_known_nodes"] == str(count) for port in ports)


def measure_once(way, options, engine, ports, samples):
    block = []

    def make():
        block[:] = ports.take(2 * SHARDS + 2)
        if way == "keyway":
            return KeywayCluster(options.program, engine, block, SHARDS)
        return HandmadeCluster(engine, block, SHARDS, settings=SAME_SETTINGS)

    cluster, _ = create(make)
    more = block[2 * SHARDS:]
    try:
        fill(cluster, options.keys)
        begin_s = time.monotonic()
        ports = (scale_keyway if way == "keyway" else scale_by_hand)(cluster, more)
        wait_until(lambda: slots_are_even(ports, cluster.password), JOIN_TIMEOUT_S, "even slots")
        took_s = time.monotonic() - begin_s
        counts = keys_by_primary(ports, cluster.password)
    finally:
        cluster.close()
    # The key of each shard that the watch wrote counts too.
    if sum(counts.values()) != options.keys + SHARDS:
        raise RuntimeError(f"{way}: {sum(counts.values())} keys after scaling, {options.keys + SHARDS} before")
    moved = counts[ports[-2]]
    samples[way]["took"].add(took_s)
    samples[way]["rate"].add(moved / took_s)
    tell(f"  {way}: {took_s:.1f} s, {moved} keys moved, {moved / took_s:,.0f} keys/s")


def measure(options):
    engine = find_engine(options.engine)
    if engine is None:
        raise SystemExit(f"{options.engine} is not there; name another with --engine")
    report = Report(f"From {SHARDS} to {SHARDS + 1} shards with {options.keys:,} keys, {engine.name}", ["by", "took", "ratio", "keys moved"])
    ports = Ports(options.port)
    by_hand = f"{engine.kind}-cli"
    samples = {way: {"took": Samples("s"), "rate": Samples("keys/s")} for way in ("keyway", by_hand)}
    for _ in range(options.runs):
        for way in samples:
            measure_once(way, options, engine, ports, samples)
    for way, taken in samples.items():
        report.add_row(way, taken["took"], ratio(taken["took"], samples["keyway"]["took"]), taken["rate"])
    report.add_note(f"{options.runs} runs each, in turn, keys of some 10 bytes with values of {len(VALUE)}, no client connected meanwhile. No key was lost.")
    report.add_note("From starting the new servers until all servers agree on even slots; by hand with the settings that Keyway uses, and with no pause"
                    " between the commands but for gossip.")
    return report


def main():
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--engine", default="redis-7.0", help="engine, as it is called in $KEYWAY_ENGINES")
    parser.add_argument("--keys", type=int, default=200_000, help="how many keys (200000)")
    return run_main(measure, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
