"use strict";
// ioredis and iovalkey, which has the same interface: $KEYWAY_CLIENT says which.

const assert = require("node:assert/strict");
const { BIG, Mailbox, PORT, range, restartProxy, run, until } = require("./checks.js");

const name = process.env.KEYWAY_CLIENT;
const Client = require(name);
const key = (text) => `${name}:${text}`;
const connect = (options = {}) => new Client({ port: PORT, host: "127.0.0.1", ...options });

async function single() {
  const client = connect();
  for (const word of ["AAA", "BBB", "CCC"]) assert.equal(await client.set(key(word), word), "OK");
  assert.deepEqual(await client.mget(key("CCC"), key("none"), key("AAA")), ["CCC", null, "AAA"]);
  assert.equal(await client.hset(key("hash"), { a: 1, b: 2 }), 2);
  assert.deepEqual(await client.hgetall(key("hash")), { a: "1", b: "2" });
  await assert.rejects(client.incr(key("hash")), /WRONGTYPE/);
  assert.equal(await client.del(key("AAA"), key("BBB"), key("CCC"), key("none")), 3);
}

async function pipeline() {
  const client = connect();
  const pipe = client.pipeline();
  for (const index of range(1000)) pipe.set(key(`p${index}`), index).get(key(`p${index}`));
  pipe.lpush(key("p0"), "x").get(key("p1"));
  const replies = await pipe.exec();
  for (const index of range(1000)) assert.deepEqual(replies.slice(2 * index, 2 * index + 2), [[null, "OK"], [null, `${index}`]]);
  assert.match(replies[2000][0].message, /WRONGTYPE/);
  assert.deepEqual(replies[2001], [null, "1"]);
}

async function autopipeline() {
  const client = connect({ enableAutoPipelining: true });
  await Promise.all(range(500).map((index) => client.set(key(`a${index}`), index)));
  const values = await Promise.all(range(500).map((index) => client.get(key(`a${index}`))));
  assert.deepEqual(values, range(500).map(String));
}

async function transaction() {
  const client = connect();
  const counter = key("{t}counter");
  await client.del(counter);
  const replies = await client.multi().incr(counter).incr(counter).rpush(key("{t}list"), "x").exec();
  assert.deepEqual(replies.slice(0, 2), [[null, 1], [null, 2]]);
  await assert.rejects(client.multi().set(key("a"), 1).set(key("b"), 1).exec(), /EXECABORT/);
}

async function watch() {
  const [client, other] = [connect(), connect()];
  const watched = key("watched");
  await client.set(watched, 1);
  await client.watch(watched);
  await other.set(watched, 2);
  assert.equal(await client.multi().set(watched, 3).exec(), null);
  await client.watch(watched);
  assert.deepEqual(await client.multi().set(watched, 4).exec(), [[null, "OK"]]);
  assert.equal(await other.get(watched), "4");
}

async function subscriptions() {
  const [hearer, speaker, box] = [connect(), connect(), new Mailbox()];
  hearer.on("message", (...message) => box.put(...message));
  hearer.on("pmessage", (...message) => box.put(...message));
  assert.equal(await hearer.subscribe(key("news"), key("other")), 2);
  assert.equal(await hearer.psubscribe(key("n*")), 3);
  await speaker.publish(key("nothing else"), "pattern");
  assert.deepEqual(await box.take(), [key("n*"), key("nothing else"), "pattern"]);
  await speaker.publish(key("other"), "channel");
  assert.deepEqual(await box.take(), [key("other"), "channel"]);
  assert.equal(await hearer.unsubscribe(key("news"), key("other")), 1);
  assert.equal(await hearer.punsubscribe(key("n*")), 0);
  assert.equal(await hearer.set(key("after"), 1), "OK");
}

