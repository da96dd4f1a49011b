/** What happens by the clock: expiry, eviction, timeouts, statistics, scheduled persistence. */
import type { Db } from "./_db.ts";
import { type Engine, lfuDecay } from "./_engine.ts";
import type { Persistence } from "./_persistence.ts";

/** Time that expiry takes at once. */
const EXPIRE_BUDGET_MS = 4;
/** After which it goes on when that was not enough. */
const EXPIRE_PAUSE_MS = 12;
/** Keys that are sampled at a time. */
const EXPIRE_SAMPLE = 20;
/** Keys evicted before a command at most. */
const MAX_EVICTIONS = 10_000;

/** Timers of a server. */
export class Background {
  #timer: ReturnType<typeof setInterval> | undefined;
  #moreExpiry: ReturnType<typeof setTimeout> | undefined;
  #lastCommands = 0;
  #lastIn = 0;
  #lastCycles = 0;
  #lastCycleUsec = 0;
  #lastOut = 0;
  #lastSample = 0;
  #expireDb = 0;
  #evictDb = 0;

  /**
   * @param engine The server's state.
   * @param persistence The files.
   */
  constructor(readonly engine: Engine, readonly persistence: Persistence) {
    engine.makeRoom = () => this.#makeRoom();
  }

  /** Starts the timer. */
  start(): void {
    const hz = this.engine.config.number("hz");
    this.#lastSample = Date.now();
    this.#timer = setInterval(() => this.#tick(), Math.max(2, Math.floor(1000 / hz)));
  }

