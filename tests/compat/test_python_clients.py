"""redis-py, by itself, with asyncio and as a client of clusters, and redis-py-cluster."""

import ast
import asyncio
import subprocess
import threading

import pytest
import redis
import redis.asyncio

from clients.old_rediscluster import RedisCluster as OldRedisCluster, host_port_remap
from keyway_home import PROGRAM
from proxies import proxy_before, whole_cluster
from waiting import wait_for

BIG = b"0123456789abcdef" * (5 << 16)
HOST = "127.0.0.1"


@pytest.fixture(name="client")
def redis_py(proxy):
    with proxy.client() as made:
        yield made


@pytest.fixture(name="other")
def another_redis_py(proxy):
    with proxy.client() as made:
        yield made


@pytest.fixture(name="cluster")
def redis_py_cluster(proxy):
    with redis.RedisCluster(host=HOST, port=proxy.port, decode_responses=True) as made:
        yield made


@pytest.fixture(name="old_cluster")
def redis_py_cluster_of_old(proxy):
    return OldRedisCluster(startup_nodes=[{"host": HOST, "port": proxy.port}], decode_responses=True)


def meanwhile(act, *arguments):
    """Runs it in a thread; what it gives or raises comes from the function that this gives."""
    result = []

    def run():
        try:
            result.append(act(*arguments))
        except redis.RedisError as error:
            result.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def outcome():
        thread.join(timeout=20)
        return result[0]
    return outcome


def next_message(subscription):
    return wait_for(lambda: subscription.get_message(ignore_subscribe_messages=True, timeout=0.1), "a message", 10)


def test_single_commands(client):
    assert all(client.set(f"py:{word}", word) for word in ("AAA", "BBB", "CCC"))
    assert client.mget("py:CCC", "py:none", "py:AAA") == ["CCC", None, "AAA"]
    assert client.hset("py:hash", mapping={"a": 1, "b": 2}) == 2 and client.hgetall("py:hash") == {"a": "1", "b": "2"}
    assert client.zadd("py:sorted", {"x": 1.5}) in (0, 1) and client.zscore("py:sorted", "x") == 1.5
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        client.incr("py:hash")
    assert client.delete("py:AAA", "py:BBB", "py:CCC", "py:none", "py:hash", "py:sorted") == 5
    assert client.info("server")["redis_version"] and client.time() and client.config_get("maxmemory")


def test_pipelines(client):
    pipeline = client.pipeline(transaction=False)
    for number in range(1000):
        pipeline.set(f"py:p{number}", number).get(f"py:p{number}")
    pipeline.lpush("py:p0", "x").get("py:p1")
    *replies, wrong, last = pipeline.execute(raise_on_error=False)
    assert replies == [reply for number in range(1000) for reply in (True, str(number))]
    assert "WRONGTYPE" in str(wrong) and last == "1"


def test_transactions(client):
    client.delete("{py}n")
    with client.pipeline() as pipeline:
        assert pipeline.incr("{py}n").incr("{py}n").execute() == [1, 2]
    with client.pipeline() as pipeline, pytest.raises(redis.ResponseError, match="CROSSSLOT|EXECABORT"):
        pipeline.set("py:a", 1).set("py:b", 1).execute()


def test_a_watched_key_that_changes_stops_a_transaction(client, other):
    with client.pipeline() as pipeline:
        pipeline.watch("py:watched")
        other.set("py:watched", 2)
        pipeline.multi()
        pipeline.set("py:watched", 3)
        with pytest.raises(redis.WatchError):
            pipeline.execute()
    attempts = []

    def raise_by_one(pipeline):
        value = int(pipeline.get("py:watched"))
        if not attempts:
            other.set("py:watched", 10)
        attempts.append(value)
        pipeline.multi()
        pipeline.set("py:watched", value + 1)

    assert client.transaction(raise_by_one, "py:watched") == [True]
    assert attempts == [2, 10] and other.get("py:watched") == "11"


