/**
 * Files: snapshots, and the append-only set of Redis 7.
 *
 * The set is a folder with a manifest (`<name>.manifest`, lines `file <name> seq <n> type b|i|h`), one base
 * (RDB) and incremental files of commands. A rewrite opens a new incremental file, writes a new base
 * from a snapshot of that moment, then replaces the manifest by rename. Every rename is preceded by an fsync of the file
 * and followed by one of the folder.
 */
import { closeSync, fdatasync, fdatasyncSync, fsyncSync, openSync, writeSync } from "node:fs";
import { Client } from "./_client.ts";
import type { Db } from "./_db.ts";
import { digestOf, digestOfKey } from "./_digest.ts";
import type { EffectSink, Engine } from "./_engine.ts";
import { dumpValue, readRdb, restoreValue } from "./_rdb.ts";
import { RequestParser, RespProtocolError } from "./resp.ts";
import { Snapshot } from "./_snapshot.ts";
import { allocate, CommandError, toByteString, type Value, writeLatin1 } from "./_values.ts";

/** Time a snapshot takes from the server at once, and how often. */
const STEP_MS = 1;
const STEP_PAUSE_MS = 1;
/** Effects that are collected before they are written, in characters. */
const BUFFER_CHARS = 1 << 20;

interface AofFile {
  name: string;
  sequence: number;
  type: "b" | "i" | "h";
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The files of a server. */
export class Persistence implements EffectSink {
  /** Time of the last snapshot, epoch seconds. */
  lastSave: number;
  #lastStatus = "ok";
  #dirtyAtSave = 0;
  #running: Promise<void> | null = null;
  #runningKind: "rdb" | "aof" | "" = "";
  #scheduledRewrite = false;
  #scheduledSave = false;
  #stop = false;
  /** Raised to drop the snapshot that is being written. */
  #generation = 0;
  #lastTry = 0;
  #saves = 0;
  // Append-only set.
  #fd = -1;
  #files: AofFile[] = [];
  #pending = "";
  #selected = -1;
  #unsynced = false;
  #lastSync = 0;
  /** A sync that runs beside the server: everysec. */
  #syncing: Promise<void> | null = null;
  #size = 0;
  #baseSize = 0;
  #rewriteStatus = "ok";

  /**
   * @param engine The server's state.
   * @param enabled Whether files are read and written at all.
   */
  constructor(readonly engine: Engine, readonly enabled: boolean) {
    this.lastSave = Math.floor(engine.now / 1000);
  }

  #path(name: string): string {
    return `${this.engine.config.text("dir")}/${name}`;
  }

