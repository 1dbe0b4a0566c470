"""redis-py-cluster as Debian 12 has it (python3-rediscluster 2.0.0). It was made for a redis-py that is older than Debian's, so it
is given the two things that it looks for there and that have gone since; and it leaves its own class in redis-py, which is undone."""

import contextlib
import sys
import types

import redis
import redis.client


def merged(*some):
    return {key: value for each in some for key, value in each.items()}


sys.modules["redis._compat"] = types.SimpleNamespace(
    unicode=str, long=int, basestring=str, iteritems=lambda some: iter(some.items()), izip=zip, imap=map,
    nativestr=lambda text: text if isinstance(text, str) else text.decode())
redis.client.dict_merge = merged

newer = redis.RedisCluster
from rediscluster import RedisCluster  # noqa: E402,F401 pylint: disable=wrong-import-position,unused-import

redis.RedisCluster = newer
from rediscluster.nodemanager import NodeManager  # noqa: E402 pylint: disable=wrong-import-position


@contextlib.contextmanager
def host_port_remap(rules):
    """What RedisCluster(host_port_remap=rules) does from 2.1.0 on, for the clients that are made and used meanwhile."""
    make = NodeManager.make_node_obj

    def make_remapped(self, host, port, server_type):
        for rule in rules:
            if (host, int(port)) == (rule["from_host"], rule["from_port"]):
                return make(self, rule["to_host"], rule["to_port"], server_type)
        return make(self, host, port, server_type)

    NodeManager.make_node_obj = make_remapped
    try:
        yield
    finally:
        NodeManager.make_node_obj = make