def test_subscriptions(client, other):
    with client.pubsub() as hearer:
        hearer.subscribe("py:news")
        hearer.psubscribe("py:p*")
        wait_for(lambda: hearer.get_message() is None and other.pubsub_numsub("py:news") == [("py:news", 1)] and other.pubsub_numpat() == 1,
                 "a hearer")
        assert other.publish("py:news", "one") == 1
        assert next_message(hearer) == {"type": "message", "pattern": None, "channel": "py:news", "data": "one"}
        other.publish("py:pattern", "two")  # what it answers counts the hearers at one server only
        assert next_message(hearer) == {"type": "pmessage", "pattern": "py:p*", "channel": "py:pattern", "data": "two"}
        hearer.ping()
        hearer.unsubscribe()
        hearer.punsubscribe()
        wait_for(lambda: hearer.get_message() is None and not hearer.subscribed, "the end of the subscription")


def test_sharded_subscriptions(client, other):
    """This redis-py knows none, so the words are said one by one."""
    connection = client.connection_pool.get_connection("SSUBSCRIBE")
    connection.send_command("SSUBSCRIBE", "py:shard")
    assert connection.read_response() == ["ssubscribe", "py:shard", 1]
    assert other.execute_command("SPUBLISH", "py:shard", "x") == 1
    assert connection.read_response() == ["smessage", "py:shard", "x"]
    connection.disconnect()


def test_blocking_calls(client, other):
    client.delete("py:list", "py:list2", "py:stream")
    popped = meanwhile(client.blpop, ["py:list"], 0)
    assert other.rpush("py:list", "x") == 1 and popped() == ("py:list", "x")
    assert client.blpop("py:list", 0.05) is None
    moved = meanwhile(client.blmove, "{py:list}", "{py:list}2", 0)
    assert other.rpush("{py:list}", "y") == 1 and moved() == "y"
    read = meanwhile(lambda: client.xread({"py:stream": "0"}, block=0))
    name = other.xadd("py:stream", {"field": "value"})
    assert read() == [["py:stream", [(name, {"field": "value"})]]]
    assert client.xgroup_create("py:stream", "group", "$")
    read = meanwhile(lambda: client.xreadgroup("group", "me", {"py:stream": ">"}, block=0))
    name = other.xadd("py:stream", {"field": "more"})
    assert read() == [["py:stream", [(name, {"field": "more"})]]]
    client.delete("{py:list}2")


def test_scripts(client):
    pair = client.register_script("return {KEYS[1], redis.call('INCRBY', KEYS[1], ARGV[1])}")
    for number in range(20):
        client.delete(f"py:s{number}")
        assert pair(keys=[f"py:s{number}"], args=[number]) == [f"py:s{number}", number]
    assert client.eval("return ARGV[1]", 0, "x") == "x" and client.script_exists(pair.sha) == [True]
    with pytest.raises(redis.ResponseError, match="MINE says no"):
        client.eval("return redis.error_reply('MINE says no')", 1, "py:x")


def test_scans(client):
    wanted = {f"py:scan:{number}" for number in range(3000)}
    client.mset(dict.fromkeys(wanted, 1))
    assert set(client.scan_iter("py:scan:*", count=200)) == wanted
    client.sadd("py:set", *range(1000))
    assert len(set(client.sscan_iter("py:set"))) == 1000
    assert client.delete(*wanted, "py:set") == len(wanted) + 1


def test_big_values(proxy):
    with redis.Redis(host=HOST, port=proxy.port, socket_timeout=30) as client:
        names = [f"py:big:{number}" for number in range(4)]
        assert client.mset(dict.fromkeys(names, BIG))
        assert client.mget(names) == [BIG] * 4
        assert client.append(names[0], "end") == len(BIG) + 3 and client.getrange(names[0], -4, -1) == BIG[-1:] + b"end"
        assert client.delete(*names) == 4


def test_a_restarted_proxy_is_found_again(proxy, client):
    assert client.set("py:kept", 1)
    proxy.kill()
    proxy.start()
    assert client.get("py:kept") == "1"  # redis-py looks whether its connection still stands before it uses it


def test_asyncio(proxy):
    async def work():
        client = redis.asyncio.Redis(host=HOST, port=proxy.port, decode_responses=True)
        await asyncio.gather(*(client.set(f"aio:{number}", number) for number in range(100)))
        assert await asyncio.gather(*(client.get(f"aio:{number}") for number in range(100))) == [str(number) for number in range(100)]
        async with client.pipeline(transaction=True) as pipeline:
            assert await pipeline.delete("{aio}n").incr("{aio}n").incr("{aio}n").execute() in ([0, 1, 2], [1, 1, 2])
        popped = asyncio.ensure_future(client.blpop("aio:list", 0))
        await client.rpush("aio:list", "x")
        assert await popped == ("aio:list", "x")
        async with client.pubsub() as hearer:
            await hearer.subscribe("aio:news")
            assert (await hearer.get_message(timeout=10))["type"] == "subscribe"
            assert await client.publish("aio:news", "x") == 1
            assert (await hearer.get_message(timeout=10))["data"] == "x"
        await client.close()

    asyncio.run(asyncio.wait_for(work(), 30))


