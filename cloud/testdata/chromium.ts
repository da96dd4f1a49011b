/** Drives a headless Chromium over the DevTools protocol, for tests. */

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Path of a Chromium on this machine, or undefined. */
export function findChromium(): string | undefined {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    for (const name of NAMES) {
      try {
        if (Deno.statSync(`${folder}/${name}`).isFile) return `${folder}/${name}`;
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined;
}

interface Message {
  id?: number;
  sessionId?: string;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** A running browser; disposing of it ends its process and removes its profile. */
export class Chromium implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #drained: Promise<void>;
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  readonly listeners = new Set<(message: Message) => void>();
  #nextId = 1;

  private constructor(
    process: Deno.ChildProcess,
    profile: string,
    socket: WebSocket,
    drained: Promise<void>,
  ) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    this.#drained = drained;
    socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
  }

  static async launch(executable: string): Promise<Chromium> {
    const profile = await Deno.makeTempDir();
    const process = new Deno.Command(executable, {
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const { promise: address, resolve, reject } = Promise.withResolvers<string>();
    const drained = (async () => {
      let text = "";
      const decoder = new TextDecoder();
      for await (const chunk of process.stderr) {
        if (text.length > 100_000) continue;
        text += decoder.decode(chunk, { stream: true });
        const match = /DevTools listening on (ws:\S+)\n/.exec(text);
        if (match !== null) resolve(match[1]!);
      }
      reject(new Error(`Chromium did not start: ${text}`));
    })();
    const socket = new WebSocket(await address);
    await new Promise((opened, failed) => {
      socket.onopen = opened;
      socket.onerror = failed;
    });
    return new Chromium(process, profile, socket, drained);
  }

  #receive(message: Message): void {
    if (message.id === undefined) {
      for (const listener of this.listeners) listener(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error !== undefined) waiting?.reject(new Error(message.error.message));
    else waiting?.resolve(message.result ?? {});
  }

  // deno-lint-ignore no-explicit-any
  send(method: string, params: object = {}, sessionId?: string): Promise<any> {
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, waiting);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return waiting.promise;
  }

  /** Opens `url` in a window of this size. */
  async open(url: string, width: number, height: number, isDark = false): Promise<Page> {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    await page.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: isDark ? "dark" : "light" }],
    });
    await page.send("Page.navigate", { url });
    await page.waitFor("document.readyState === 'complete'");
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    await this.send("Browser.close").catch(() => {});
    await closed;
    await this.#process.status;
    await this.#drained.catch(() => {});
    // Helpers of the browser may write into the profile for a moment longer.
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        await Deno.remove(this.#profile, { recursive: true });
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}

/** One page of a {@linkcode Chromium}. */
export class Page {
  /** Errors and warnings that the page logged: exceptions, refused loads, broken policies. */
  readonly problems: string[] = [];

  constructor(
    readonly browser: Chromium,
    readonly sessionId: string,
    readonly targetId: string,
  ) {
    browser.listeners.add((message) => {
      if (message.sessionId !== sessionId) return;
      const text = JSON.stringify(message.params);
      if (message.method === "Runtime.exceptionThrown") this.problems.push(text);
      if (message.method === "Log.entryAdded") {
        const { level } = message.params?.entry as { level: string };
        if (level === "error" || level === "warning") this.problems.push(text);
      }
    });
  }

  // deno-lint-ignore no-explicit-any
  send(method: string, params: object = {}): Promise<any> {
    return this.browser.send(method, params, this.sessionId);
  }

  /** The value of a JavaScript expression in the page. */
  // deno-lint-ignore no-explicit-any
  async evaluate(expression: string): Promise<any> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** Waits until an expression is true. */
  async waitFor(expression: string, timeoutMs = 10_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!(await this.evaluate(expression).catch(() => false))) {
      if (Date.now() > end) throw new Error(`Timed out waiting for ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** A PNG of the window, or of the whole page. */
  async screenshot(wholePage = false): Promise<Uint8Array<ArrayBuffer>> {
    const { data } = await this.send("Page.captureScreenshot", {
      captureBeyondViewport: wholePage,
      ...(wholePage
        ? {
          clip: {
            x: 0,
            y: 0,
            width: await this.evaluate("document.documentElement.clientWidth"),
            height: await this.evaluate("document.documentElement.scrollHeight"),
            scale: 1,
          },
        }
        : {}),
    });
    return Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  }

  /** Presses and releases a key. */
  async press(key: string): Promise<void> {
    const code = { Tab: 9, Enter: 13, ArrowLeft: 37, ArrowRight: 39 }[key] ?? 0;
    const text = key === "Enter" ? "\r" : undefined;
    const parameters = { key, code: key, windowsVirtualKeyCode: code, text };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...parameters });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...parameters });
  }
}
