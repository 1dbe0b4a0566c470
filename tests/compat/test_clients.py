"""Clients of other makers, each a program of its own in clients/, that runs one check and says how it went (clients/checks.js)."""

import os
import pathlib
import subprocess

import pytest

CLIENTS = pathlib.Path(__file__).resolve().parent / "clients"
PATIENCE_S = 60
CHECKS = ["single", "pipeline", "transaction", "watch", "subscriptions", "shardedSubscriptions", "blocking", "scripts", "scan", "big",
          "reconnect"]


def check(proxy, command, name, **environment):
    """Runs one check of a client to its end."""
    env = {**os.environ, **environment, "KEYWAY_PROXY_PORT": str(proxy.port)}
    with subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=env) as program:
        said = []
        try:
            for line in program.stdout:  # each program ends by itself when it takes too long
                said.append(line)
                if line == "restart\n":
                    proxy.kill()
                    proxy.start()
                    program.stdin.write("done\n")
                    program.stdin.flush()
            code = program.wait(timeout=PATIENCE_S)
        finally:
            program.kill()
    assert code == 0 and said[-1] == "passed\n", "".join(said)


@pytest.fixture(scope="session", name="node_modules")
def node_modules_folder():
    """Where the clients for Node are: $KEYWAY_NODE_MODULES, or what install says."""
    if "KEYWAY_NODE_MODULES" in os.environ:
        return os.environ["KEYWAY_NODE_MODULES"]
    done = subprocess.run([CLIENTS.parent / "install"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", [*CHECKS, "autopipeline", "clusterMode"])
@pytest.mark.parametrize("package", ["ioredis", "iovalkey"])
def test_ioredis(proxy, node_modules, package, name):
    check(proxy, ["node", CLIENTS / "ioredis.js"], name, NODE_PATH=node_modules, KEYWAY_CLIENT=package)


@pytest.mark.parametrize("name", [*CHECKS, "clusterMode"])
@pytest.mark.parametrize("resp", ["2", "3"])
def test_node_redis(proxy, node_modules, resp, name):
    check(proxy, ["node", CLIENTS / "node_redis.js"], name, NODE_PATH=node_modules, KEYWAY_RESP=resp)


@pytest.fixture(scope="session", name="hiredis_program")
def hiredis_program_built(base_folder):
    program = base_folder / "hiredis_client"
    subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", CLIENTS / "hiredis_client.c", "-o", program, "-lhiredis"], check=True, timeout=60)
    return program


@pytest.mark.parametrize("name", CHECKS)
def test_hiredis(proxy, hiredis_program, name):
    check(proxy, [hiredis_program], name)


BENCHMARKS = "set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset"
REQUESTS = 4000


@pytest.mark.parametrize("flags", [["-P", "16"], ["-c", "20"], ["-3", "-P", "4"], ["--cluster", "-P", "8"]], ids=" ".join)
def test_the_benchmark_of_the_engine(proxy, engine, flags):
    """redis-benchmark and valkey-benchmark, as each engine has its own. They stop at the first error."""
    if "--cluster" in flags and engine.product == "redis":
        pytest.skip("redis-benchmark refuses a cluster of one node, which the proxy is to it")
    program = engine.program.replace("-server", "-benchmark")
    with proxy.client() as client:
        client.flushall()
        done = subprocess.run([program, "-p", str(proxy.port), "-t", BENCHMARKS, "-n", str(REQUESTS), "--csv", *flags], timeout=PATIENCE_S,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0 and "rror" not in done.stdout, done.stdout
        rates = [float(line.split('"')[3]) for line in done.stdout.splitlines() if line.startswith('"') and '"test"' not in line]
        assert len(rates) >= BENCHMARKS.count(",") + 1 and all(rate > 0 for rate in rates), done.stdout
        counted = sum(int(client.get(key)) for key in client.scan_iter("counter:*"))
        assert counted == REQUESTS