  /** Stops the timer. */
  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#moreExpiry);
  }

  #tick(): void {
    const { engine } = this;
    engine.now = Date.now();
    const start = performance.now();
    this.#expireCycle();
    this.#sample();
    this.#clients();
    if (engine.pausedClients.length > 0 && engine.pauseUntil <= engine.now) {
      const clients = engine.pausedClients;
      engine.pausedClients = [];
      for (const client of clients) {
        client.paused = false;
        if (!client.closing) engine.host?.resume(client);
      }
    }
    if (engine.config.number("maxmemory") > 0 && !engine.pausedWrites) this.#makeRoom();
    this.persistence.tick();
    engine.flushEffects();
    engine.tracking.flushBroadcasts();
    engine.finish();
    const usec = (performance.now() - start) * 1000;
    engine.stats.cycles.cronUsec += usec;
    engine.countCycle(usec, 0);
  }

  #sample(): void {
    const { engine } = this;
    const elapsed = engine.now - this.#lastSample;
    if (elapsed < 1000) return;
    const { stats } = engine;
    // CONFIG RESETSTAT sets the counters back.
    const rate = (now: number, then: number): number => Math.max(0, now - then) * 1000 / elapsed;
    stats.opsPerSecond = Math.round(rate(stats.commands, this.#lastCommands));
    stats.inputPerSecond = rate(stats.bytesIn, this.#lastIn);
    stats.outputPerSecond = rate(stats.bytesOut, this.#lastOut);
    const { cycles } = stats;
    const turns = Math.max(0, cycles.count - this.#lastCycles);
    cycles.perSecond = Math.round(rate(cycles.count, this.#lastCycles));
    cycles.recentUsec = turns === 0 ? 0 : Math.max(0, cycles.usec - this.#lastCycleUsec) / turns;
    this.#lastCycles = cycles.count;
    this.#lastCycleUsec = cycles.usec;
    this.#lastCommands = stats.commands;
    this.#lastIn = stats.bytesIn;
    this.#lastOut = stats.bytesOut;
    this.#lastSample = engine.now;
    engine.usedMemory();
  }

  #clients(): void {
    const { engine } = this;
    const timeout = engine.config.number("timeout") * 1000;
    for (const client of engine.clients.values()) {
      if (client.transport === null) continue;
      if (client.softLimitSince > 0) engine.checkOutputLimit(client, 0);
      const idle = engine.now - client.lastActive;
      if (idle > 2000) client.parser.shrink();
      if (
        timeout > 0 && idle > timeout && client.blocked === null && !client.subscribed &&
        !client.monitor
      ) {
        client.closing = true;
        client.transport.close(true);
      }
    }
  }

  #expireCycle(): void {
    const { engine } = this;
    if (!engine.activeExpire || engine.pauseUntil > engine.now) return;
    const start = performance.now();
    const { dbs } = engine;
    for (let n = 0; n < dbs.length; n++) {
      const db = dbs[this.#expireDb++ % dbs.length]!;
      if (db.expires.size > 0) this.#expireDbCycle(db, start);
      if (performance.now() - start > EXPIRE_BUDGET_MS) {
        engine.stats.timeCapReached++;
        // Many keys have expired: go on soon, so that their memory is not held for long.
        this.#moreExpiry ??= setTimeout(() => {
          this.#moreExpiry = undefined;
          engine.now = Date.now();
          this.#expireCycle();
          engine.flushEffects();
          engine.finish();
        }, EXPIRE_PAUSE_MS);
        break;
      }
    }
    engine.stats.expireCycleUsec += (performance.now() - start) * 1000;
  }

  #expireDbCycle(db: Db, start: number): void {
    const { engine } = this;
    for (;;) {
      const { expires } = db;
      const sample = Math.min(EXPIRE_SAMPLE, expires.size);
      if (sample === 0) return;
      let expired = 0;
      let total = 0;
      for (let i = 0; i < sample && expires.size > 0; i++) {
        const at = expires.size <= EXPIRE_SAMPLE ? expires.size - 1 - i : expires.randomAt();
        if (at < 0) break;
        const when = expires.values[at]!;
        if (when > engine.now) total += when - engine.now;
        else {
          expired++;
          db.expireNow(expires.keys[at]!);
        }
      }
      if (sample > expired) db.averageTtl = total / (sample - expired);
      engine.stats.expiredStalePercent = engine.stats.expiredStalePercent * 0.95 +
        (expired * 100 / sample) * 0.05;
      if (expired * 10 <= sample || performance.now() - start > EXPIRE_BUDGET_MS) return;
    }
  }

  /** Evicts until memory is below the limit; false when nothing can go. */
  #makeRoom(): boolean {
    const { engine } = this;
    const limit = engine.config.number("maxmemory");
    if (limit === 0) return true;
    const policy = engine.config.text("maxmemory-policy");
    // Exact only where it decides: a walk over all clients for every command would be slow.
    let used = engine.roughMemory();
    if (used <= limit) return true;
    used = engine.usedMemory();
    if (used <= limit) return true;
    if (policy === "noeviction") return false;
    for (let n = 0; n < MAX_EVICTIONS && used > limit; n++) {
      const victim = this.#victim(policy);
      if (victim === undefined) return false;
      const [db, key] = victim;
      const before = db.bytes;
      db.remove(key);
      used -= before - db.bytes;
      engine.stats.evictedKeys++;
      engine.alsoPropagate(db.index, [engine.evictionDeletion, key]);
      engine.notify("e", "evicted", key, db.index);
      db.changed(key);
    }
    engine.flushEffects();
    return used <= limit;
  }

  #victim(policy: string): [Db, string] | undefined {
    const { engine } = this;
    const { dbs, config } = engine;
    const volatile = policy.startsWith("volatile");
    const samples = config.number("maxmemory-samples");
    let best: [Db, string] | undefined;
    let bestScore = -Infinity;
    for (let n = 0; n < dbs.length; n++) {
      const db = dbs[this.#evictDb++ % dbs.length]!;
      const table = volatile ? db.expires : db.dict;
      if (table.size === 0) continue;
      const random = policy.endsWith("random");
      for (let i = 0; i < (random ? 1 : samples); i++) {
        const key = table.keys[table.randomAt()]!;
        let score: number;
        if (random) score = 0;
        else if (policy === "volatile-ttl") score = -db.expires.get(key)!;
        else {
          const word = db.dict.meta![db.dict.find(key)]!;
          score = policy.endsWith("lfu")
            ? 255 - lfuDecay(word, engine.now, config)
            : Math.floor(engine.now / 1000) - word;
        }
        if (score > bestScore) {
          bestScore = score;
          best = [db, key];
        }
      }
      if (random && best !== undefined) return best;
    }
    return best;
  }
}
