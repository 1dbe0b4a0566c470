"""Values of 64 MB through `keyway proxy`, which passes them on in pieces and holds none of them."""

import contextlib
import re
import socket
import threading
import time

import pytest

from proxies import proxy_before, whole_cluster
from waiting import wait_for

VALUE_BYTES = 64 << 20
MOST_BYTES = 8 << 20  # that the proxy may grow by; measured: 0.2 to 1.4
AT_ONCE = 4
PIECE_BYTES = 1 << 18


def value(seed):
    """Something that no other value has at the same place."""
    block = b"".join(b"%d:%08d;" % (seed, number) for number in range(VALUE_BYTES // 10))
    return block[:VALUE_BYTES]


def command(*arguments):
    return b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%b\r\n" % (len(each), each) for each in arguments)


def start_of_set(key, size=VALUE_BYTES):
    return b"*3\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n" % (len(key), key, size)


@contextlib.contextmanager
def growth_bounded(proxy, most_bytes=MOST_BYTES):
    """Its largest memory within, over that at the beginning."""
    with open(f"/proc/{proxy.process.pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    before = peak_bytes(proxy)
    yield
    grown = peak_bytes(proxy) - before
    print(f"grew by {grown / (1 << 20):.1f} MiB")
    assert grown < most_bytes


def peak_bytes(proxy):
    with open(f"/proc/{proxy.process.pid}/status", encoding="ascii") as file:
        return 1024 * int(re.search(r"^VmHWM:\s+(\d+) kB", file.read(), re.MULTILINE).group(1))


def connect(proxy, receive_bytes=None):
    made = socket.socket()
    if receive_bytes is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.settimeout(60)
    made.connect(("127.0.0.1", proxy.port))
    return made


def read_exactly(client, count):
    parts, left = [], count
    while left > 0:
        part = client.recv(min(left, 1 << 20))
        assert part, "the proxy hung up"
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def ask(client, *arguments, answer):
    client.sendall(command(*arguments))
    assert read_exactly(client, len(answer)) == answer


def commands_at_servers(servers, name):
    """How often all servers together have carried a command out."""
    counts = [servers.node(number).info("commandstats").get(f"cmdstat_{name}", {"calls": 0}) for number in servers.started]
    return sum(count["calls"] for count in counts)


@pytest.fixture(name="three")
def three_servers(make_servers):
    return whole_cluster(make_servers, 3)


def together(act, count=AT_ONCE):
    """act(number) in so many threads; what one of them raises is raised."""
    failures = []

    def run(number):
        try:
            act(number)
        except BaseException as failure:  # pylint: disable=broad-exception-caught
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_several_large_values_at_once(three):
    values = [value(number) for number in range(AT_ONCE)]
    with proxy_before(three, "--workers", "1") as proxy:
        with connect(proxy) as client:
            ask(client, b"SET", b"k", b"v", answer=b"+OK\r\n")

        def write(number):
            with connect(proxy) as client:
                ask(client, b"SET", b"large%d" % number, values[number], answer=b"+OK\r\n")
                ask(client, b"STRLEN", b"large%d" % number, answer=b":%d\r\n" % VALUE_BYTES)

        def read(number):
            with connect(proxy) as client:
                client.sendall(command(b"GET", b"large%d" % number))
                assert read_exactly(client, VALUE_BYTES + 13) == b"$%d\r\n%b\r\n" % (VALUE_BYTES, values[number])

        with growth_bounded(proxy):
            together(write)
        with growth_bounded(proxy):
            together(read)


def test_a_slow_sender_holds_nobody_up(three):
    text = value(7)
    whole = start_of_set(b"slow") + text + b"\r\n" + command(b"GETRANGE", b"slow", b"0", b"9") + command(b"PING")
    with proxy_before(three, "--workers", "1") as proxy, connect(proxy) as slow, connect(proxy) as other:
        with growth_bounded(proxy):
            for at in range(0, len(whole), len(whole) // 20):
                slow.sendall(whole[at:at + len(whole) // 20])
                ask(other, b"SET", b"slow" if at == 0 else b"k", b"v", answer=b"+OK\r\n")
        assert read_exactly(slow, 29) == b"+OK\r\n$10\r\n%b\r\n+PONG\r\n" % text[:10]


def test_a_server_that_does_not_read_holds_its_client_back(three):
    with proxy_before(three, "--workers", "1") as proxy, connect(proxy) as client:
        ask(client, b"SET", b"stuck", b"v", answer=b"+OK\r\n")
        owner = next(number for number in three.started if three.cli("-p", three.port(number), "EXISTS", "stuck").strip() == "1")
        # What it is asked first it answers; then it stands still.
        client.sendall(start_of_set(b"stuck") + bytes(PIECE_BYTES))
        wait_for(lambda: commands_at_servers(three, "exists") >= 2, "the server to be asked")
        process = three.started[owner]
        process.send_signal(19)
        try:
            client.settimeout(2)
            sent = PIECE_BYTES
            with growth_bounded(proxy), pytest.raises(TimeoutError):
                while sent < VALUE_BYTES:
                    sent += client.send(bytes(min(PIECE_BYTES, VALUE_BYTES - sent)))
        finally:
            process.send_signal(18)
        client.settimeout(60)
        client.sendall(bytes(VALUE_BYTES - sent) + b"\r\n")
        assert read_exactly(client, 5) == b"+OK\r\n"
        ask(client, b"STRLEN", b"stuck", answer=b":%d\r\n" % VALUE_BYTES)


@pytest.mark.parametrize("ending", ["says no more", "drops"])
def test_half_a_command_is_never_carried_out(three, ending):
    with proxy_before(three, "--workers", "1") as proxy, connect(proxy) as other:
        ask(other, b"SET", b"half", b"whole", answer=b"+OK\r\n")
        before = commands_at_servers(three, "set")
        with connect(proxy) as client:
            client.sendall(start_of_set(b"half") + bytes(VALUE_BYTES // 2))
            if ending == "drops":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            else:
                client.shutdown(socket.SHUT_WR)
                assert client.recv(1) == b""
        wait_for(lambda: "\nkeyway_proxy_clients 1\n" in proxy.get("metrics"), "the client to be gone")
        ask(other, b"GET", b"half", answer=b"$5\r\nwhole\r\n")
        assert commands_at_servers(three, "set") == before
        wait_for(lambda: clients_of_servers(three) <= 8, "the connection for it to be closed")


def clients_of_servers(servers):
    return sum(len(servers.node(number).client_list(_type="normal")) for number in servers.started)


def test_a_client_may_say_that_this_was_all(three):
    text = value(3)
    with proxy_before(three, "--workers", "1") as proxy, connect(proxy) as client:
        client.sendall(start_of_set(b"last") + text + b"\r\n")
        client.shutdown(socket.SHUT_WR)
        assert read_exactly(client, 5) == b"+OK\r\n"
        assert client.recv(1) == b""
        assert proxy.client().strlen("last") == VALUE_BYTES


def test_a_server_that_dies_meanwhile(three):
    with proxy_before(three, "--workers", "1") as proxy, connect(proxy) as client:
        ask(client, b"SET", b"lost", b"v", answer=b"+OK\r\n")
        owner = next(number for number in three.started if three.cli("-p", three.port(number), "EXISTS", "lost").strip() == "1")
        asked = commands_at_servers(three, "exists")
        client.sendall(start_of_set(b"lost") + bytes(VALUE_BYTES // 2))
        wait_for(lambda: commands_at_servers(three, "exists") > asked, "the server to be asked")
        three.kill(owner)
        client.sendall(bytes(VALUE_BYTES - VALUE_BYTES // 2) + b"\r\n" + command(b"ECHO", b"on"))
        answer = client.makefile("rb")
        assert re.match(rb"-ERR keyway: the connection to the server \S+ is lost: ", answer.readline())
        assert answer.readline() + answer.readline() == b"$2\r\non\r\n"


def test_a_slot_that_moves_meanwhile(three):
    with proxy_before(three, "--workers", "1") as proxy, connect(proxy) as client:
        slot = three.node(0).execute_command("CLUSTER", "KEYSLOT", "moving")
        owner = next(number for number in three.started if any(
            int(part.split("-")[0]) <= slot <= int(part.split("-")[-1])
            for part in three.known()[three.id(number)][8:] if not part.startswith("[")))
        to = (owner + 1) % 3
        # Where the move is over before it begins, the value goes to the new owner without a word.
        move_slot(three, slot, owner, to)
        ask(client, b"SET", b"moving", value(1), answer=b"+OK\r\n")
        ask(client, b"DEL", b"moving", answer=b":1\r\n")
        asked = commands_at_servers(three, "exists")
        client.sendall(start_of_set(b"moving") + bytes(VALUE_BYTES // 2))
        wait_for(lambda: commands_at_servers(three, "exists") > asked, "the server to be asked")
        move_slot(three, slot, to, owner)
        client.sendall(bytes(VALUE_BYTES - VALUE_BYTES // 2) + b"\r\n")
        answer = client.makefile("rb").readline()
        assert answer == b"-TRYAGAIN keyway: the slot was moved while the command was being sent; it was not carried out\r\n"
        ask(client, b"SET", b"moving", value(2), answer=b"+OK\r\n")
        ask(client, b"EXISTS", b"moving", answer=b":1\r\n")


def move_slot(servers, slot, owner, to):
    """Of a slot without keys."""
    source, target = servers.id(owner), servers.id(to)
    for number in (to, owner, *servers.started):
        servers.node(number).execute_command("CLUSTER", "SETSLOT", slot, "NODE", target)
    assert source != target


def is_served_for(seconds, client):
    """Others' requests go on for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ask(client, b"SET", b"{large}small", b"w", answer=b"+OK\r\n")
        ask(client, b"GET", b"{large}small", answer=b"$1\r\nw\r\n")


def test_a_slow_reader_of_a_large_value(three):
    text = b"-" * VALUE_BYTES  # as an error begins
    with proxy_before(three, "--workers", "1") as proxy, connect(proxy) as other:
        ask(other, b"SET", b"large", text, answer=b"+OK\r\n")
        ask(other, b"SET", b"{large}small", b"v", answer=b"+OK\r\n")
        with connect(proxy, receive_bytes=1 << 14) as slow, growth_bounded(proxy):
            slow.sendall(command(b"GET", b"large"))
            is_served_for(3, other)
            assert read_exactly(slow, VALUE_BYTES + 13) == b"$%d\r\n%b\r\n" % (VALUE_BYTES, text)
            ask(slow, b"ECHO", b"on", answer=b"$2\r\non\r\n")


@pytest.mark.parametrize("pause_s", [0, 1])
def test_a_value_that_changes_while_it_is_read_slowly(three, pause_s):
    old, new = value(5), value(6)
    with proxy_before(three, "--workers", "1") as proxy, connect(proxy) as other, connect(proxy, receive_bytes=1 << 14) as slow:
        ask(other, b"SET", b"large", old, answer=b"+OK\r\n")
        with growth_bounded(proxy):
            slow.sendall(command(b"GET", b"large"))
            assert read_exactly(slow, 1000) == (b"$%d\r\n" % VALUE_BYTES + old)[:1000]
            is_served_for(pause_s, other)
            ask(other, b"SET", b"large", new, answer=b"+OK\r\n")
            got = bytearray()
            while len(got) < VALUE_BYTES + 13 - 1000 and (part := slow.recv(1 << 20)):
                got += part
        # Either the whole of one value, or not the whole: never some of both.
        assert got == (b"$%d\r\n%b\r\n" % (VALUE_BYTES, old))[1000:1000 + len(got)]
