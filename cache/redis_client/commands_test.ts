import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  RedisClient,
  RedisCommands,
  RedisProtocolError,
  RedisReplyError,
  type RedisString,
} from "./mod.ts";
import { HAS_REDIS, startOwn, startReal, type TestServer, WITHOUT_REDIS } from "./servers_test.ts";

/** What a server is asked, in order, and what the client makes of the reply. */
const TABLE: [string, (redis: RedisCommands) => Promise<unknown>, unknown][] = [
  ["ping", (r) => r.ping(), "PONG"],
  ["ping text", (r) => r.ping("é"), "é"],
  ["echo", (r) => r.echo("x\r\ny"), "x\r\ny"],
  ["set", (r) => r.set("s", "héllo"), true],
  ["get", (r) => r.get("s"), "héllo"],
  ["get none", (r) => r.get("none"), null],
  ["set nx", (r) => r.set("s", "x", { only: "nx" }), false],
  ["set xx", (r) => r.set("s", "world", { only: "xx", px: 100_000 }), true],
  ["set keepttl", (r) => r.set("s", "world", { keepttl: true }), true],
  ["persist", (r) => r.persist("s"), true],
  ["set exat", (r) => r.set("t", 1, { exat: 9_999_999_999 }), true],
  ["expiretime", (r) => r.expiretime("t"), 9_999_999_999],
  ["pexpiretime", (r) => r.pexpiretime("t"), 9_999_999_999_000],
  ["set pxat", (r) => r.set("t", 1, { pxat: 9_999_999_999_000 }), true],
  ["setGet", (r) => r.setGet("s", "new"), "world"],
  ["setGet none", (r) => r.setGet("sg", "new", { ex: 9 }), null],
  ["setnx", (r) => r.setnx("s", 1), false],
  ["setex", (r) => r.setex("e", 100, "v"), undefined],
  ["ttl", (r) => r.ttl("e"), 100],
  ["psetex", (r) => r.psetex("e", 100_000, "v"), undefined],
  ["pttl", async (r) => await r.pttl("e") > 99_000, true],
  ["getex", (r) => r.getex("e", { persist: true }), "v"],
  ["ttl none", (r) => r.ttl("e"), -1],
  ["ttl no key", (r) => r.ttl("none"), -2],
  ["getdel", (r) => r.getdel("e"), "v"],
  ["mset", (r) => r.mset({ a: 1, b: "two" }), undefined],
  ["mset map", (r) => r.mset(new Map([["c", 3n]])), undefined],
  ["mget", (r) => r.mget("a", "none", "b", "c"), ["1", null, "two", "3"]],
  ["msetnx", (r) => r.msetnx({ a: 1, z: 2 }), false],
  ["append", (r) => r.append("b", "!"), 4],
  ["strlen", (r) => r.strlen("b"), 4],
  ["getrange", (r) => r.getrange("b", 1, -2), "wo"],
  ["setrange", (r) => r.setrange("b", 3, "??"), 5],
  ["incr", (r) => r.incr("a"), 2],
  ["incrby", (r) => r.incrby("a", 40), 42],
  ["incrbyfloat", (r) => r.incrbyfloat("a", 0.5), 42.5],
  ["decr", (r) => r.decr("c"), 2],
  ["decrby", (r) => r.decrby("c", 5), -3],
  ["lcs", (r) => r.lcs("s", "b"), "w"],
  ["exists", (r) => r.exists("a", "a", "none"), 2],
  ["touch", (r) => r.touch("a", "none"), 1],
  ["type", (r) => r.type("a"), "string"],
  ["rename", (r) => r.rename("a", "aa"), undefined],
  ["renamenx", (r) => r.renamenx("aa", "b"), false],
  ["copy", (r) => r.copy("aa", "a"), true],
  ["copy taken", (r) => r.copy("aa", "a"), false],
  ["copy replace", (r) => r.copy("aa", "a", { replace: true }), true],
  ["expire", (r) => r.expire("a", 100), true],
  ["expire nx", (r) => r.expire("a", 100, "nx"), false],
  ["pexpire", (r) => r.pexpire("a", 200_000, "gt"), true],
  ["expireat", (r) => r.expireat("a", 9_999_999_999), true],
  ["pexpireat", (r) => r.pexpireat("a", 9_999_999_999_000), true],
  ["keys", async (r) => (await r.keys("a*")).sort(), ["a", "aa"]],
  ["randomkey", async (r) => typeof await r.randomkey(), "string"],
  ["objectEncoding", (r) => r.objectEncoding("c"), "int"],
  ["del", (r) => r.del("a", "none"), 1],
  ["unlink", (r) => r.unlink("aa"), 1],
  ["setbit", (r) => r.setbit("bits", 7, 1), 0],
  ["getbit", (r) => r.getbit("bits", 7), 1],
  ["bitcount", (r) => r.bitcount("bits"), 1],
  ["bitcount bits", (r) => r.bitcount("bits", [0, 6], "bit"), 0],
  ["bitpos", (r) => r.bitpos("bits", 1), 7],
  ["bitpos range", (r) => r.bitpos("bits", 0, [0, -1], "byte"), 0],
  ["bitop", (r) => r.bitop("not", "bits2", "bits"), 1],
  [
    "bitfield",
    (r) => r.bitfield("bf", "INCRBY", "u2", 0, 3, "OVERFLOW", "FAIL", "INCRBY", "u2", 0, 1),
    [
      3,
      null,
    ],
  ],
  ["pfadd", (r) => r.pfadd("h1", "a", "b"), true],
  ["pfadd same", (r) => r.pfadd("h1", "a"), false],
  ["pfadd other", (r) => r.pfadd("h2", "c"), true],
  ["pfcount", (r) => r.pfcount("h1", "h2"), 3],
  ["pfmerge", (r) => r.pfmerge("h3", "h1", "h2"), undefined],
  ["hset", (r) => r.hset("h", { name: "Alice", age: 30 }), 2],
  ["hset pairs", (r) => r.hset("h", [["age", 31], ["city", "NYC"]]), 1],
  ["hget", (r) => r.hget("h", "age"), "31"],
  ["hget none", (r) => r.hget("h", "none"), null],
  ["hsetnx", (r) => r.hsetnx("h", "age", 1), false],
  ["hmget", (r) => r.hmget("h", "name", "none"), ["Alice", null]],
  ["hgetall", (r) => r.hgetall("h"), new Map([["name", "Alice"], ["age", "31"], ["city", "NYC"]])],
  ["hgetall none", (r) => r.hgetall("none"), new Map()],
  ["hexists", (r) => r.hexists("h", "city"), true],
  ["hlen", (r) => r.hlen("h"), 3],
  ["hstrlen", (r) => r.hstrlen("h", "name"), 5],
  ["hkeys", (r) => r.hkeys("h"), ["name", "age", "city"]],
  ["hvals", (r) => r.hvals("h"), ["Alice", "31", "NYC"]],
  ["hincrby", (r) => r.hincrby("h", "age", -1), 30],
  ["hincrbyfloat", (r) => r.hincrbyfloat("h", "age", 0.25), 30.25],
  ["hdel", (r) => r.hdel("h", "age", "none"), 1],
  ["hrandfield", async (r) => (await r.hrandfield("h", 5)).sort(), ["city", "name"]],
  ["hrandfieldWithValues", async (r) => (await r.hrandfieldWithValues("h", 5)).sort(), [
    ["city", "NYC"],
    ["name", "Alice"],
  ]],
  ["rpush", (r) => r.rpush("l", "a", "b", "c", "b"), 4],
  ["lpush", (r) => r.lpush("l", 0), 5],
  ["lpushx", (r) => r.lpushx("none", 0), 0],
  ["rpushx", (r) => r.rpushx("none", 0), 0],
  ["llen", (r) => r.llen("l"), 5],
  ["lrange", (r) => r.lrange("l", 0, -1), ["0", "a", "b", "c", "b"]],
  ["lindex", (r) => r.lindex("l", -1), "b"],
  ["lset", (r) => r.lset("l", 0, "z"), undefined],
  ["linsert", (r) => r.linsert("l", "before", "c", "B"), 6],
  ["lpos", (r) => r.lpos("l", "b"), 2],
  ["lpos none", (r) => r.lpos("l", "none"), null],
  ["lposMany", (r) => r.lposMany("l", "b", 0), [2, 5]],
  ["lrem", (r) => r.lrem("l", -1, "b"), 1],
  ["lmove", (r) => r.lmove("l", "l2", "left", "right"), "z"],
  ["lmove none", (r) => r.lmove("none", "l2", "left", "right"), null],
  ["ltrim", (r) => r.ltrim("l", 0, 2), undefined],
  ["lpop", (r) => r.lpop("l"), "a"],
  ["rpop", (r) => r.rpop("l"), "B"],
  ["lpopMany", (r) => r.lpopMany("l", 5), ["b"]],
  ["rpopMany none", (r) => r.rpopMany("l", 5), null],
  ["lmpop", (r) => r.lmpop(["none", "l2"], "left", 2), { key: "l2", values: ["z"] }],
  ["lmpop none", (r) => r.lmpop(["none"], "left"), null],
  ["blpop", async (r) => (await r.rpush("q", "x", "y"), r.blpop(["none", "q"], 1)), {
    key: "q",
    value: "x",
  }],
  ["brpop none", (r) => r.brpop(["none"], 0.01), null],
  ["blmove", (r) => r.blmove("q", "q2", "left", "left", 1), "y"],
  ["blmpop", (r) => r.blmpop(1, ["q2"], "right"), { key: "q2", values: ["y"] }],
  ["sadd", (r) => r.sadd("s1", "a", "b", "c"), 3],
  ["sadd two", (r) => r.sadd("s2", "b", "d"), 2],
  ["smembers", async (r) => [...await r.smembers("s1")].sort(), ["a", "b", "c"]],
  ["smembers none", (r) => r.smembers("none"), new Set()],
  ["sismember", (r) => r.sismember("s1", "a"), true],
  ["smismember", (r) => r.smismember("s1", "a", "z"), [true, false]],
  ["scard", (r) => r.scard("s1"), 3],
  ["sinter", (r) => r.sinter("s1", "s2"), new Set(["b"])],
  ["sunion", async (r) => (await r.sunion("s1", "s2")).size, 4],
  ["sdiff", async (r) => [...await r.sdiff("s1", "s2")].sort(), ["a", "c"]],
  ["sinterstore", (r) => r.sinterstore("s3", "s1", "s2"), 1],
  ["sunionstore", (r) => r.sunionstore("s3", "s1", "s2"), 4],
  ["sdiffstore", (r) => r.sdiffstore("s3", "s1", "s2"), 2],
  ["sintercard", (r) => r.sintercard(["s1", "s2"]), 1],
  ["smove", (r) => r.smove("s1", "s2", "a"), true],
  ["srandmember", async (r) => typeof await r.srandmember("s1"), "string"],
  ["srandmemberMany", async (r) => (await r.srandmemberMany("s1", -5)).length, 5],
  ["spopMany", async (r) => (await r.spopMany("s1", 5)).sort(), ["b", "c"]],
  ["spop", (r) => r.spop("s1"), null],
  ["srem", (r) => r.srem("s2", "a", "z"), 1],
  ["sort", (r) => r.sort("s2", { alpha: true, order: "desc", limit: [0, 1] }), ["d"]],
  ["zadd", (r) => r.zadd("z", [{ member: "a", score: 1 }, { member: "b", score: 2.5 }]), 2],
  [
    "zadd inf",
    (r) => r.zadd("z", [{ member: "c", score: Infinity }, { member: "d", score: -Infinity }]),
    2,
  ],
  [
    "zadd gt ch",
    (r) => r.zadd("z", [{ member: "a", score: 1.5 }], { compare: "gt", changed: true }),
    1,
  ],
  ["zadd nx", (r) => r.zadd("z", [{ member: "a", score: 9 }], { only: "nx" }), 0],
  ["zincrby", (r) => r.zincrby("z", 0.5, "a"), 2],
  ["zscore", (r) => r.zscore("z", "c"), Infinity],
  ["zscore none", (r) => r.zscore("z", "none"), null],
  ["zmscore", (r) => r.zmscore("z", "a", "none", "d"), [2, null, -Infinity]],
  ["zcard", (r) => r.zcard("z"), 4],
  ["zcount", (r) => r.zcount("z", "(2", Infinity), 2],
  ["zrange", (r) => r.zrange("z", 0, -1), ["d", "a", "b", "c"]],
  ["zrange score", (r) => r.zrange("z", 0, Infinity, { by: "score", limit: [1, 1] }), ["b"]],
  ["zrange rev", (r) => r.zrange("z", Infinity, 0, { by: "score", reverse: true }), [
    "c",
    "b",
    "a",
  ]],
  ["zrangeWithScores", (r) => r.zrangeWithScores("z", 1, 2), [
    { member: "a", score: 2 },
    { member: "b", score: 2.5 },
  ]],
  ["zrangeWithScores none", (r) => r.zrangeWithScores("none", 1, 2), []],
  ["zrangestore", (r) => r.zrangestore("z2", "z", 1, 2), 2],
  ["zrank", (r) => r.zrank("z", "a"), 1],
  ["zrevrank", (r) => r.zrevrank("z", "a"), 2],
  ["zrank none", (r) => r.zrank("z", "none"), null],
  ["zinter", (r) => r.zinter(["z", "z2"], { weights: [1, 2] }), [
    { member: "a", score: 6 },
    { member: "b", score: 7.5 },
  ]],
  ["zunion", async (r) => (await r.zunion(["z", "z2"], { aggregate: "max" })).length, 4],
  ["zdiff", (r) => r.zdiff(["z", "z2"]), [
    { member: "d", score: -Infinity },
    { member: "c", score: Infinity },
  ]],
  ["zinterstore", (r) => r.zinterstore("z3", ["z", "z2"]), 2],
  ["zunionstore", (r) => r.zunionstore("z3", ["z", "z2"]), 4],
  ["zdiffstore", (r) => r.zdiffstore("z3", ["z", "z2"]), 2],
  ["zintercard", (r) => r.zintercard(["z", "z2"], 1), 1],
  ["zrandmember", async (r) => (await r.zrandmember("z", -3)).length, 3],
  ["zpopmin", (r) => r.zpopmin("z", 2), [{ member: "d", score: -Infinity }, {
    member: "a",
    score: 2,
  }]],
  ["zpopmax", (r) => r.zpopmax("z"), [{ member: "c", score: Infinity }]],
  ["zmpop", (r) => r.zmpop(["none", "z"], "min"), {
    key: "z",
    members: [{ member: "b", score: 2.5 }],
  }],
  ["zmpop none", (r) => r.zmpop(["none"], "min"), null],
  ["bzpopmin", (r) => r.bzpopmin(["none", "z2"], 1), { key: "z2", member: "a", score: 2 }],
  ["bzpopmax", (r) => r.bzpopmax(["z2"], 1), { key: "z2", member: "b", score: 2.5 }],
  ["bzpopmax none", (r) => r.bzpopmax(["z2"], 0.01), null],
  ["bzmpop", (r) => r.bzmpop(0.01, ["z2"], "min"), null],
  ["zadd lex", (r) => r.zadd("zl", ["a", "b", "c"].map((member) => ({ member, score: 0 }))), 3],
  ["zlexcount", (r) => r.zlexcount("zl", "(a", "+"), 2],
  ["zrange lex", (r) => r.zrange("zl", "[b", "+", { by: "lex" }), ["b", "c"]],
  ["zremrangebylex", (r) => r.zremrangebylex("zl", "[c", "+"), 1],
  ["zremrangebyrank", (r) => r.zremrangebyrank("zl", 0, 0), 1],
  ["zremrangebyscore", (r) => r.zremrangebyscore("zl", -1, "(1"), 1],
  ["zrem", (r) => r.zrem("zl", "none"), 0],
  ["geoadd", (r) =>
    r.geoadd("g", [
      { member: "Palermo", longitude: 13.361389, latitude: 38.115556 },
      { member: "Catania", longitude: 15.087269, latitude: 37.502669 },
    ]), 2],
  ["geodist", (r) => r.geodist("g", "Palermo", "Catania", "km"), 166.2742],
  ["geodist none", (r) => r.geodist("g", "Palermo", "none"), null],
  ["geohash", (r) => r.geohash("g", "Palermo", "none"), ["sqc8b49rny0", null]],
  ["geopos", (r) => r.geopos("g", "Palermo", "none"), [
    [13.361389338970184, 38.1155563954963],
    null,
  ]],
  [
    "geosearch",
    (r) => r.geosearch("g", { from: [15, 37], within: 200, unit: "km", order: "asc", count: 1 }),
    [{
      member: "Catania",
      distance: 56.4413,
      position: [15.087267458438873, 37.50266842333162],
    }],
  ],
  ["geosearchstore", (r) => r.geosearchstore("g2", "g", { from: "Palermo", within: [10, 10] }), 1],
  ["xadd", (r) => r.xadd("x", { a: 1, b: "two" }, { id: "1-1" }), "1-1"],
  [
    "xadd trim",
    (r) => r.xadd("x", [["a", 2]], { id: "2-0", maxlen: 10, approximate: true }),
    "2-0",
  ],
  ["xadd nomkstream", (r) => r.xadd("none", { a: 1 }, { nomkstream: true }), null],
  ["xlen", (r) => r.xlen("x"), 2],
  ["xrange", (r) => r.xrange("x", "-", "+", 1), [{
    id: "1-1",
    fields: [["a", "1"], ["b", "two"]],
  }]],
  ["xrevrange", (r) => r.xrevrange("x", "+", "-", 1), [{ id: "2-0", fields: [["a", "2"]] }]],
  ["xread", (r) => r.xread({ x: "1-1", none: "0" }), [
    { stream: "x", entries: [{ id: "2-0", fields: [["a", "2"]] }] },
  ]],
  ["xread nothing", (r) => r.xread({ x: "$" }), []],
  ["xread block", (r) => r.xread({ x: "$" }, { block: 5 }), []],
  ["xgroupCreate", (r) => r.xgroupCreate("x", "g", "0"), undefined],
  ["xgroupCreateconsumer", (r) => r.xgroupCreateconsumer("x", "g", "c2"), true],
  ["xreadgroup", (r) => r.xreadgroup("g", "c", [["x", ">"]], { count: 1 }), [
    { stream: "x", entries: [{ id: "1-1", fields: [["a", "1"], ["b", "two"]] }] },
  ]],
  ["xreadgroup block", (r) => r.xreadgroup("g", "c", [["x", ">"]], { block: 5 }), [
    { stream: "x", entries: [{ id: "2-0", fields: [["a", "2"]] }] },
  ]],
  [
    "xpending",
    async (r) =>
      (await r.xpending("x", "g", { count: 1 })).map(({ id, consumer, deliveries }) => [
        id,
        consumer,
        deliveries,
      ]),
    [["1-1", "c", 1]],
  ],
  ["xack", (r) => r.xack("x", "g", "1-1"), 1],
  ["xclaim", (r) => r.xclaim("x", "g", "c2", 0, "2-0"), [{ id: "2-0", fields: [["a", "2"]] }]],
  ["xautoclaim", (r) => r.xautoclaim("x", "g", "c", 0, "0"), {
    next: "0-0",
    entries: [{ id: "2-0", fields: [["a", "2"]] }],
    deleted: [],
  }],
  ["xdel", (r) => r.xdel("x", "2-0"), 1],
  ["xreadgroup deleted", (r) => r.xreadgroup("g", "c", { x: "0" }), [
    { stream: "x", entries: [{ id: "2-0", fields: [] }] },
  ]],
  ["xgroupSetid", (r) => r.xgroupSetid("x", "g", "0"), undefined],
  ["xinfoStream", async (r) => (await r.xinfoStream("x")).get("length"), 1],
  ["xinfoGroups", async (r) => (await r.xinfoGroups("x"))[0]!.get("name"), "g"],
  ["xinfoConsumers", async (r) => (await r.xinfoConsumers("x", "g")).length, 2],
  ["xgroupDelconsumer", (r) => r.xgroupDelconsumer("x", "g", "c"), 1],
  ["xgroupDestroy", (r) => r.xgroupDestroy("x", "g"), true],
  ["xtrim", (r) => r.xtrim("x", { maxlen: 0 }), 1],
  ["publish", (r) => r.publish("nobody", "x"), 0],
  ["spublish", (r) => r.spublish("nobody", "x"), 0],
  ["pubsubChannels", (r) => r.pubsubChannels(), []],
  ["pubsubNumsub", (r) => r.pubsubNumsub("a"), new Map([["a", 0]])],
  ["time", async (r) => Math.abs(await r.time() - Date.now()) < 10_000, true],
  ["info", async (r) => (await r.info("server")).includes("# Server"), true],
  ["configGet", (r) => r.configGet("maxmemory"), new Map([["maxmemory", "0"]])],
  ["configSet", (r) => r.configSet({ "maxmemory-samples": 7 }), undefined],
  ["memoryUsage", async (r) => (await r.memoryUsage("s"))! > 0, true],
  ["memoryUsage none", (r) => r.memoryUsage("none"), null],
  ["waitReplicas", (r) => r.waitReplicas(0, 1), 0],
  ["raw", (r) => r.command("LRANGE", "none", 0, -1), []],
  ["raw blocking", (r) => r.command("BLPOP", "none", 0.01), null],
  ["scan", async (r) => (await Array.fromAsync(r.scan({ match: "s*", type: "set" }))).sort(), [
    "s2",
    "s3",
  ]],
  ["hscan", async (r) => (await Array.fromAsync(r.hscan("h"))).sort(), [
    ["city", "NYC"],
    ["name", "Alice"],
  ]],
  ["sscan", async (r) => (await Array.fromAsync(r.sscan("s2", { count: 1 }))).sort(), ["b", "d"]],
  ["zscan", async (r) => (await Array.fromAsync(r.zscan("z3", { match: "c" }))), [
    { member: "c", score: Infinity },
  ]],
  ["dbsize", async (r) => await r.dbsize() > 10, true],
  ["flushdb", (r) => r.flushdb(), undefined],
  ["flushall", (r) => r.flushall(), undefined],
  ["dbsize empty", (r) => r.dbsize(), 0],
];

