import { assertEquals, assertThrows } from "@std/assert";
import { Config, ConfigError } from "./_config.ts";

Deno.test("`Config.load()` reads what the redis.conf files of distributions set", () => {
  const config = new Config();
  config.load(`
# A comment, and a blank line before.
bind 127.0.0.1 -::1
protected-mode yes
port 6380
tcp-backlog 511
daemonize yes
pidfile /run/redis/redis-server.pid
loglevel notice
logfile /var/log/redis/redis-server.log
always-show-logo no
set-proc-title yes
proc-title-template "{title} {listen-addr} {server-mode}"
save 900 1
save 300 10
dbfilename "dump 1.rdb"
slave-serve-stale-data yes
repl-ping-slave-period 10
repl-diskless-sync-max-replicas 0
repl-disable-tcp-nodelay no
oom-score-adj-values 0 200 800
appendonly no
maxmemory 100mb
client-output-buffer-limit pubsub 32mb 8mb 60
active-defrag-ignore-bytes 100mb
`);
  assertEquals(config.number("port"), 6380);
  assertEquals(config.text("save"), "900 1 300 10");
  assertEquals(config.text("dbfilename"), "dump 1.rdb");
  assertEquals(config.number("maxmemory"), 104_857_600);
  assertEquals(config.outputLimit("pubsub"), { hard: 2 ** 25, soft: 2 ** 23, softSeconds: 60 });
});

for (
  const [line, message] of [
    ["replicaof localhost 6379", "Line 2: replicaof is not supported: there is no replication"],
    ["slaveof localhost 6379", "Line 2: replicaof is not supported: there is no replication"],
    ["cluster-enabled yes", "Line 2: cluster-enabled: there is no cluster mode"],
    ["user alice on >x", "Line 2: user is not supported: there are no ACL rules: use requirepass"],
    ["no-such-thing 1", 'Line 2: unknown parameter "no-such-thing"'],
    ["port x", "Line 2: port: argument couldn't be parsed into an integer"],
    ['dir "a', "Line 2: quotes do not balance"],
    ["maxmemory -1", "Line 2: maxmemory: argument must be a memory value"],
  ] as const
) {
  Deno.test(`\`Config.load()\` refuses ${line}`, () => {
    assertThrows(() => new Config().load(`port 1\n${line}\n`), ConfigError, message);
  });
}