async function shardedSubscriptions() {
  const [hearer, speaker, box] = [connect(), connect(), new Mailbox()];
  hearer.on("smessage", (...message) => box.put(...message));
  assert.equal(await hearer.ssubscribe(key("shard")), 1);
  assert.equal(await speaker.spublish(key("shard"), "x"), 1);
  assert.deepEqual(await box.take(), [key("shard"), "x"]);
  assert.equal(await hearer.sunsubscribe(key("shard")), 0);
}

async function blocking() {
  const [client, other] = [connect(), connect()];
  const [list, stream] = [key("list"), key("stream")];
  await client.del(list, stream);
  const popped = client.blpop(list, 0);
  await other.ping();
  await other.rpush(list, "x");
  assert.deepEqual(await popped, [list, "x"]);
  assert.equal(await client.blpop(list, 0.05), null);
  const read = client.xread("BLOCK", 0, "STREAMS", stream, "0");
  const id = await other.xadd(stream, "*", "field", "value");
  assert.deepEqual(await read, [[stream, [[id, ["field", "value"]]]]]);
}

async function scripts() {
  const client = connect();
  client.defineCommand("pair", { numberOfKeys: 1, lua: "return {KEYS[1], redis.call('INCRBY', KEYS[1], ARGV[1])}" });
  for (const index of range(20)) {
    await client.del(key(`s${index}`));
    assert.deepEqual(await client.pair(key(`s${index}`), index), [key(`s${index}`), index]);
  }
  assert.equal(await client.eval("return ARGV[1]", 0, "x"), "x");
  await assert.rejects(client.eval("return redis.error_reply('MINE says no')", 1, key("x")), /MINE says no/);
}

async function scan() {
  const client = connect();
  const wanted = range(3000).map((index) => key(`scan:${index}`));
  await client.mset(wanted.flatMap((word) => [word, 1]));
  const found = [];
  for await (const words of client.scanStream({ match: key("scan:*"), count: 200 })) found.push(...words);
  assert.deepEqual([...new Set(found)].sort(), wanted.sort());
}

async function big() {
  const client = connect();
  const words = range(4).map((index) => key(`big:${index}`));
  await Promise.all(words.map((word) => client.set(word, BIG)));
  for (const value of await client.mgetBuffer(words)) assert.ok(BIG.equals(value));
  assert.equal(await client.append(words[0], "end"), BIG.length + 3);
  await client.del(words);
}

async function clusterMode() {
  const cluster = new Client.Cluster([{ host: "127.0.0.1", port: PORT }]);
  for (const index of range(100)) assert.equal(await cluster.set(key(`c${index}`), index), "OK");
  assert.equal(await cluster.get(key("c77")), "77");
  assert.deepEqual(await cluster.pipeline().get(key("c1")).get(key("c2")).exec(), [[null, "1"], [null, "2"]]);
  assert.equal(cluster.nodes("master").length, 1);
  assert.deepEqual(await cluster.multi().incr(key("{c}n")).del(key("{c}n")).exec(), [[null, 1], [null, 1]]);
  const box = new Mailbox();
  cluster.on("message", (...message) => box.put(...message));
  await cluster.subscribe(key("cluster news"));
  await until(async () => (await cluster.publish(key("cluster news"), "x")) > 0, "a hearer");
  assert.deepEqual(await box.take(), [key("cluster news"), "x"]);
}

async function reconnect() {
  const [client, hearer, box] = [connect(), connect(), new Mailbox()];
  for (const each of [client, hearer]) each.on("error", () => {}); // it says so each time that it tries in vain
  hearer.on("message", (...message) => box.put(...message));
  await hearer.subscribe(key("news"));
  assert.equal(await client.set(key("kept"), 1), "OK");
  await restartProxy();
  assert.equal(await client.get(key("kept")), "1");
  await until(async () => (await client.publish(key("news"), "again")) > 0, "the subscription to be made again");
  assert.deepEqual(await box.take(), [key("news"), "again"]);
}

run({ single, pipeline, autopipeline, transaction, watch, subscriptions, shardedSubscriptions, blocking, scripts, scan, big, clusterMode, reconnect });
