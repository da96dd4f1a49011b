/** Puts the tables of all groups together. */
import type { Engine } from "./_engine.ts";
import { BITMAP_COMMANDS } from "./_cmd_bitmap.ts";
import { GEO_COMMANDS } from "./_cmd_geo.ts";
import { HASH_COMMANDS } from "./_cmd_hash.ts";
import { HYPERLOGLOG_COMMANDS } from "./_cmd_hyperloglog.ts";
import { KEY_COMMANDS, OBJECT_COMMANDS } from "./_cmd_keys.ts";
import { LIST_COMMANDS } from "./_cmd_list.ts";
import {
  COMMAND_COMMANDS,
  CONFIG_COMMANDS,
  FUNCTION_COMMANDS,
  LATENCY_COMMANDS,
  MEMORY_COMMANDS,
  MODULE_COMMANDS,
  SERVER_COMMANDS,
  SLOWLOG_COMMANDS,
} from "./_cmd_server.ts";
import {
  CLIENT_COMMANDS,
  CONNECTION_COMMANDS,
  PUBSUB_COMMANDS,
  SUBSCRIPTION_COMMANDS,
  TRANSACTION_COMMANDS,
} from "./_cmd_session.ts";
import { SET_COMMANDS } from "./_cmd_set.ts";
import { STREAM_COMMANDS, XGROUP_COMMANDS, XINFO_COMMANDS } from "./_cmd_stream.ts";
import { STRING_COMMANDS } from "./_cmd_string.ts";
import { ZSET_COMMANDS } from "./_cmd_zset.ts";

/** Registers every command. */
export function registerCommands(engine: Engine): void {
  engine.register("string", STRING_COMMANDS);
  engine.register("list", LIST_COMMANDS);
  engine.register("hash", HASH_COMMANDS);
  engine.register("set", SET_COMMANDS);
  engine.register("sorted-set", ZSET_COMMANDS);
  engine.register("stream", STREAM_COMMANDS);
  engine.register("stream", XGROUP_COMMANDS, "xgroup");
  engine.register("stream", XINFO_COMMANDS, "xinfo");
  engine.register("bitmap", BITMAP_COMMANDS);
  engine.register("hyperloglog", HYPERLOGLOG_COMMANDS);
  engine.register("geo", GEO_COMMANDS);
  engine.register("generic", KEY_COMMANDS);
  engine.register("generic", OBJECT_COMMANDS, "object");
  engine.register("transactions", TRANSACTION_COMMANDS);
  engine.register("pubsub", SUBSCRIPTION_COMMANDS);
  engine.register("pubsub", PUBSUB_COMMANDS, "pubsub");
  engine.register("connection", CONNECTION_COMMANDS);
  engine.register("connection", CLIENT_COMMANDS, "client");
  engine.register("server", SERVER_COMMANDS);
  engine.register("server", CONFIG_COMMANDS, "config");
  engine.register("server", COMMAND_COMMANDS, "command");
  engine.register("server", SLOWLOG_COMMANDS, "slowlog");
  engine.register("server", LATENCY_COMMANDS, "latency");
  engine.register("server", MEMORY_COMMANDS, "memory");
  engine.register("server", MODULE_COMMANDS, "module");
  engine.register("scripting", FUNCTION_COMMANDS, "function");
}
