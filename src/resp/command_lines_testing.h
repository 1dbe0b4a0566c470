// For tests: commands with their keys marked, at least one of every command that has any. What it says has
// been asked of real servers (engine/command_keys_server_test.cc).
//
//   @key   is a key
//   #name  decides the slot, but is no key
//   ""     is an empty argument
//   !      first on the line: the arguments make no sense
//   ^      first on the line: a cluster's nodes do not look at the keys and never redirect (Valkey 9.1's
//   MSETEX) ~      first on the line: COMMAND GETKEYS of some servers says something else than what a cluster
//   goes by
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"

namespace keyway::resp {

// clang-format off
inline constexpr auto kCommandLines = std::to_array<std::string_view>({
    // strings
    "APPEND @a value", "append @a GET", "DECR @a", "DECRBY @a 5", "DELIFEQ @a value", "GET @a", "get @a",
    "GeT @a", "GETDEL @a", "GETEX @a", "GETEX @a EX 10", "GETEX @a PERSIST", "GETRANGE @a 0 -1",
    "GETSET @a value", "INCR @a", "INCRBY @a 2", "INCRBYFLOAT @a 1.5", "LCS @a @b", "LCS @a @b LEN",
    "LCS @a @b IDX MINMATCHLEN 4 WITHMATCHLEN", "MGET @a", "MGET @a @b @c @d @e", "MGET @a @a", "MSET @a 1",
    "MSET @a 1 @b 2 @c 3", "MSET @a 1 @b", "MSETNX @a 1", "MSETNX @a 1 @b 2", "^MSETEX 1 @a 1",
    "^MSETEX 2 @a 1 @b 2", "^MSETEX 3 @a 1 @b 2 @c 3 NX EX 10", "PSETEX @a 1000 value", "SET @a value",
    "SET @a value EX 10 NX", "SET @a value GET", "SET @a EX EX 10", "SETEX @a 10 value", "SETNX @a value",
    "SETRANGE @a 5 value", "STRLEN @a", "SUBSTR @a 0 1", "!GET", "!GET a b", "!SET a", "!MGET",
    "!MSETEX 0 a 1", "!MSETEX x a 1", "!MSETEX 9 a 1",
    // bitmaps
    "BITCOUNT @a", "BITCOUNT @a 0 5 BIT", "BITFIELD @a GET u8 0", "BITFIELD @a INCRBY i5 100 1 GET u4 0",
    "BITFIELD_RO @a GET u8 0", "BITOP AND @d @a", "BITOP OR @d @a @b @c", "BITOP NOT @d @a",
    "BITOP XOR @d @d @d", "BITPOS @a 1", "BITPOS @a 0 1 2 BYTE", "GETBIT @a 7", "SETBIT @a 7 1",
    "!BITOP AND d",
    // generic
    "COPY @a @b", "COPY @a @b REPLACE", "COPY @a @b DB 0 REPLACE", "DEL @a", "DEL @a @b @c", "DUMP @a",
    "EXISTS @a", "EXISTS @a @a @b", "EXPIRE @a 10", "EXPIRE @a 10 NX", "EXPIREAT @a 2000000000",
    "EXPIRETIME @a", "MOVE @a 1", "OBJECT ENCODING @a", "OBJECT FREQ @a", "OBJECT IDLETIME @a",
    "object refcount @a", "OBJECT HELP", "PERSIST @a", "PEXPIRE @a 1000", "PEXPIREAT @a 2000000000000 GT",
    "PEXPIRETIME @a", "PTTL @a", "RENAME @a @b", "RENAMENX @a @b", "RESTORE @a 0 payload",
    "RESTORE @a 0 payload REPLACE ABSTTL FREQ 5", "RESTORE-ASKING @a 0 payload", "TOUCH @a", "TOUCH @a @b",
    "TTL @a", "TYPE @a", "UNLINK @a", "UNLINK @a @b @c @d", "MEMORY USAGE @a", "MEMORY USAGE @a SAMPLES 5",
    "MEMORY DOCTOR", "KEYS *", "SCAN 0", "SCAN 0 MATCH a* COUNT 5", "RANDOMKEY", "WAIT 1 100", "!DEL",
    "!RENAME a", "!COPY a", "!OBJECT ENCODING", "!OBJECT ENCODING a b", "!MEMORY USAGE",
    // SORT
    "SORT @a", "SORT @a DESC ALPHA", "SORT @a LIMIT 0 5", "SORT @a STORE @d", "sort @a store @d",
    "SORT @a BY w_* GET # GET d_* STORE @d", "SORT @a STORE x STORE @d", "SORT @a LIMIT 0 5 STORE @d ALPHA",
    "SORT @a BY STORE", "SORT @a GET STORE DESC", "SORT @a BY store GET store STORE @store", "SORT @a STORE",
    "SORT @a LIMIT STORE STORE STORE @d", "SORT @a LIMIT 0 STORE d", "SORT @a STORE @limit", "SORT_RO @a",
    "SORT_RO @a BY w_* LIMIT 0 5 GET d_*", "!SORT",
    // MIGRATE
    "MIGRATE 127.0.0.1 6379 @a 0 1000", "MIGRATE 127.0.0.1 6379 @a 0 1000 COPY REPLACE",
    "MIGRATE 127.0.0.1 6379 \"\" 0 1000 KEYS @a", "MIGRATE 127.0.0.1 6379 \"\" 0 1000 KEYS @a @b @c",
    "MIGRATE 127.0.0.1 6379 \"\" 0 1000 COPY KEYS @a @b",
    "MIGRATE 127.0.0.1 6379 \"\" 0 1000 AUTH KEYS KEYS @a",
    "MIGRATE 127.0.0.1 6379 \"\" 0 1000 AUTH2 KEYS KEYS KEYS @keys @KEYS",
    "MIGRATE 127.0.0.1 6379 \"\" 0 1000 REPLACE AUTH2 user password keys @a",
    "MIGRATE 127.0.0.1 6379 @a 0 1000 AUTH KEYS", "MIGRATE 127.0.0.1 6379 @a 0 1000 AUTH password REPLACE",
    "!MIGRATE 127.0.0.1 6379 a 0 1000 KEYS b", "~!MIGRATE 127.0.0.1 6379 \"\" 0 1000 KEYS",
    "!MIGRATE 127.0.0.1 6379 a 0",
    // hashes
    "HDEL @a f", "HDEL @a f g h", "HEXISTS @a f", "HEXPIRE @a 10 FIELDS 1 f", "HEXPIRE @a 10 NX FIELDS 2 f g",
    "HEXPIREAT @a 2000000000 FIELDS 1 f", "HEXPIRETIME @a FIELDS 1 f", "HGET @a f", "HGETALL @a",
    "HGETDEL @a FIELDS 1 f", "HGETEX @a FIELDS 1 f", "HGETEX @a EX 10 FIELDS 2 f g", "HINCRBY @a f 1",
    "HINCRBYFLOAT @a f 1.5", "HKEYS @a", "HLEN @a", "HMGET @a f", "HMGET @a f g", "HMSET @a f v g w",
    "HPERSIST @a FIELDS 1 f", "HPEXPIRE @a 1000 FIELDS 1 f", "HPEXPIREAT @a 2000000000000 FIELDS 1 f",
    "HPEXPIRETIME @a FIELDS 1 f", "HPTTL @a FIELDS 1 f", "HRANDFIELD @a", "HRANDFIELD @a 5 WITHVALUES",
    "HSCAN @a 0", "HSCAN @a 0 MATCH f* COUNT 5 NOVALUES", "HSET @a f v", "HSET @a f v g w",
    "HSETEX @a FIELDS 1 f v", "HSETEX @a FNX EX 10 FIELDS 2 f v g w", "HSETNX @a f v", "HSTRLEN @a f",
    "HTTL @a FIELDS 1 f", "HVALS @a", "!HGET a", "!HSET a f",
    // lists
    "BLMOVE @a @b LEFT RIGHT 0.1", "BLPOP @a 0.1", "BLPOP @a @b @c 0.1", "BRPOP @a 0.1", "BRPOP @a @b 0.1",
    "BRPOPLPUSH @a @b 0.1", "LINDEX @a 0", "LINSERT @a BEFORE x y", "LLEN @a", "LMOVE @a @b LEFT LEFT",
    "LPOP @a", "LPOP @a 5", "LPOS @a x", "LPOS @a x RANK 1 COUNT 2", "LPUSH @a x", "LPUSH @a x y z",
    "LPUSHX @a x", "LRANGE @a 0 -1", "LREM @a 0 x", "LSET @a 0 x", "LTRIM @a 0 1", "RPOP @a", "RPOP @a 2",
    "RPOPLPUSH @a @b", "RPUSH @a x", "RPUSHX @a x y", "LMPOP 1 @a LEFT", "LMPOP 3 @a @b @c RIGHT COUNT 5",
    "BLMPOP 0.1 1 @a LEFT", "BLMPOP 0.1 2 @a @b RIGHT COUNT 5", "LMPOP 2 @a @LEFT", "!LMPOP 0 a LEFT",
    "!LMPOP 5 a LEFT", "!LMPOP -1 a LEFT", "!LMPOP x a LEFT", "!LMPOP 1", "!BLMPOP 0.1 0 a LEFT", "!BLPOP a",
    "!LMPOP 99999999999999999999 a LEFT", "!LMPOP 9223372036854775807 a LEFT", "~!LMPOP 1.0 a LEFT",
    "~!LMPOP 01 a LEFT", "~!LMPOP +1 a LEFT", "!LMPOP \"\" a LEFT",
    // sets
    "SADD @a x", "SADD @a x y", "SCARD @a", "SDIFF @a", "SDIFF @a @b @c", "SDIFFSTORE @d @a",
    "SDIFFSTORE @d @a @b", "SINTER @a", "SINTER @a @b", "SINTERCARD 1 @a", "SINTERCARD 2 @a @b",
    "SINTERCARD 2 @a @b LIMIT 5", "SINTERSTORE @d @a @b", "SISMEMBER @a x", "SMEMBERS @a",
    "SMISMEMBER @a x y", "SMOVE @a @b x", "SPOP @a", "SPOP @a 3", "SRANDMEMBER @a", "SRANDMEMBER @a -3",
    "SREM @a x", "SREM @a x y", "SSCAN @a 0", "SSCAN @a 0 COUNT 10", "SUNION @a @b",
    "SUNIONSTORE @d @a @b @c", "!SINTERCARD 0 a", "!SINTERCARD 3 a b", "!SINTERCARD a b", "!SDIFFSTORE d",
    // sorted sets
    "BZMPOP 0.1 1 @a MIN", "BZMPOP 0.1 2 @a @b MAX COUNT 3", "BZPOPMAX @a 0.1", "BZPOPMAX @a @b 0.1",
    "BZPOPMIN @a @b @c 0.1", "ZADD @a 1 x", "ZADD @a NX CH 1 x 2 y", "ZCARD @a", "ZCOUNT @a -inf +inf",
    "ZDIFF 1 @a", "ZDIFF 2 @a @b WITHSCORES", "ZDIFFSTORE @d 1 @a", "ZDIFFSTORE @d 3 @a @b @c",
    "ZINCRBY @a 1 x", "ZINTER 2 @a @b", "ZINTER 2 @a @b WEIGHTS 1 2 AGGREGATE SUM WITHSCORES",
    "ZINTERCARD 1 @a", "ZINTERCARD 2 @a @b LIMIT 3", "ZINTERSTORE @d 2 @a @b",
    "ZINTERSTORE @d 2 @a @b AGGREGATE MAX", "ZLEXCOUNT @a - +", "ZMPOP 1 @a MIN", "ZMPOP 2 @a @b MAX COUNT 3",
    "ZMSCORE @a x y", "ZPOPMAX @a", "ZPOPMAX @a 2", "ZPOPMIN @a", "ZRANDMEMBER @a",
    "ZRANDMEMBER @a 2 WITHSCORES", "ZRANGE @a 0 -1", "ZRANGE @a 0 1 BYSCORE REV LIMIT 0 1 WITHSCORES",
    "ZRANGEBYLEX @a - +", "ZRANGEBYSCORE @a 0 1 LIMIT 0 5", "ZRANGESTORE @d @a 0 -1",
    "ZRANGESTORE @d @a 0 1 BYSCORE LIMIT 0 1", "ZRANK @a x", "ZREM @a x y", "ZREMRANGEBYLEX @a - +",
    "ZREMRANGEBYRANK @a 0 1", "ZREMRANGEBYSCORE @a 0 1", "ZREVRANGE @a 0 -1 WITHSCORES",
    "ZREVRANGEBYLEX @a + -", "ZREVRANGEBYSCORE @a 1 0", "ZREVRANK @a x", "ZSCAN @a 0", "ZSCORE @a x",
    "ZUNION 1 @a", "ZUNION 3 @a @b @c WITHSCORES", "ZUNIONSTORE @d 1 @a", "ZUNIONSTORE @d 2 @a @b",
    "zunionstore @d 2 @a @b WEIGHTS 1 2", "ZUNIONSTORE @d 2 @d @d", "!ZUNION 0 a", "!ZUNIONSTORE d 0 a",
    "!ZUNIONSTORE d 3 a b", "!ZUNIONSTORE d 1", "!ZUNIONSTORE d x a", "!ZDIFF 2 a", "!ZMPOP 3 a MIN",
    "!BZMPOP 0.1 x a MIN", "!ZINTERCARD 9 a",
    // HyperLogLog
    "PFADD @a", "PFADD @a x y", "PFCOUNT @a", "PFCOUNT @a @b @c", "PFMERGE @d @a", "PFMERGE @d @a @b",
    "~PFMERGE @d", "PFDEBUG ENCODING @a", "PFSELFTEST",
    // geo
    "GEOADD @a 13.4 52.5 x", "GEOADD @a NX 13.4 52.5 x 2.3 48.8 y", "GEODIST @a x y", "GEODIST @a x y km",
    "GEOHASH @a x y", "GEOPOS @a x", "GEORADIUS @a 1 2 3 m", "GEORADIUS @a 1 2 3 m WITHDIST COUNT 5 ANY ASC",
    "GEORADIUS @a 1 2 3 m STORE @d", "GEORADIUS @a 1 2 3 m storedist @d",
    "GEORADIUS @a 1 2 3 m ASC COUNT 3 STORE @d", "~GEORADIUS @a 1 2 3 m STORE x STOREDIST @d",
    "~GEORADIUS @a 1 2 3 m STOREDIST x STORE @d", "~GEORADIUS @a 1 2 3 m STORE x STORE @d",
    "GEORADIUS @a 1 2 3 m STORE @STORE", "GEORADIUS @a 1 2 3 m STORE", "GEORADIUSBYMEMBER @a x 3 m",
    "GEORADIUSBYMEMBER @a x 3 m STORE @d", "GEORADIUSBYMEMBER @a STORE 3 m STOREDIST @d",
    "GEORADIUSBYMEMBER @a x 3 m COUNT 1 WITHCOORD", "GEORADIUS_RO @a 1 2 3 m WITHDIST",
    "GEORADIUSBYMEMBER_RO @a x 3 m", "GEOSEARCH @a FROMMEMBER x BYRADIUS 3 m ASC",
    "GEOSEARCH @a FROMLONLAT 1 2 BYBOX 3 4 km", "GEOSEARCHSTORE @d @a FROMMEMBER x BYRADIUS 3 m",
    "GEOSEARCHSTORE @d @a FROMLONLAT 1 2 BYBOX 3 4 km STOREDIST", "!GEORADIUS a 1 2 3",
    // streams
    "XACK @a g 1-1", "XACK @a g 1-1 2-1", "XADD @a * f v", "XADD @a NOMKSTREAM MAXLEN ~ 100 * f v",
    "XAUTOCLAIM @a g c 0 0-0", "XCLAIM @a g c 0 1-1", "XCLAIM @a g c 0 1-1 2-1 JUSTID", "XDEL @a 1-1",
    "XGROUP CREATE @a g $", "XGROUP CREATE @a g 0 MKSTREAM", "xgroup createconsumer @a g c",
    "XGROUP DELCONSUMER @a g c", "XGROUP DESTROY @a g", "XGROUP SETID @a g 0", "XGROUP HELP",
    "XINFO CONSUMERS @a g", "XINFO GROUPS @a", "XINFO STREAM @a", "XINFO STREAM @a FULL COUNT 5", "XLEN @a",
    "XPENDING @a g", "XPENDING @a g IDLE 5 - + 10 c", "XRANGE @a - +", "XRANGE @a - + COUNT 2",
    "XREVRANGE @a + -", "XSETID @a 1-1", "XTRIM @a MAXLEN 100", "XTRIM @a MINID ~ 5", "XREAD STREAMS @a 0",
    "XREAD STREAMS @a @b 0 0", "XREAD COUNT 2 STREAMS @a @b @c 0 0 0", "XREAD BLOCK 10 STREAMS @a $",
    "XREAD COUNT 1 BLOCK 10 STREAMS @a @b $ $", "xread streams @streams 0",
    "~XREAD COUNT STREAMS STREAMS @a 0", "XREADGROUP GROUP g c STREAMS @a >",
    "XREADGROUP GROUP g c COUNT 2 BLOCK 10 NOACK STREAMS @a @b > >",
    "XREADGROUP GROUP STREAMS c STREAMS @a >", "XREADGROUP GROUP STREAMS STREAMS STREAMS @a >",
    "~XREADGROUP COUNT 1 GROUP g STREAMS STREAMS @a >", "XREADGROUP GROUP g c STREAMS @STREAMS 0",
    "~!XREAD STREAMS a b 0", "!XREAD COUNT 2 BLOCK 10", "!XREAD STREAMS a",
    "!XREADGROUP GROUP g c COUNT 1 STREAMS", "!XREAD COUNT 1 STREAMS", "!XGROUP CREATE a g", "!XINFO STREAM",
    // scripts and functions
    "EVAL script 0", "EVAL script 0 value", "EVAL script 1 @a", "EVAL script 1 @a value",
    "EVAL script 3 @a @b @c value value", "EVAL_RO script 1 @a",
    "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 2 @a @b",
    "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 value", "EVALSHA_RO sha 1 @a value", "FCALL f 0",
    "FCALL f 2 @a @b value", "FCALL_RO f 1 @a", "FCALL_RO f 0 x y", "!EVAL script 3 a b", "!EVAL script x a",
    "!EVAL script -1 a", "!EVAL script 2 a", "~!EVAL script 01 a", "!EVAL script 00 a", "!FCALL f 1",
    "!EVALSHA sha 99999999999 a", "!EVAL script", "SCRIPT LOAD script", "SCRIPT EXISTS sha", "FUNCTION LIST",
    "FUNCTION DUMP",
    // transactions, publish and subscribe
    "WATCH @a", "WATCH @a @b", "UNWATCH", "MULTI", "EXEC", "DISCARD", "SUBSCRIBE a b", "PSUBSCRIBE a*",
    "PUBLISH a message", "UNSUBSCRIBE", "SPUBLISH #a message", "SSUBSCRIBE #a", "SSUBSCRIBE #a #b",
    "SUNSUBSCRIBE #a", "SUNSUBSCRIBE", "PUBSUB CHANNELS", "PUBSUB SHARDNUMSUB a b", "!SPUBLISH a",
    "!SSUBSCRIBE", "!WATCH",
    // vector sets
    "VADD @a VALUES 2 1.0 2.0 x", "VADD @a REDUCE 2 FP32 bytes x", "VCARD @a", "VDIM @a", "VEMB @a x",
    "VGETATTR @a x", "VINFO @a", "VISMEMBER @a x", "VLINKS @a x", "VRANDMEMBER @a 3", "VREM @a x",
    "VSETATTR @a x {}", "VSIM @a ELE x COUNT 3",
    // without keys
    "PING", "PING text", "ECHO text", "TIME", "DBSIZE", "FLUSHALL ASYNC", "INFO server",
    "CONFIG GET maxmemory", "CONFIG SET maxmemory 0", "CLIENT ID", "CLIENT LIST", "CLUSTER KEYSLOT a",
    "CLUSTER COUNTKEYSINSLOT 5", "COMMAND", "COMMAND COUNT", "COMMAND GETKEYS GET a", "ACL WHOAMI",
    "LATENCY LATEST", "SLOWLOG GET 5", "ROLE", "SELECT 0", "HELLO 3", "AUTH password", "QUIT",
    "DEBUG SLEEP 0", "LOLWUT", "SWAPDB 0 1", "MEMORY STATS", "REPLICAOF NO ONE", "WAITAOF 0 0 0",
    "CLUSTERSCAN #0",
});
// clang-format on

struct CommandLine {
  std::string_view text;               // as it stands above
  std::vector<std::string> arguments;  // without marks
  std::vector<size_t> keys;            // positions of what is marked with @ or #
  bool makes_sense = true;
  bool getkeys_agrees = true;
  bool is_redirected = true;
  bool slot_only = false;  // its keys are marked with #

  std::vector<std::string_view> views() const { return {arguments.begin(), arguments.end()}; }
};

inline CommandLine read_command_line(std::string_view text) {
  CommandLine line;
  line.text = text;
  for (; std::string_view("!~^").find(text.front()) != std::string_view::npos; text.remove_prefix(1)) {
    if (text.front() == '!') line.makes_sense = false;
    if (text.front() == '~') line.getkeys_agrees = false;
    if (text.front() == '^') line.is_redirected = false;
  }
  for (std::string_view word : split_blanks(text)) {
    bool slot_only = word.front() == '#' && word.size() > 1;
    line.slot_only |= slot_only;
    if (word.front() == '@' || slot_only) {
      line.keys.push_back(line.arguments.size());
      word.remove_prefix(1);
    }
    line.arguments.emplace_back(word == "\"\"" ? "" : word);
  }
  return line;
}

inline std::vector<CommandLine> read_command_lines() {
  std::vector<CommandLine> lines;
  for (std::string_view text : kCommandLines) lines.push_back(read_command_line(text));
  return lines;
}

}  // namespace keyway::resp