def test_cluster_client(cluster):
    assert len(cluster.get_nodes()) == 1
    for number in range(100):
        assert cluster.set(f"pc:{number}", number) and cluster.get(f"pc:{number}") == str(number)
    with cluster.pipeline() as pipeline:
        for number in range(100):
            pipeline.get(f"pc:{number}")
        assert pipeline.execute() == [str(number) for number in range(100)]
    assert set(cluster.scan_iter("pc:*")) == {f"pc:{number}" for number in range(100)}
    assert cluster.mget_nonatomic("pc:1", "pc:2") == ["1", "2"] and cluster.dbsize() >= 100
    hearer = cluster.pubsub()
    hearer.subscribe("pc:news")
    wait_for(lambda: hearer.get_message() is None and cluster.publish("pc:news", "x"), "a hearer")
    assert next_message(hearer)["data"] == "x"
    assert cluster.eval("return KEYS[1]", 1, "pc:1") == "pc:1"


def test_old_cluster_client(old_cluster):
    assert len(list(old_cluster.connection_pool.nodes.all_masters())) == 1
    assert old_cluster.mset({"oc:1": 1, "oc:2": 2}) and old_cluster.mget("oc:1", "oc:2") == ["1", "2"]
    pipeline = old_cluster.pipeline()
    for number in range(100):
        pipeline.set(f"oc:{number}", number).get(f"oc:{number}")
    assert pipeline.execute() == [reply for number in range(100) for reply in (True, str(number))]
    hearer = old_cluster.pubsub()
    hearer.subscribe("oc:news")
    wait_for(lambda: hearer.get_message() is None and old_cluster.publish("oc:news", "x"), "a hearer")
    assert next_message(hearer)["data"] == "x"
    script = old_cluster.register_script("return KEYS[1]")
    assert [script(keys=[f"oc:{number}"]) for number in range(5)] == [f"oc:{number}" for number in range(5)]
    assert set(old_cluster.scan_iter("oc:*")) == {f"oc:{number}" for number in range(100)}
    popped = meanwhile(old_cluster.blpop, "oc:list", 5)
    assert old_cluster.rpush("oc:list", "x") == 1 and popped() == ("oc:list", "x")


def test_old_cluster_client_with_the_map_of_a_translating_proxy(make_servers):
    """The nodes say their own addresses; the client goes to the local ports that stand for them."""
    servers = whole_cluster(make_servers, 6, replicas=1)
    with proxy_before(servers, "--translate") as proxy:
        said = subprocess.run([PROGRAM, "proxy", "map", "--format", "python", f"{HOST}:{proxy.metrics_port}"], capture_output=True, text=True,
                              timeout=30, check=True).stdout
        rules = ast.literal_eval(said)
        real = {f"{rule['to_host']}:{rule['to_port']}": rule["from_port"] for rule in rules}
        assert sorted(real.values()) == [servers.port(number) for number in range(6)]
        with host_port_remap(rules):
            client = OldRedisCluster(startup_nodes=[{"host": HOST, "port": servers.port(0)}], decode_responses=True)
            nodes = client.connection_pool.nodes
            # A server takes a moment to count a new replica among those that serve its slots.
            wait_for(lambda: nodes.initialize() or len(nodes.nodes) == len(real), "all nodes to be shown")
            assert {node["name"] for node in nodes.all_nodes()} == set(real)
            assert {name: info["tcp_port"] for name, info in client.info("server").items()} == real
            pipeline = client.pipeline()
            for number in range(100):
                pipeline.set(f"om:{number}", number).get(f"om:{number}")
            assert pipeline.execute() == [reply for number in range(100) for reply in (True, str(number))]
            assert [client.get(f"om:{number}") for number in range(100)] == [str(number) for number in range(100)]
            client.connection_pool.disconnect()
