"""Keys of every kind, and what they are compared by."""

import os


def fill_with_all_kinds(client):
    """Keys with any bytes in their names and values, of every type, in the compact and in the large encoding."""
    client.set(b"nul\0in the name", b"nul\0in the value")
    client.set(b"", b"of the empty name")
    client.set(b"\r\n\xff{", os.urandom(100_000))
    client.set("counter", 41)
    client.set("mortal", "soon", px=100_000_000)
    client.setbit("bits", 70_000, 1)
    client.pfadd("visitors", *range(1000))
    client.geoadd("places", (13.361389, 38.115556, "Palermo"))
    for size in (3, 3000):
        many = [f"element {number}" for number in range(size)]
        client.rpush(f"list of {size}", *many)
        client.sadd(f"set of {size}", *many)
        client.sadd(f"numbers of {size}", *range(size))
        client.hset(f"hash of {size}", mapping={name: name * 9 for name in many})
        client.zadd(f"sorted of {size}", {name: number * 0.1 for number, name in enumerate(many)})
        for name in many:
            client.xadd(f"stream of {size}", {"name": name})
        client.xgroup_create(f"stream of {size}", "readers", "0")
        client.xreadgroup("readers", "me", {f"stream of {size}": ">"}, count=2)
    return list(client.scan_iter(count=1000))


def digest(client, key):
    """The servers' own digest of a value, which does not depend on the order of sets."""
    return client.execute_command("DEBUG", "DIGEST-VALUE", key)
