/* hiredis: `hiredis_client CHECK` runs one check, as checks.js says. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { kPipeline = 1000, kKeys = 2000, kBigBytes = 5 << 20, kReconnects = 400 };

static int port;

static void fail(const char* what, const char* detail) {
  fprintf(stderr, "%s: %s\n", what, detail ? detail : "");
  exit(1);
}

static redisContext* connect_once(void) {
  struct timeval limit = {20, 0};
  redisContext* context = redisConnectWithTimeout("127.0.0.1", port, limit);
  if (!context || context->err) return context;
  redisSetTimeout(context, limit);
  return context;
}

static redisContext* connected(void) {
  redisContext* context = connect_once();
  if (!context || context->err) fail("no connection", context ? context->errstr : "no memory");
  return context;
}

static redisReply* checked(redisContext* context, redisReply* reply, const char* what) {
  if (!reply) fail(what, context->errstr);
  return reply;
}

static void expect_text(redisContext* context, redisReply* reply, const char* wanted) {
  checked(context, reply, wanted);
  if (!reply->str || strcmp(reply->str, wanted) != 0) fail("another reply than this", wanted);
  freeReplyObject(reply);
}

static void expect_integer(redisContext* context, redisReply* reply, long long wanted) {
  checked(context, reply, "an integer");
  if (reply->type != REDIS_REPLY_INTEGER || reply->integer != wanted) fail("another integer was wanted", reply->str);
  freeReplyObject(reply);
}

static void expect_error(redisContext* context, redisReply* reply, const char* start) {
  checked(context, reply, start);
  if (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, start, strlen(start)) != 0) fail("not this error", start);
  freeReplyObject(reply);
}

static redisReply* next(redisContext* context) {
  void* reply = NULL;
  if (redisGetReply(context, &reply) != REDIS_OK) fail("no reply", context->errstr);
  return reply;
}

static void single(void) {
  redisContext* context = connected();
  const char* words[] = {"AAA", "BBB", "CCC"};
  for (int i = 0; i < 3; ++i) expect_text(context, redisCommand(context, "SET hi:%s %s", words[i], words[i]), "OK");
  redisReply* reply = checked(context, redisCommand(context, "MGET hi:CCC hi:none hi:AAA"), "MGET");
  if (reply->elements != 3 || strcmp(reply->element[0]->str, "CCC") != 0 || reply->element[1]->type != REDIS_REPLY_NIL)
    fail("MGET", "other values");
  freeReplyObject(reply);
  expect_error(context, redisCommand(context, "LPUSH hi:AAA x"), "WRONGTYPE");
  expect_integer(context, redisCommand(context, "DEL hi:AAA hi:BBB hi:CCC hi:none"), 3);
}

static void pipeline(void) {
  redisContext* context = connected();
  for (int i = 0; i < kPipeline; ++i) {
    redisAppendCommand(context, "SET hi:p%d %d", i, i);
    redisAppendCommand(context, "GET hi:p%d", i);
  }
  for (int i = 0; i < kPipeline; ++i) {
    char wanted[16];
    snprintf(wanted, sizeof wanted, "%d", i);
    expect_text(context, next(context), "OK");
    expect_text(context, next(context), wanted);
  }
}

static void transaction(void) {
  redisContext* context = connected();
  freeReplyObject(redisCommand(context, "DEL {hi}n"));
  expect_text(context, redisCommand(context, "MULTI"), "OK");
  expect_text(context, redisCommand(context, "INCR {hi}n"), "QUEUED");
  expect_text(context, redisCommand(context, "INCR {hi}n"), "QUEUED");
  redisReply* reply = checked(context, redisCommand(context, "EXEC"), "EXEC");
  if (reply->elements != 2 || reply->element[1]->integer != 2) fail("EXEC", "other replies");
  freeReplyObject(reply);
  expect_error(context, redisCommand(context, "EXEC"), "ERR EXEC without MULTI");
}

static void watch(void) {
  redisContext* context = connected();
  redisContext* other = connected();
  expect_text(context, redisCommand(context, "WATCH hi:watched"), "OK");
  expect_text(other, redisCommand(other, "SET hi:watched 1"), "OK");
  expect_text(context, redisCommand(context, "MULTI"), "OK");
  expect_text(context, redisCommand(context, "SET hi:watched 2"), "QUEUED");
  redisReply* reply = checked(context, redisCommand(context, "EXEC"), "EXEC");
  if (reply->type != REDIS_REPLY_NIL) fail("EXEC", "carried out though the key had changed");
  freeReplyObject(reply);
  expect_text(context, redisCommand(context, "GET hi:watched"), "1");
}

static void expect_message(redisContext* context, const char* kind, const char* text) {
  redisReply* reply = next(context);
  if (reply->type != REDIS_REPLY_ARRAY || strcmp(reply->element[0]->str, kind) != 0) fail("another message than", kind);
  redisReply* last = reply->element[reply->elements - 1];
  if (text && (!last->str || strcmp(last->str, text) != 0)) fail("not the message", text);
  freeReplyObject(reply);
}

static void subscriptions(void) {
  redisContext* hearer = connected();
  redisContext* speaker = connected();
  redisAppendCommand(hearer, "SUBSCRIBE hi:news");
  expect_message(hearer, "subscribe", NULL);
  redisAppendCommand(hearer, "PSUBSCRIBE hi:p*");
  expect_message(hearer, "psubscribe", NULL);
  freeReplyObject(redisCommand(speaker, "PUBLISH hi:news one"));
  expect_message(hearer, "message", "one");
  freeReplyObject(redisCommand(speaker, "PUBLISH hi:pattern two"));
  expect_message(hearer, "pmessage", "two");
}

static void sharded_subscriptions(void) {
  redisContext* hearer = connected();
  redisContext* speaker = connected();
  redisAppendCommand(hearer, "SSUBSCRIBE hi:shard");
  expect_message(hearer, "ssubscribe", NULL);
  expect_integer(speaker, redisCommand(speaker, "SPUBLISH hi:shard three"), 1);
  expect_message(hearer, "smessage", "three");
}

static void blocking(void) {
  redisContext* context = connected();
  redisContext* other = connected();
  freeReplyObject(redisCommand(other, "DEL hi:list hi:stream"));
  redisAppendCommand(context, "BLPOP hi:list 0");
  redisAppendCommand(context, "XREAD BLOCK 0 STREAMS hi:stream 0");
  int sent = 0;
  while (!sent) {
    if (redisBufferWrite(context, &sent) != REDIS_OK) fail("write", context->errstr);
  }
  expect_integer(other, redisCommand(other, "RPUSH hi:list x"), 1);
  expect_message(context, "hi:list", "x");
  freeReplyObject(checked(other, redisCommand(other, "XADD hi:stream * field value"), "XADD"));
  redisReply* reply = next(context);
  if (reply->elements != 1 || strcmp(reply->element[0]->element[0]->str, "hi:stream") != 0) fail("XREAD", "another reply");
  freeReplyObject(reply);
}

static void scripts(void) {
  redisContext* context = connected();
  redisReply* loaded = checked(context, redisCommand(context, "SCRIPT LOAD %s", "return KEYS[1]"), "SCRIPT LOAD");
  for (int i = 0; i < 20; ++i) {
    char name[32];
    snprintf(name, sizeof name, "hi:s%d", i);
    expect_text(context, redisCommand(context, "EVALSHA %s 1 %s", loaded->str, name), name);
  }
  freeReplyObject(loaded);
}

static void scan(void) {
  redisContext* context = connected();
  static unsigned char seen[kKeys];
  for (int i = 0; i < kKeys; ++i) redisAppendCommand(context, "SET hi:scan:%d 1", i);
  for (int i = 0; i < kKeys; ++i) expect_text(context, next(context), "OK");
  char cursor[32] = "0";
  int steps = 0;
  do {
    redisReply* reply = checked(context, redisCommand(context, "SCAN %s MATCH hi:scan:* COUNT 100", cursor), "SCAN");
    if (reply->elements != 2) fail("SCAN", reply->str);
    snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
    for (size_t i = 0; i < reply->element[1]->elements; ++i) seen[atoi(reply->element[1]->element[i]->str + 8)] = 1;
    freeReplyObject(reply);
    if (++steps > 100 * kKeys) fail("SCAN", "does not end");
  } while (strcmp(cursor, "0") != 0);
  for (int i = 0; i < kKeys; ++i) {
    if (!seen[i]) fail("SCAN", "did not show every key");
  }
}

static void big(void) {
  redisContext* context = connected();
  char* value = malloc(kBigBytes);
  for (int i = 0; i < kBigBytes; ++i) value[i] = (char)('a' + i % 23);
  expect_text(context, redisCommand(context, "SET hi:big %b", value, (size_t)kBigBytes), "OK");
  redisReply* reply = checked(context, redisCommand(context, "GET hi:big"), "GET");
  if (reply->len != kBigBytes || memcmp(reply->str, value, kBigBytes) != 0) fail("GET", "not what was set");
  freeReplyObject(reply);
  expect_integer(context, redisCommand(context, "DEL hi:big"), 1);
  free(value);
}

static void reconnect(void) {
  redisContext* context = connected();
  expect_text(context, redisCommand(context, "SET hi:kept 1"), "OK");
  puts("restart");
  fflush(stdout);
  char line[16];
  if (!fgets(line, sizeof line, stdin)) fail("the test", "has gone");
  if (redisCommand(context, "GET hi:kept")) fail("the old connection", "still answers");
  int attempts = 0;
  while (redisReconnect(context) != REDIS_OK) {
    if (++attempts > kReconnects) fail("reconnect", context->errstr);
  }
  expect_text(context, redisCommand(context, "GET hi:kept"), "1");
}

int main(int count, char** words) {
  static const struct {
    const char* name;
    void (*run)(void);
  } checks[] = {{"single", single}, {"pipeline", pipeline}, {"transaction", transaction}, {"watch", watch},
                {"subscriptions", subscriptions}, {"shardedSubscriptions", sharded_subscriptions},
                {"blocking", blocking}, {"scripts", scripts}, {"scan", scan}, {"big", big}, {"reconnect", reconnect}};
  const char* said = getenv("KEYWAY_PROXY_PORT");
  port = said ? atoi(said) : 0;
  for (size_t i = 0; count > 1 && i < sizeof checks / sizeof *checks; ++i) {
    if (strcmp(words[1], checks[i].name) != 0) continue;
    checks[i].run();
    puts("passed");
    return 0;
  }
  fail("no check has this name", count > 1 ? words[1] : "");
}