const SERVERS: [string, boolean, () => Promise<TestServer>][] = [
  ["our own server", true, startOwn],
  ["redis-server", HAS_REDIS, startReal],
];

for (const [what, present, start] of SERVERS) {
  for (const protocol of [2, 3] as const) {
    Deno.test({
      name: `\`RedisCommands\` gives the values of its table on ${what}, RESP${protocol}` +
        (present ? "" : WITHOUT_REDIS),
      ignore: !present,
      async fn() {
        await using server = await start();
        await using redis = await RedisClient.connect({ port: server.port, protocol });
        assertEquals(redis.protocol, protocol);
        const methods = new Set<string>();
        const recorder = new Proxy(redis, {
          get(target, name) {
            methods.add(String(name));
            const value = Reflect.get(target, name, target);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
        for (const [name, run, expected] of TABLE) {
          assertEquals(await run(recorder), expected, name);
        }
        const untested = Object.getOwnPropertyNames(RedisCommands.prototype)
          .filter((name) =>
            !methods.has(name) && !["constructor", "dump", "restore"].includes(name)
          );
        assertEquals(untested, []);
      },
    });
  }

  Deno.test({
    name: `\`RedisClient.bytes\` carries any bytes on ${what}` + (present ? "" : WITHOUT_REDIS),
    ignore: !present,
    async fn() {
      await using server = await start();
      await using redis = await RedisClient.connect({ port: server.port });
      const { bytes } = redis;
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      const key = Uint8Array.of(0xff, 0, 13, 10);
      assertEquals(await bytes.set(key, all), true);
      assertEquals(await bytes.get(key), all);
      assertEquals(await bytes.keys("*"), [key]);
      assertEquals(await redis.get(key), new TextDecoder().decode(all));
      await redis.hset("h", [[key, all]]);
      assertEquals([...await bytes.hgetall("h")], [[key, all]]);
      assertEquals(await bytes.type(key), "string");
      const dump = await bytes.dump(key);
      assert(dump instanceof Uint8Array);
      await redis.restore("copy", 0, dump);
      await redis.restore("copy", 0, dump, { replace: true });
      assertEquals(await bytes.get("copy"), all);
      await redis.xadd("x", [[key, all]], { id: "1-0" });
      assertEquals(await bytes.xrange("x", "-", "+"), [{ id: "1-0", fields: [[key, all]] }]);
      const big = new Uint8Array(3_000_000).map((_, i) => i);
      await redis.set("big", big);
      const [first, second] = await Promise.all([bytes.get("big"), bytes.get("big")]);
      assertEquals(first, big);
      assertEquals(second, big);
      const text = "я".repeat(500_000);
      await redis.set("text", text);
      assertEquals(await redis.get("text"), text);
    },
  });

  Deno.test({
    name: `\`RedisReplyError\` bears the code and the command on ${what}` +
      (present ? "" : WITHOUT_REDIS),
    ignore: !present,
    async fn() {
      await using server = await start();
      await using redis = await RedisClient.connect({ port: server.port });
      await redis.set("s", "text");
      const wrong = await assertRejects(() => redis.lpush("s", 1), RedisReplyError);
      assertEquals([wrong.code, wrong.command], ["WRONGTYPE", "LPUSH"]);
      const integer = await assertRejects(() => redis.incr("s"), RedisReplyError, "not an integer");
      assertEquals(integer.code, "ERR");
      await redis.set("n", "9223372036854775806");
      assertEquals(await redis.command("INCR", "n"), 9223372036854775807n);
      await assertRejects(() => redis.decr("n"), RedisProtocolError, "2^53");
      const keys: RedisString[] = ["s"];
      assertEquals(await redis.mget(...keys), ["text"]);
    },
  });
}
