import { unicodeWidth } from "@std/cli";

const ESC = 27;

/** A line editor for a terminal: arrows, Home and End, history, Ctrl-A E K U W L, painted while typing. */
export class LineEditor {
  readonly #history: readonly string[];
  readonly #paint: (text: string) => string;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  #line: string[] = [];
  #at = 0;
  #place = 0;
  #input: string[] = [];

  /** `history` is read when a line starts; `paint` may add ANSI codes and nothing else. */
  constructor(history: readonly string[], paint: (text: string) => string) {
    this.#history = history;
    this.#paint = paint;
  }

  /** Reads a line; undefined at the end of the input. Ctrl-C gives an empty line. */
  async read(prompt: string): Promise<string | undefined> {
    this.#line = [];
    this.#at = 0;
    this.#place = this.#history.length;
    Deno.stdin.setRaw(true);
    try {
      this.#draw(prompt);
      for (;;) {
        const key = await this.#key();
        if (key === undefined || (key === "\x04" && this.#line.length === 0)) {
          this.#write("\r\n");
          return undefined;
        }
        if (key === "\x03") {
          this.#write("^C\r\n");
          return "";
        }
        if (key === "\r" || key === "\n") {
          this.#write("\r\n");
          return this.#line.join("");
        }
        this.#press(key);
        this.#draw(prompt);
      }
    } finally {
      Deno.stdin.setRaw(false);
    }
  }

  #write(text: string): void {
    Deno.stdout.writeSync(this.#encoder.encode(text));
  }

  #draw(prompt: string): void {
    const before = unicodeWidth(prompt + this.#line.slice(0, this.#at).join(""));
    const text = this.#paint(this.#line.join(""));
    this.#write(`\r\x1b[K${prompt}${text}\r${before > 0 ? `\x1b[${before}C` : ""}`);
  }

  /** The next key: a character, or an escape sequence as a whole. */
  async #key(): Promise<string | undefined> {
    if (this.#input.length === 0) {
      const buffer = new Uint8Array(1024);
      const size = await Deno.stdin.read(buffer);
      if (size === null) return undefined;
      this.#input = [...this.#decoder.decode(buffer.subarray(0, size), { stream: true })];
    }
    const first = this.#input.shift() ?? "";
    if (first.charCodeAt(0) !== ESC || this.#input.length === 0) return first;
    const sequence = /^\[[0-9;]*[~A-Za-z]|^O./.exec(this.#input.join(""))?.[0] ?? "";
    this.#input.splice(0, sequence.length);
    return first + sequence;
  }

  #press(key: string): void {
    switch (key) {
      case "\x1b[D":
        this.#at = Math.max(0, this.#at - 1);
        return;
      case "\x1b[C":
        this.#at = Math.min(this.#line.length, this.#at + 1);
        return;
      case "\x1b[A":
        this.#recall(-1);
        return;
      case "\x1b[B":
        this.#recall(1);
        return;
      case "\x01":
      case "\x1b[H":
        this.#at = 0;
        return;
      case "\x05":
      case "\x1b[F":
        this.#at = this.#line.length;
        return;
      case "\x7f":
      case "\b":
        if (this.#at > 0) this.#line.splice(--this.#at, 1);
        return;
      case "\x04":
      case "\x1b[3~":
        this.#line.splice(this.#at, 1);
        return;
      case "\x0b":
        this.#line.length = this.#at;
        return;
      case "\x15":
        this.#line.splice(0, this.#at);
        this.#at = 0;
        return;
      case "\x17": {
        const start = this.#at;
        while (this.#at > 0 && this.#line[this.#at - 1] === " ") this.#at--;
        while (this.#at > 0 && this.#line[this.#at - 1] !== " ") this.#at--;
        this.#line.splice(this.#at, start - this.#at);
        return;
      }
      case "\x0c":
        this.#write("\x1b[2J\x1b[H");
        return;
    }
    if (key.charCodeAt(0) >= 32) this.#line.splice(this.#at++, 0, key);
  }

  #recall(by: number): void {
    const place = this.#place + by;
    if (place < 0 || place > this.#history.length) return;
    this.#place = place;
    this.#line = [...(this.#history[place] ?? "").replaceAll("\n", " ")];
    this.#at = this.#line.length;
  }
}
