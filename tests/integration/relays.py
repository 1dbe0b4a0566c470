"""What stands between a proxy and its servers, so that a test can hold back, delay and cut what they say to each other. One port of its own
for each server, all of them served by one thread."""

import asyncio
import contextlib
import random
import threading

PIECE_BYTES = 1 << 16


class Link:
    """One connection that goes through; cut when as many bytes have passed as `budget_bytes`, if that is not None."""

    def __init__(self, writers, budget_bytes):
        self.writers, self.budget_bytes = writers, budget_bytes

    def allow(self, data):
        if self.budget_bytes is None:
            return data
        data = data[:self.budget_bytes]
        self.budget_bytes -= len(data)
        return data

    @property
    def spent(self):
        return self.budget_bytes == 0

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()


class Relays(threading.Thread):
    """`ports`: of the servers, by the port at which each is reached through here."""

    def __init__(self, ports, seed):
        super().__init__(daemon=True)
        self.ports, self.random = ports, random.Random(seed)
        self.links, self.refused = {port: set() for port in ports}, set()
        self.delay_s, self.cuts_in_the_middle, self.cut_count = 0.0, False, 0
        self.started, self.loop, self.open, self.ending = threading.Event(), None, None, None

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        self.loop, self.open, self.ending = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self.open.set()
        servers = [await asyncio.start_server(lambda reader, writer, port=port: self.link(port, reader, writer), "127.0.0.1", port)
                   for port in self.ports]
        self.started.set()
        await self.ending.wait()
        for server in servers:
            server.close()
        self.cut_all()

    async def link(self, port, reader, writer):
        if port in self.refused:
            return writer.transport.abort()
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.ports[port])
        except OSError:
            return writer.transport.abort()
        link = Link((writer, server_writer), self.random.randrange(1, 30000) if self.cuts_in_the_middle else None)
        self.links[port].add(link)
        try:
            await asyncio.gather(self.pump(link, reader, server_writer), self.pump(link, server_reader, writer))
        finally:
            self.links[port].discard(link)
        return None

    async def pump(self, link, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE_BYTES):
                await self.open.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(link.allow(data))
                await writer.drain()
                if link.spent:
                    self.cut_count += 1
                    break
        link.cut()

    # What tests say, from their own thread.

    def act(self, function, *arguments):
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (function(*arguments), done.set()))
        assert done.wait(timeout=10), "the relays hang"

    def hold(self):
        """Nothing passes until release()."""
        self.act(self.open.clear)

    def release(self):
        self.act(self.open.set)

    def cut_all(self, *ports):
        for port in ports or self.ports:
            for link in list(self.links[port]):
                self.cut_count += 1
                link.cut()

    def cut(self, *ports):
        """Breaks the connections that there are, of these ports or all."""
        self.act(self.cut_all, *ports)

    def refuse(self, *ports):
        """Breaks them, and takes none from now on; without ports: takes all again."""
        self.act(self.refused.clear)
        if ports:
            self.act(self.refused.update, ports)
            self.cut(*ports)

    def end(self):
        self.loop.call_soon_threadsafe(self.ending.set)
        self.join(timeout=20)


@contextlib.contextmanager
def relays_before(ports, seed):
    relays = Relays(ports, seed)
    relays.start()
    assert relays.started.wait(timeout=10), "the relays do not start"
    try:
        yield relays
    finally:
        relays.end()
