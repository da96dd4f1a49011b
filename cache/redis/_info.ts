/** The sections of INFO. */
import type { Engine } from "./_engine.ts";
import { percentiles } from "./_cmd_server.ts";
import { REDIS_VERSION } from "./_cmd_session.ts";

/** Version of this server, beside that of the Redis it stands for. */
const GROUNDWORK_REDIS_VERSION = "1.0.0";

/** What persistence and sockets add. */
export interface InfoExtras {
  /** Port that is listened on. */
  port: number;
  /** Path of the configuration file, or empty. */
  configFile: string;
  /** Fields of the persistence section. */
  persistence: Record<string, string | number>;
}

function human(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const units = ["K", "M", "G", "T"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(2)}${units[unit]}`;
}

/** Every section: fields in order. */
export function infoSections(
  engine: Engine,
  extras: InfoExtras,
): Record<string, Record<string, string | number>> {
  const { stats, config } = engine;
  const uptime = Math.floor((engine.now - engine.started) / 1000);
  const used = engine.usedMemory();
  const process = Deno.memoryUsage();
  const dataset = engine.dbs.reduce((sum, db) => sum + db.bytes, 0);
  const maxMemory = config.number("maxmemory");
  let inputMax = 0;
  let outputMax = 0;
  let subscribers = 0;
  let watching = 0;
  let watchedKeys = 0;
  for (const client of engine.clients.values()) {
    inputMax = Math.max(inputMax, client.parser.bufferBytes);
    outputMax = Math.max(outputMax, client.transport?.pendingBytes() ?? 0);
    if (client.subscribed) subscribers++;
    if (client.watching.length > 0) watching++;
  }
  for (const db of engine.dbs) watchedKeys += db.watched.size;
  const blockingKeys = engine.dbs.reduce((sum, db) => sum + db.blocked.size, 0);
  const keyspace: Record<string, string> = {};
  for (const db of engine.dbs) {
    if (db.size === 0) continue;
    keyspace[`db${db.index}`] = `keys=${db.size},expires=${db.expires.size},avg_ttl=${
      Math.round(db.averageTtl)
    }`;
  }
  const commands: Record<string, string> = {};
  const latencies: Record<string, string> = {};
  const wanted = config.text("latency-tracking-info-percentiles").split(" ").filter((text) =>
    text !== ""
  ).map(Number);
  for (const top of new Set(engine.commands.values())) {
    for (const command of [top, ...(top.children?.values() ?? [])]) {
      if (command.calls === 0 && command.rejected === 0) continue;
      const usec = Math.round(command.usec);
      const perCall = command.calls === 0 ? 0 : command.usec / command.calls;
      commands[`cmdstat_${command.fullName}`] =
        `calls=${command.calls},usec=${usec},usec_per_call=${
          perCall.toFixed(2)
        },rejected_calls=${command.rejected},failed_calls=${command.failed}`;
      if (command.calls > 0 && config.yes("latency-tracking")) {
        latencies[`latency_percentiles_usec_${command.fullName}`] = percentiles(command, wanted);
      }
    }
  }
  const errors: Record<string, string> = {};
  for (const [code, count] of engine.errorCounts) errors[`errorstat_${code}`] = `count=${count}`;
  return {
    server: {
      miniredis_version: GROUNDWORK_REDIS_VERSION,
      redis_version: REDIS_VERSION,
      redis_mode: "standalone",
      server_mode: "standalone",
      server_name: "groundwork",
      os: `${Deno.build.os} ${Deno.build.arch}`,
      arch_bits: 64,
      multiplexing_api: "deno",
      process_id: Deno.pid,
      run_id: engine.runId,
      tcp_port: extras.port,
      server_time_usec: engine.now * 1000,
      uptime_in_seconds: uptime,
      uptime_in_days: Math.floor(uptime / 86_400),
      hz: config.number("hz"),
      configured_hz: config.number("hz"),
      lru_clock: Math.floor(engine.now / 1000) & 0xffffff,
      executable: "",
      config_file: extras.configFile,
    },
    clients: {
      connected_clients: engine.clients.size,
      cluster_connections: 0,
      maxclients: config.number("maxclients"),
      client_recent_max_input_buffer: inputMax,
      client_recent_max_output_buffer: outputMax,
      blocked_clients: engine.blockedClients,
      tracking_clients: engine.tracking.clients,
      pubsub_clients: subscribers,
      watching_clients: watching,
      clients_in_timeout_table: 0,
      total_watched_keys: watchedKeys,
      total_blocking_keys: blockingKeys,
      total_blocking_keys_on_nokey: engine.keysWaitedForGone(),
      paused_reason: engine.pauseUntil > engine.now ? "client_pause" : "none",
      paused_actions: engine.pauseUntil > engine.now
        ? (engine.pauseWritesOnly ? "write" : "all")
        : "none",
      paused_timeout_milliseconds: Math.max(0, engine.pauseUntil - engine.now),
    },
    memory: {
      used_memory: used,
      used_memory_human: human(used),
      used_memory_rss: process.rss,
      used_memory_rss_human: human(process.rss),
      used_memory_peak: stats.peakMemory,
      used_memory_peak_human: human(stats.peakMemory),
      used_memory_peak_perc: `${(used * 100 / Math.max(1, stats.peakMemory)).toFixed(2)}%`,
      used_memory_overhead: used - dataset,
      used_memory_startup: 1_000_000,
      used_memory_dataset: dataset,
      used_memory_dataset_perc: `${(dataset * 100 / used).toFixed(2)}%`,
      used_memory_lua: 0,
      used_memory_scripts: 0,
      number_of_cached_scripts: 0,
      maxmemory: maxMemory,
      maxmemory_human: human(maxMemory),
      maxmemory_policy: config.text("maxmemory-policy"),
      mem_fragmentation_ratio: (process.rss / used).toFixed(2),
      mem_not_counted_for_evict: 0,
      mem_clients_normal: used - dataset - 1_000_000,
      mem_allocator: "v8",
      active_defrag_running: 0,
      lazyfree_pending_objects: 0,
      lazyfreed_objects: 0,
    },
    persistence: { loading: engine.loading ? 1 : 0, async_loading: 0, ...extras.persistence },
    stats: {
      total_connections_received: stats.connections,
      total_commands_processed: stats.commands,
      instantaneous_ops_per_sec: stats.opsPerSecond,
      total_net_input_bytes: stats.bytesIn,
      total_net_output_bytes: stats.bytesOut,
      total_net_repl_input_bytes: 0,
      total_net_repl_output_bytes: 0,
      instantaneous_input_kbps: (stats.inputPerSecond / 1024).toFixed(2),
      instantaneous_output_kbps: (stats.outputPerSecond / 1024).toFixed(2),
      rejected_connections: stats.rejectedConnections,
      sync_full: 0,
      sync_partial_ok: 0,
      sync_partial_err: 0,
      expired_keys: stats.expiredKeys,
      expired_stale_perc: stats.expiredStalePercent.toFixed(2),
      expired_time_cap_reached_count: stats.timeCapReached,
      expire_cycle_cpu_milliseconds: Math.round(stats.expireCycleUsec / 1000),
      evicted_keys: stats.evictedKeys,
      evicted_clients: stats.evictedClients,
      evicted_scripts: 0,
      total_eviction_exceeded_time: 0,
      current_eviction_exceeded_time: 0,
      keyspace_hits: stats.keyspaceHits,
      keyspace_misses: stats.keyspaceMisses,
      pubsub_channels: engine.channels.size,
      pubsub_patterns: engine.patterns.size,
      pubsubshard_channels: engine.shardChannels.size,
      latest_fork_usec: 0,
      total_forks: 0,
      migrate_cached_sockets: 0,
      slave_expires_tracked_keys: 0,
      active_defrag_hits: 0,
      active_defrag_misses: 0,
      tracking_total_keys: engine.tracking.keys.size,
      tracking_total_items: engine.tracking.items,
      tracking_total_prefixes: engine.tracking.prefixes.size,
      eventloop_cycles: stats.cycles.count,
      eventloop_duration_sum: Math.round(stats.cycles.usec),
      eventloop_duration_cmd_sum: Math.round(stats.cycles.commandUsec),
      instantaneous_eventloop_cycles_per_sec: stats.cycles.perSecond,
      instantaneous_eventloop_duration_usec: Math.round(stats.cycles.recentUsec),
      unexpected_error_replies: 0,
      total_error_replies: stats.errorReplies,
      dump_payload_sanitizations: 0,
      total_reads_processed: stats.totalReads,
      total_writes_processed: stats.totalWrites,
      client_query_buffer_limit_disconnections: stats.queryBufferDisconnects,
      client_output_buffer_limit_disconnections: stats.outputBufferDisconnects,
      acl_access_denied_auth: stats.authFailures,
      acl_access_denied_cmd: 0,
      acl_access_denied_key: 0,
      acl_access_denied_channel: 0,
    },
    replication: {
      role: "master",
      connected_slaves: 0,
      master_failover_state: "no-failover",
      master_replid: engine.runId,
      master_replid2: "0".repeat(40),
      master_repl_offset: 0,
      second_repl_offset: -1,
      repl_backlog_active: 0,
      repl_backlog_size: config.number("repl-backlog-size"),
      repl_backlog_first_byte_offset: 0,
      repl_backlog_histlen: 0,
    },
    cpu: { used_cpu_sys: "0.000000", used_cpu_user: (performance.now() / 1000).toFixed(6) },
    modules: {},
    commandstats: commands,
    errorstats: errors,
    latencystats: latencies,
    debug: {
      eventloop_duration_aof_sum: Math.round(stats.cycles.aofUsec),
      eventloop_duration_cron_sum: Math.round(stats.cycles.cronUsec),
      eventloop_duration_max: Math.round(stats.cycles.maxUsec),
      eventloop_cmd_per_cycle_max: stats.cycles.maxCommands,
    },
    cluster: { cluster_enabled: 0 },
    keyspace,
  };
}