  get #folder(): string {
    return this.#path(this.engine.config.text("appenddirname"));
  }

  get #manifest(): string {
    return `${this.#folder}/${this.engine.config.text("appendfilename")}.manifest`;
  }

  /** Reads what the configuration names. @throws {Error} when a file is damaged. */
  // deno-lint-ignore require-await
  async open(onLoading?: (commands: number) => void): Promise<void> {
    if (!this.enabled) return;
    Deno.mkdirSync(this.engine.config.text("dir"), { recursive: true });
    if (this.engine.config.yes("appendonly")) {
      this.#openAof(onLoading);
      return;
    }
    const path = this.#path(this.engine.config.text("dbfilename"));
    if (exists(path)) this.#loadRdb(Deno.readFileSync(path), path);
  }

  #loadRdb(bytes: Uint8Array, path: string): number {
    const { engine } = this;
    engine.loading = true;
    try {
      return readRdb(bytes, {
        key: (index, key, value, expiry, idle, frequency) => {
          const db = engine.dbs[index];
          if (db === undefined) throw new Error(`key of database ${index}, which does not exist`);
          if (expiry !== -1 && expiry <= engine.now) return;
          db.put(key, value);
          if (expiry !== -1) db.setExpiry(key, expiry);
          const at = db.dict.find(key);
          if (idle >= 0 && !engine.lfu) {
            db.dict.meta![at] = Math.max(0, Math.floor(engine.now / 1000) - idle);
          }
          if (frequency >= 0 && engine.lfu) {
            db.dict.meta![at] = (db.dict.meta![at]! & ~0xff | frequency) >>> 0;
          }
        },
      }, engine.config.yes("rdbchecksum"));
    } catch (error) {
      throw new Error(`Cannot load ${path}: ${(error as Error).message}`, { cause: error });
    } finally {
      engine.loading = false;
    }
  }

  #openAof(onLoading?: (commands: number) => void): void {
    const name = this.engine.config.text("appendfilename");
    const single = this.#path(name);
    if (exists(this.#manifest)) this.#files = this.#readManifest();
    else if (exists(single) && Deno.statSync(single).isFile) {
      // A single file from before Redis 7 becomes the base of the set.
      Deno.mkdirSync(this.#folder, { recursive: true });
      Deno.renameSync(single, `${this.#folder}/${name}`);
      this.#files = [{ name, sequence: 1, type: "b" }];
      this.#writeManifest(this.#files);
      syncFolder(this.#path("."));
    }
    this.#loadSet(onLoading);
    this.#openIncremental();
    this.engine.sink = this;
    this.engine.beforeFlush = this.#onFlush;
  }

  #loadSet(onLoading?: (commands: number) => void): void {
    const live = this.#files.filter((file) => file.type !== "h");
    const contents = live.map((file) => Deno.readFileSync(`${this.#folder}/${file.name}`));
    onLoading?.(contents.reduce((sum, bytes) => sum + countCommands(bytes), 0));
    live.forEach((file, i) => {
      const path = `${this.#folder}/${file.name}`;
      const good = this.#replay(contents[i]!, path, i === live.length - 1);
      if (good < contents[i]!.length) Deno.truncateSync(path, good);
    });
    this.#size = contents.reduce((sum, bytes) => sum + bytes.length, 0);
    this.#baseSize = this.#size;
  }

  #readManifest(): AofFile[] {
    const files: AofFile[] = [];
    for (const line of Deno.readTextFileSync(this.#manifest).split("\n")) {
      if (line.trim() === "" || line.startsWith("#")) continue;
      const match = /^file (\S+) seq ([0-9]+) type ([bih])/.exec(line);
      if (match === null || match[1]!.includes("/")) {
        throw new Error(`Cannot load ${this.#manifest}: bad line "${line}"`);
      }
      files.push({
        name: match[1]!,
        sequence: Number(match[2]),
        type: match[3] as AofFile["type"],
      });
    }
    return files;
  }

  #writeManifest(files: readonly AofFile[]): void {
    const text = files.map((file) => `file ${file.name} seq ${file.sequence} type ${file.type}\n`)
      .join("");
    const temporary = `${this.#folder}/temp-${this.engine.config.text("appendfilename")}.manifest`;
    const fd = openSync(temporary, "w");
    try {
      writeAll(fd, new TextEncoder().encode(text));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    Deno.renameSync(temporary, this.#manifest);
    syncFolder(this.#folder);
  }

  /** A file for the set that neither the manifest nor the folder has yet. */
  #nextFile(type: "b" | "i"): AofFile {
    const prefix = this.engine.config.text("appendfilename");
    const suffix = type === "b" ? "base.rdb" : "incr.aof";
    let sequence = 1;
    for (const file of this.#files) {
      if (file.type === type) sequence = Math.max(sequence, file.sequence + 1);
    }
    while (exists(`${this.#folder}/${prefix}.${sequence}.${suffix}`)) sequence++;
    return { name: `${prefix}.${sequence}.${suffix}`, sequence, type };
  }

  /** Takes over what an earlier run left, where the set was not in use so far. */
  #adoptManifest(): void {
    Deno.mkdirSync(this.#folder, { recursive: true });
    if (this.#files.length === 0 && exists(this.#manifest)) this.#files = this.#readManifest();
  }

  /** Makes these the files of the set, and removes the others. */
  #replaceFiles(files: AofFile[]): void {
    const old = this.#files;
    this.#files = files;
    this.#writeManifest(files);
    for (const file of old) {
      if (files.includes(file)) continue;
      try {
        Deno.removeSync(`${this.#folder}/${file.name}`);
      } catch {
        // It stays; the manifest no longer names it.
      }
    }
    this.#size = files.reduce(
      (sum, file) => sum + Deno.statSync(`${this.#folder}/${file.name}`).size,
      0,
    );
    this.#baseSize = this.#size;
  }

  /** Opens the file that effects go to, a new one unless the last can be carried on. */
  #openIncremental(fresh = false): void {
    Deno.mkdirSync(this.#folder, { recursive: true });
    const last = this.#files.at(-1);
    if (!fresh && last?.type === "i") {
      this.#fd = openSync(`${this.#folder}/${last.name}`, "a");
    } else {
      const increments = this.#nextFile("i");
      const fd = openSync(`${this.#folder}/${increments.name}`, "w");
      if (!this.#files.some((file) => file.type === "b")) {
        // The set needs a base: an image of what is there now.
        const base = this.#nextFile("b");
        this.#writeImage(`${this.#folder}/${base.name}`, true);
        this.#files.push(base);
      }
      this.#files.push(increments);
      this.#writeManifest(this.#files);
      if (this.#fd >= 0) {
        this.#flush(true);
        this.#release(this.#fd);
      }
      this.#fd = fd;
    }
    this.#selected = -1;
  }

  /** Runs the commands of a file; returns how many bytes are good. */
  #replay(bytes: Uint8Array, path: string, last: boolean): number {
    const { engine } = this;
    let from = 0;
    if (bytes.length >= 5 && toByteString(bytes.subarray(0, 5)) === "REDIS") {
      from = this.#loadRdb(bytes, path);
    }
    const client = new Client(engine, null);
    const text = bytes;
    let good = from;
    let queue: string[][] | null = null;
    let goodBeforeMulti = from;
    engine.loading = true;
    try {
      const step = (args: string[]): void => {
        const command = engine.lookup(args);
        if (command === undefined) {
          throw new CommandError(`unknown command '${args[0]!.slice(0, 64)}'`);
        }
        engine.call(client, command, args);
      };
      const cursor = new AofCursor(text, from);
      for (;;) {
        const args = cursor.next();
        if (args === null) break;
        const name = args[0]!.toLowerCase();
        if (name === "multi") {
          goodBeforeMulti = good;
          queue = [];
        } else if (name === "exec" && queue !== null) {
          for (const each of queue) step(each);
          queue = null;
          good = cursor.at;
        } else if (queue !== null) queue.push(args);
        else {
          step(args);
          good = cursor.at;
        }
      }
      if (queue !== null) good = goodBeforeMulti;
      if (good < bytes.length && !(last && engine.config.yes("aof-load-truncated"))) {
        throw new CommandError(`unexpected end of file at byte ${good}`);
      }
      return good;
    } catch (error) {
      if (!(error instanceof RespProtocolError) && !(error instanceof CommandError)) throw error;
      throw new Error(
        `Cannot load ${path}: ${error.message} after byte ${good}; repair a copy with redis-check-aof --fix, which drops everything from there`,
        { cause: error },
      );
    } finally {
      engine.loading = false;
      engine.readyKeys = [];
    }
  }

  /** Takes the effects of a unit. */
  append(effects: readonly { db: number; args: string[] }[]): void {
    let text = "";
    const wrap = effects.length > 1;
    const put = (args: readonly string[]): void => {
      text += `*${args.length}\r\n`;
      for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
    };
    if (wrap) put(["MULTI"]);
    for (const { db, args } of effects) {
      if (db !== this.#selected) {
        this.#selected = db;
        put(["SELECT", String(db)]);
      }
      put(args);
    }
    if (wrap) put(["EXEC"]);
    this.#pending += text;
    if (this.#pending.length > BUFFER_CHARS) this.#flush(false);
  }

  /** Writes what was collected; syncs when asked. A failed sync poisons the file. */
  #flush(sync: boolean): void {
    if (this.#fd < 0) return;
    try {
      if (this.#pending.length > 0) {
        const text = this.#pending;
        this.#pending = "";
        const bytes = allocate(text.length);
        writeLatin1(bytes, text);
        writeAll(this.#fd, bytes);
        this.#size += bytes.length;
        this.#unsynced = true;
      }
      if (sync && this.#unsynced) {
        const start = performance.now();
        fdatasyncSync(this.#fd);
        this.#unsynced = false;
        this.#lastSync = this.engine.now;
        const ms = performance.now() - start;
        if (this.engine.latencyThreshold > 0 && ms >= this.engine.latencyThreshold) {
          this.engine.recordLatency("aof-fsync-always", Math.round(ms));
        }
      }
    } catch (error) {
      // What reached the disk is unknown from here on: no further write is acknowledged.
      this.engine.sinkFault = `Errors writing to the AOF file: ${(error as Error).message}`;
    }
  }

  /** Syncs what was written, without holding anybody up. A failed sync poisons the file. */
  #syncSoon(): void {
    if (!this.#unsynced || this.#syncing !== null) return;
    this.#unsynced = false;
    const fd = this.#fd;
    this.#syncing = new Promise((resolve) => {
      fdatasync(fd, (error) => {
        this.#syncing = null;
        this.#lastSync = this.engine.now;
        if (error !== null) {
          this.engine.sinkFault = `Errors writing to the AOF file: ${error.message}`;
        }
        resolve();
      });
    });
  }

  /** Closes a file when nothing uses it any more. */
  #release(fd: number): void {
    if (this.#syncing === null) closeSync(fd);
    else void this.#syncing.then(() => closeSync(fd));
  }

  readonly #onFlush = (): void => {
    if (this.#pending.length === 0 && !this.#unsynced) return;
    const start = performance.now();
    if (this.engine.config.text("appendfsync") === "always") {
      this.#flush(true);
      if (this.engine.sinkFault !== "") this.#refuseReplies();
    } else if (this.#pending.length > 0) this.#flush(false);
    this.engine.stats.cycles.aofUsec += (performance.now() - start) * 1000;
  };

  /** Drops the replies of writes that could not be made durable, with their connections. */
  #refuseReplies(): void {
    for (const client of this.engine.withOutput) {
      client.out = "";
      client.closing = true;
    }
  }

  /** What happens by the clock. */
  tick(): void {
    const { engine } = this;
    if (!this.enabled) return;
    if (this.#fd >= 0) {
      const policy = engine.config.text("appendfsync");
      this.#flush(policy === "always");
      if (policy === "everysec" && engine.now - this.#lastSync >= 1000) this.#syncSoon();
    }
    if (this.#running !== null) return;
    if (this.#scheduledRewrite) {
      this.#scheduledRewrite = false;
      this.rewriteAof();
      return;
    }
    if (this.#scheduledSave) {
      this.#scheduledSave = false;
      this.backgroundSave(false);
      return;
    }
    if (this.#fd >= 0) {
      const percent = engine.config.number("auto-aof-rewrite-percentage");
      const growth = (this.#size - this.#baseSize) * 100 / Math.max(1, this.#baseSize);
      if (
        percent > 0 && this.#size > engine.config.number("auto-aof-rewrite-min-size") &&
        growth >= percent
      ) {
        this.rewriteAof();
        return;
      }
    }
    const points = engine.config.text("save").split(" ");
    const changes = engine.dirty - this.#dirtyAtSave;
    for (let i = 0; i + 1 < points.length; i += 2) {
      const due = changes >= Number(points[i + 1]) &&
        engine.now / 1000 - this.lastSave >= Number(points[i]);
      if (due && (this.#lastStatus === "ok" || engine.now - this.#lastTry > 5000)) {
        this.backgroundSave(false);
        return;
      }
    }
  }

  #requireFiles(): void {
    if (!this.enabled) {
      throw new CommandError("ERR this server was started without a folder for its files");
    }
  }

  /** Writes an image at once. */
  #writeImage(path: string, aofBase: boolean): void {
    const temporary = `${path}.temp-${Deno.pid}-${this.#saves++}`;
    const fd = openSync(temporary, "w");
    try {
      const snapshot = new Snapshot(this.engine, (bytes) => writeAll(fd, bytes), aofBase);
      while (!snapshot.step(1000));
      snapshot.end();
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    Deno.renameSync(temporary, path);
    syncFolder(path.slice(0, path.lastIndexOf("/")));
  }

  /** SAVE. @throws the reply. */
  save(): void {
    this.#requireFiles();
    if (this.#runningKind === "rdb") {
      throw new CommandError("ERR Background save already in progress");
    }
    try {
      this.#writeImage(this.#path(this.engine.config.text("dbfilename")), false);
    } catch (error) {
      this.#failed(error as Error);
      throw new CommandError(`ERR the snapshot could not be written: ${(error as Error).message}`);
    }
    this.#saved(this.engine.dirty);
  }

  /** FLUSHALL: where snapshots are configured, one of the empty databases replaces the last at once. */
  flushed(): void {
    if (!this.enabled || this.engine.config.text("save") === "") return;
    if (this.#runningKind === "rdb") this.#generation++;
    try {
      this.#writeImage(this.#path(this.engine.config.text("dbfilename")), false);
      this.#saved(this.engine.dirty);
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #saved(dirty: number): void {
    this.lastSave = Math.floor(Date.now() / 1000);
    this.#dirtyAtSave = dirty;
    this.#lastStatus = "ok";
    this.engine.saveFailed = false;
  }

  #failed(_error: Error): void {
    this.#lastStatus = "err";
    this.#lastTry = this.engine.now;
    this.engine.saveFailed = this.engine.config.text("save") !== "";
  }

  /** BGSAVE. @throws the reply. */
  backgroundSave(schedule: boolean): string {
    this.#requireFiles();
    if (this.#runningKind === "rdb") {
      throw new CommandError("ERR Background save already in progress");
    }
    if (this.#runningKind === "aof") {
      if (!schedule) {
        throw new CommandError(
          "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
        );
      }
      this.#scheduledSave = true;
      return "Background saving scheduled";
    }
    const dirty = this.engine.dirty;
    this.#runningKind = "rdb";
    this.#running = this.#image(this.#path(this.engine.config.text("dbfilename")), false)
      .then((done) => {
        if (done) this.#saved(dirty);
      }, (error) => this.#failed(error))
      .finally(() => this.#idle());
    return "Background saving started";
  }

  #idle(): void {
    this.#running = null;
    this.#runningKind = "";
    this.engine.snapshot = null;
  }

  /** Writes an image in steps; false when the server was closed meanwhile. */
  async #image(path: string, aofBase: boolean): Promise<boolean> {
    const { engine } = this;
    const temporary = `${path}.temp-${Deno.pid}-${this.#saves++}`;
    const waiting: Uint8Array[] = [];
    const generation = this.#generation;
    const dropped = (): boolean => this.#stop || generation !== this.#generation;
    const file = Deno.openSync(temporary, { write: true, create: true, truncate: true });
    try {
      const snapshot = new Snapshot(engine, (bytes) => waiting.push(bytes), aofBase);
      engine.snapshot = snapshot;
      this.#onSnapshot?.();
      let complete = false;
      while (!complete) {
        if (dropped()) return false;
        complete = snapshot.step(STEP_MS);
        if (complete) {
          engine.snapshot = null;
          snapshot.end();
        }
        for (const bytes of waiting.splice(0)) {
          for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
        }
        if (!complete) await new Promise((resolve) => setTimeout(resolve, STEP_PAUSE_MS));
      }
      await file.sync();
    } finally {
      engine.snapshot = null;
      file.close();
      if (dropped() && exists(temporary)) Deno.removeSync(temporary);
    }
    if (dropped()) return false;
    Deno.renameSync(temporary, path);
    syncFolder(path.slice(0, path.lastIndexOf("/")));
    return true;
  }

  #onSnapshot: (() => void) | null = null;

  /** BGREWRITEAOF. @throws the reply. */
  rewriteAof(): string {
    this.#requireFiles();
    if (this.#runningKind === "aof") {
      throw new CommandError("ERR Background append only file rewriting already in progress");
    }
    if (this.#running !== null) {
      this.#scheduledRewrite = true;
      return "Background append only file rewriting scheduled";
    }
    this.#runningKind = "aof";
    this.#running = this.#rewrite()
      .then(() => this.#rewriteStatus = "ok", () => this.#rewriteStatus = "err")
      .then(() => this.#idle());
    return "Background append only file rewriting started";
  }

  async #rewrite(): Promise<void> {
    this.#adoptManifest();
    const base = this.#nextFile("b");
    const active = this.#fd >= 0;
    let keep: AofFile | undefined;
    // The new file of effects opens in the very moment that the image stands for.
    this.#onSnapshot = () => {
      if (!active) return;
      this.#openIncremental(true);
      keep = this.#files.at(-1);
    };
    let done: boolean;
    try {
      done = await this.#image(`${this.#folder}/${base.name}`, true);
    } finally {
      this.#onSnapshot = null;
    }
    if (!done) return;
    const kept = keep === undefined ? [] : this.#files.slice(this.#files.indexOf(keep));
    this.#replaceFiles([base, ...kept]);
  }

  /** Takes a parameter over that was changed while running. */
  configChanged(name: string): void {
    if (name !== "appendonly" || !this.enabled) return;
    const wanted = this.engine.config.yes("appendonly");
    // A rewrite that began before does not know of the change.
    if (wanted !== this.#fd >= 0 && this.#runningKind === "aof") this.#generation++;
    if (wanted && this.#fd < 0) {
      try {
        this.#adoptManifest();
        // New files throughout: what the old ones hold is older than the image.
        const base = this.#nextFile("b");
        const increments = this.#nextFile("i");
        this.#writeImage(`${this.#folder}/${base.name}`, true);
        this.#fd = openSync(`${this.#folder}/${increments.name}`, "w");
        this.#replaceFiles([base, increments]);
      } catch (error) {
        if (this.#fd >= 0) closeSync(this.#fd);
        this.#fd = -1;
        this.engine.config.set("appendonly", "no");
        throw new CommandError(`ERR Unable to turn on AOF: ${(error as Error).message}`);
      }
      this.#selected = -1;
      this.engine.sink = this;
      this.engine.beforeFlush = this.#onFlush;
    } else if (!wanted && this.#fd >= 0) {
      this.#flush(true);
      this.#release(this.#fd);
      this.#fd = -1;
      this.engine.sink = null;
      this.engine.beforeFlush = null;
    }
  }

  /** DEBUG RELOAD. @throws the reply. */
  reload(options: { save: boolean; flush: boolean; merge: boolean }): void {
    this.#requireFiles();
    if (options.save) this.save();
    const path = this.#path(this.engine.config.text("dbfilename"));
    if (options.flush) { for (const db of this.engine.dbs) db.clear(); }
    this.#loadRdb(Deno.readFileSync(path), path);
  }

  /** DEBUG LOADAOF. @throws the reply. */
  reloadAof(): void {
    this.#requireFiles();
    this.#adoptManifest();
    if (this.#files.length === 0) throw new CommandError("ERR there is no append-only file");
    this.#flush(true);
    for (const db of this.engine.dbs) db.clear();
    this.#loadSet();
  }

  /** CONFIG REWRITE. @throws the reply. */
  rewriteConfig(path: string): void {
    if (path === "") throw new CommandError("ERR The server is running without a config file");
    const lines = this.engine.config.entries()
      .filter(([, value]) => value !== "")
      .map(([name, value]) =>
        name === "save" || name === "client-output-buffer-limit"
          ? `${name} ${value}`
          : `${name} ${JSON.stringify(value)}`
      );
    const temporary = `${path}.temp-${Deno.pid}`;
    const fd = openSync(temporary, "w");
    try {
      writeAll(fd, new TextEncoder().encode(lines.join("\n") + "\n"));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    Deno.renameSync(temporary, path);
  }

  /** Fields of INFO. */
  info(): Record<string, string | number> {
    return {
      rdb_changes_since_last_save: this.engine.dirty - this.#dirtyAtSave,
      rdb_bgsave_in_progress: this.#runningKind === "rdb" ? 1 : 0,
      rdb_last_save_time: this.lastSave,
      rdb_last_bgsave_status: this.#lastStatus,
      rdb_last_bgsave_time_sec: 0,
      rdb_current_bgsave_time_sec: -1,
      rdb_saves: this.#saves,
      rdb_last_cow_size: 0,
      rdb_last_load_keys_expired: 0,
      rdb_last_load_keys_loaded: 0,
      aof_enabled: this.#fd >= 0 ? 1 : 0,
      aof_rewrite_in_progress: this.#runningKind === "aof" ? 1 : 0,
      aof_rewrite_scheduled: this.#scheduledRewrite ? 1 : 0,
      aof_last_rewrite_time_sec: -1,
      aof_current_rewrite_time_sec: -1,
      aof_last_bgrewrite_status: this.#rewriteStatus,
      aof_last_write_status: this.engine.sinkFault === "" ? "ok" : "err",
      aof_last_cow_size: 0,
      ...(this.#fd >= 0
        ? {
          aof_current_size: this.#size + this.#pending.length,
          aof_base_size: this.#baseSize,
          aof_pending_rewrite: 0,
          aof_buffer_length: this.#pending.length,
          aof_pending_bio_fsync: 0,
          aof_delayed_fsync: 0,
        }
        : {}),
    };
  }

  /** DEBUG DIGEST. */
  digest(keys: string[] | undefined, db: Db): string[] {
    return keys === undefined
      ? [digestOf(this.engine.dbs)]
      : keys.map((key) => digestOfKey(db, key));
  }

  /** DUMP. */
  dump(value: Value): string {
    return dumpValue(value);
  }

  /** RESTORE. @throws the reply. */
  restore(payload: string): Value {
    const value = restoreValue(payload);
    if (value === undefined) {
      throw new CommandError("ERR DUMP payload version or checksum are wrong");
    }
    return value;
  }

  /** Ends what runs in the background and makes the append-only file durable. */
  async finish(): Promise<void> {
    this.#stop = true;
    this.engine.flushEffects();
    this.#flush(true);
    await this.#running;
    await this.#syncing;
  }

  /** Closes the files. */
  close(): void {
    if (this.#fd < 0) return;
    this.engine.flushEffects();
    this.#flush(true);
    closeSync(this.#fd);
    this.#fd = -1;
    this.engine.sink = null;
    this.engine.beforeFlush = null;
  }
}

/** Requests of a file of commands, with the offset after each. */
class AofCursor {
  /** Offset after the last request. */
  at: number;
  readonly #bytes: Uint8Array;
  readonly #parser: RequestParser = new RequestParser();
  #fed: number;

  constructor(bytes: Uint8Array, from: number) {
    this.#bytes = bytes;
    this.at = from;
    this.#fed = from;
  }

  /** The next request, or null at the end or in the middle of the last one. */
  next(): string[] | null {
    for (;;) {
      this.#skipComments();
      const args = this.#parser.next();
      if (args !== null) {
        this.at = this.#fed - this.#parser.pendingBytes;
        return args;
      }
      if (this.#fed === this.#bytes.length) return null;
      const part = this.#bytes.subarray(this.#fed, this.#fed + 65_536);
      if (
        this.#parser.pendingBytes === 0 && this.#parser.pendingArguments === 0 && part[0] !== 42 &&
        part[0] !== 35
      ) {
        throw new RespProtocolError("expected a command");
      }
      this.#parser.feed(part);
      this.#fed += part.length;
    }
  }

  /** Timestamps that Redis may leave: lines that start with "#". */
  #skipComments(): void {
    while (
      this.#parser.pendingBytes === 0 && this.#parser.pendingArguments === 0 &&
      this.#bytes[this.#fed] === 35
    ) {
      const end = this.#bytes.indexOf(10, this.#fed);
      this.#fed = end < 0 ? this.#bytes.length : end + 1;
    }
  }
}

/** Number of commands of a file, by its headers; keys of an image do not count. */
function countCommands(bytes: Uint8Array): number {
  let from = 0;
  if (bytes.length >= 5 && toByteString(bytes.subarray(0, 5)) === "REDIS") {
    try {
      from = readRdb(bytes, { key: () => {} }, false);
    } catch {
      return 0;
    }
  }
  const cursor = new AofCursor(bytes, from);
  let count = 0;
  try {
    while (cursor.next() !== null) count++;
  } catch {
    // The damage is reported when the file is replayed.
  }
  return count;
}
