"use strict";
// node-redis. $KEYWAY_RESP: 2 or 3.

const assert = require("node:assert/strict");
const redis = require("redis");
const { BIG, Mailbox, PORT, range, restartProxy, run, until } = require("./checks.js");

const RESP = Number(process.env.KEYWAY_RESP);
const key = (text) => `node-redis${RESP}:${text}`;

async function connect(options = {}) {
  const client = redis.createClient({ socket: { host: "127.0.0.1", port: PORT }, RESP, ...options });
  client.on("error", () => {}); // it says so each time that it tries in vain to connect anew
  return client.connect();
}

async function single() {
  const client = await connect();
  for (const word of ["AAA", "BBB", "CCC"]) assert.equal(await client.set(key(word), word), "OK");
  assert.deepEqual(await client.mGet([key("CCC"), key("none"), key("AAA")]), ["CCC", null, "AAA"]);
  assert.equal(await client.hSet(key("hash"), { a: 1, b: 2 }), 2);
  assert.deepEqual({ ...(await client.hGetAll(key("hash"))) }, { a: "1", b: "2" });
  await client.zAdd(key("sorted"), [{ value: "x", score: 1.5 }]);
  assert.equal(await client.zScore(key("sorted"), "x"), 1.5);
  await assert.rejects(client.incr(key("hash")), /WRONGTYPE/);
  assert.equal(await client.del([key("AAA"), key("BBB"), key("CCC"), key("none"), key("hash")]), 4);
}

// It sends what is called in one turn of its loop as one.
async function pipeline() {
  const client = await connect();
  const replies = await Promise.all(range(1000).flatMap((index) => [client.set(key(`p${index}`), index), client.get(key(`p${index}`))]));
  assert.deepEqual(replies, range(1000).flatMap((index) => ["OK", `${index}`]));
  const values = await client.multi().get(key("p1")).get(key("p2")).execAsPipeline();
  assert.deepEqual(values, ["1", "2"]);
}

async function transaction() {
  const client = await connect();
  await client.del(key("{t}counter"));
  assert.deepEqual(await client.multi().incr(key("{t}counter")).incr(key("{t}counter")).exec(), [1, 2]);
  await assert.rejects(client.multi().set(key("a"), "1").set(key("b"), "1").exec(), /EXECABORT|CROSSSLOT/);
}

async function watch() {
  const [client, other] = [await connect(), await connect()];
  const watched = key("watched");
  await client.watch(watched);
  await other.set(watched, "2");
  await assert.rejects(client.multi().set(watched, "3").exec(), redis.WatchError);
  await client.watch(watched);
  assert.deepEqual(await client.multi().set(watched, "4").exec(), ["OK"]);
  assert.equal(await other.get(watched), "4");
}

async function subscriptions() {
  const [hearer, speaker, box] = [await connect(), await connect(), new Mailbox()];
  await hearer.subscribe([key("news"), key("other")], (message, channel) => box.put(channel, message));
  await hearer.pSubscribe(key("n*"), (message, channel) => box.put("pattern", channel, message));
  await speaker.publish(key("nothing else"), "x");
  assert.deepEqual(await box.take(), ["pattern", key("nothing else"), "x"]);
  await speaker.publish(key("other"), "y");
  assert.deepEqual(await box.take(), [key("other"), "y"]);
  if (RESP === 3) assert.equal(await hearer.set(key("while subscribed"), "1"), "OK");
  await hearer.unsubscribe([key("news"), key("other")]);
  await hearer.pUnsubscribe(key("n*"));
  assert.equal(String(await hearer.set(key("after"), "1")), "OK"); // by RESP2 it gives bytes from here on
}

async function shardedSubscriptions() {
  const [hearer, speaker, box] = [await connect(), await connect(), new Mailbox()];
  await hearer.sSubscribe(key("shard"), (message, channel) => box.put(channel, message));
  assert.equal(await speaker.sPublish(key("shard"), "x"), 1);
  assert.deepEqual(await box.take(), [key("shard"), "x"]);
  await hearer.sUnsubscribe(key("shard"));
  assert.equal(String(await hearer.set(key("after"), "1")), "OK");
}

