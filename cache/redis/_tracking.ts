/** CLIENT TRACKING: which client may have cached which key, and the messages that end that. */
import type { Client } from "./_client.ts";
import type { Command, Engine } from "./_engine.ts";
import { FLAG } from "./_flags.ts";

/** Tables of client-side caching. */
export class Tracking {
  /** Whether any client tracks. */
  active = false;
  /** Clients by key, for the default mode. */
  readonly keys: Map<string, Set<number>> = new Map<string, Set<number>>();
  /** Clients by prefix, for broadcasting. */
  readonly prefixes: Map<string, Set<Client>> = new Map<string, Set<Client>>();
  /** Number of (key, client) pairs. */
  items = 0;
  #clients = 0;

  /** @param engine The server's state. */
  constructor(readonly engine: Engine) {}

  /** Clients that track. */
  get clients(): number {
    return this.#clients;
  }

  /** Estimated bytes. */
  get bytes(): number {
    return this.keys.size * 120 + this.items * 24;
  }

  /** Turns tracking on. */
  enable(client: Client): void {
    if (!client.tracking.on) this.#clients++;
    client.tracking.on = true;
    this.active = true;
  }

  /** Turns tracking off. */
  disable(client: Client): void {
    const state = client.tracking;
    if (!state.on) return;
    for (const prefix of state.prefixes) {
      const clients = this.prefixes.get(prefix);
      clients?.delete(client);
      if (clients?.size === 0) this.prefixes.delete(prefix);
    }
    state.on = false;
    state.bcast =
      state.optin =
      state.optout =
      state.noloop =
      state.redirectBroken =
        false;
    state.redirect = 0;
    state.prefixes = [];
    state.caching = null;
    this.#clients--;
    if (this.#clients === 0) {
      this.active = false;
      this.keys.clear();
      this.items = 0;
    }
  }

  /** Notes what a client has read. */
  remember(client: Client, command: Command, args: string[]): void {
    const state = client.tracking;
    if (command.fullName === "client|caching") return;
    const caching = state.caching;
    const over = command.name === "exec" || (!client.inExec && client.queue === null);
    if (over && command.name !== "multi") state.caching = null;
    if ((command.flags & FLAG.readonly) === 0 || state.bcast) return;
    if (state.optin && caching !== true) return;
    if (state.optout && caching === false) return;
    const positions = this.engine.keyPositions(command, args);
    if (positions === undefined) return;
    for (const at of positions) {
      const key = args[at]!;
      let clients = this.keys.get(key);
      if (clients === undefined) this.keys.set(key, clients = new Set<number>());
      if (!clients.has(client.id)) {
        clients.add(client.id);
        this.items++;
      }
    }
    this.trim();
  }

  /** Keeps the table within tracking-table-max-keys by invalidating keys as if they had changed. */
  trim(): void {
    const max = this.engine.config.number("tracking-table-max-keys");
    if (max === 0) return;
    while (this.keys.size > max) {
      const key = this.keys.keys().next().value!;
      this.#invalidateTracked(key, null);
    }
  }

  /** A key changed, expired or was evicted. */
  invalidate(key: string): void {
    const by = this.engine.current;
    for (const [prefix, clients] of this.prefixes) {
      if (!key.startsWith(prefix)) continue;
      for (const client of clients) {
        if (client.tracking.noloop && client === by) continue;
        this.#queueBroadcast(client, prefix, key);
      }
    }
    this.#invalidateTracked(key, by);
  }

  #invalidateTracked(key: string, by: Client | null): void {
    const ids = this.keys.get(key);
    if (ids === undefined) return;
    this.keys.delete(key);
    this.items -= ids.size;
    for (const id of ids) {
      const client = this.engine.clients.get(id);
      if (client === undefined || !client.tracking.on || client.tracking.bcast) continue;
      if (client.tracking.noloop && client === by) continue;
      this.#send(client, [key]);
    }
  }

  #broadcasts: Map<Client, Map<string, Set<string>>> = new Map<Client, Map<string, Set<string>>>();

  #queueBroadcast(client: Client, prefix: string, key: string): void {
    let prefixes = this.#broadcasts.get(client);
    if (prefixes === undefined) {
      this.#broadcasts.set(client, prefixes = new Map<string, Set<string>>());
    }
    let keys = prefixes.get(prefix);
    if (keys === undefined) prefixes.set(prefix, keys = new Set<string>());
    keys.add(key);
  }

  /** Sends what broadcasting clients have to hear, one message a prefix, at the end of a batch. */
  flushBroadcasts(): void {
    if (this.#broadcasts.size === 0) return;
    const all = this.#broadcasts;
    this.#broadcasts = new Map<Client, Map<string, Set<string>>>();
    for (const [client, prefixes] of all) {
      for (const keys of prefixes.values()) {
        if (client.tracking.on && client.tracking.bcast) this.#send(client, [...keys]);
      }
    }
  }

  /** Everything was flushed. */
  invalidateAll(): void {
    if (!this.active) return;
    for (const client of this.engine.clients.values()) {
      if (client.tracking.on) this.#send(client, null);
    }
    this.keys.clear();
    this.items = 0;
  }

  #send(client: Client, keys: string[] | null): void {
    let target = client;
    const state = client.tracking;
    if (state.redirect !== 0) {
      const other = this.engine.clients.get(state.redirect);
      if (other === undefined || other.closing) {
        state.redirectBroken = true;
        if (client.resp === 3) {
          this.engine.pushRaw(
            client,
            `>2\r\n$21\r\ntracking-redir-broken\r\n:${state.redirect}\r\n`,
          );
        }
        return;
      }
      target = other;
    }
    let payload: string;
    if (keys === null) payload = target.resp === 3 ? "_\r\n" : "*-1\r\n";
    else {
      payload = `*${keys.length}\r\n`;
      for (const key of keys) payload += `$${key.length}\r\n${key}\r\n`;
    }
    if (target.resp === 3) this.engine.pushRaw(target, `>2\r\n$10\r\ninvalidate\r\n${payload}`);
    else if (state.redirect !== 0 && target.channels.has("__redis__:invalidate")) {
      this.engine.pushRaw(
        target,
        `*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n${payload}`,
      );
    }
  }
}