async function blocking() {
  const [client, other] = [await connect(), await connect()];
  const [list, stream] = [key("list"), key("stream")];
  await client.del([list, stream]);
  const popped = client.blPop(list, 0);
  await other.ping();
  await other.rPush(list, "x");
  assert.deepEqual({ ...(await popped) }, { key: list, element: "x" });
  assert.equal(await client.blPop(list, 0.05), null);
  const read = client.sendCommand(["XREAD", "BLOCK", "0", "STREAMS", stream, "0"]);
  const id = await other.xAdd(stream, "*", { field: "value" });
  const entries = [[id, ["field", "value"]]];
  const reply = await read;
  assert.deepEqual(Array.isArray(reply) ? reply : Object.entries(reply), [[stream, entries]]);
}

async function scripts() {
  const pair = redis.defineScript({
    SCRIPT: "return {KEYS[1], redis.call('INCRBY', KEYS[1], ARGV[1])}",
    NUMBER_OF_KEYS: 1,
    parseCommand(parser, word, number) {
      parser.pushKey(word);
      parser.push(String(number));
    },
    transformReply: undefined,
  });
  const client = await connect({ scripts: { pair } });
  for (const index of range(20)) {
    await client.del(key(`s${index}`));
    assert.deepEqual(await client.pair(key(`s${index}`), index), [key(`s${index}`), index]);
  }
  await assert.rejects(client.eval("return redis.error_reply('MINE says no')", { keys: [key("x")] }), /MINE says no/);
}

async function scan() {
  const client = await connect();
  const wanted = range(3000).map((index) => key(`scan:${index}`));
  await client.mSet(wanted.flatMap((word) => [word, "1"]));
  const found = [];
  for await (const words of client.scanIterator({ MATCH: key("scan:*"), COUNT: 200 })) found.push(...words);
  assert.deepEqual([...new Set(found)].sort(), wanted.sort());
}

async function big() {
  const client = (await connect()).withTypeMapping({ [redis.RESP_TYPES.BLOB_STRING]: Buffer });
  const words = range(4).map((index) => key(`big:${index}`));
  await Promise.all(words.map((word) => client.set(word, BIG)));
  for (const value of await client.mGet(words)) assert.ok(BIG.equals(value));
  assert.equal(await client.append(words[0], "end"), BIG.length + 3);
  await client.del(words);
}

async function clusterMode() {
  const cluster = redis.createCluster({ rootNodes: [{ socket: { host: "127.0.0.1", port: PORT } }], defaults: { RESP } });
  cluster.on("error", () => {});
  await cluster.connect();
  for (const index of range(100)) assert.equal(await cluster.set(key(`c${index}`), String(index)), "OK");
  assert.equal(await cluster.get(key("c77")), "77");
  assert.equal(cluster.masters.length, 1);
  assert.deepEqual(await cluster.multi().incr(key("{c}n")).del(key("{c}n")).exec(), [1, 1]);
  const box = new Mailbox();
  await cluster.subscribe(key("cluster news"), (message, channel) => box.put(channel, message));
  await until(async () => (await cluster.publish(key("cluster news"), "x")) > 0, "a hearer");
  assert.deepEqual(await box.take(), [key("cluster news"), "x"]);
  await cluster.sSubscribe(key("shard news"), (message, channel) => box.put(channel, message));
  await until(async () => (await cluster.sPublish(key("shard news"), "y")) > 0, "a hearer");
  assert.deepEqual(await box.take(), [key("shard news"), "y"]);
}

async function reconnect() {
  const [client, hearer, box] = [await connect(), await connect(), new Mailbox()];
  await hearer.subscribe(key("news"), (message, channel) => box.put(channel, message));
  assert.equal(await client.set(key("kept"), "1"), "OK");
  await restartProxy();
  assert.equal(await client.get(key("kept")), "1");
  await until(async () => (await client.publish(key("news"), "again")) > 0, "the subscription to be made again");
  assert.deepEqual(await box.take(), [key("news"), "again"]);
}

run({ single, pipeline, transaction, watch, subscriptions, shardedSubscriptions, blocking, scripts, scan, big, clusterMode, reconnect });
