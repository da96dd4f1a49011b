/**
 * Counts and latencies of HTTP requests in bounded memory, for people to look at.
 *
 * Each of the last seconds has its count, its errors and a histogram of latencies whose buckets
 * grow by a twelfth; percentiles are read from those, so they are exact to about four percent and
 * cost the same however many requests there were.
 *
 * @module
 */
import type { Middleware } from "../web/mod.ts";

/** A request that was answered. */
export interface RequestRecord {
  /** Counts up from 1. */
  readonly sequence: number;
  /** When it was answered, in epoch milliseconds. */
  readonly timeMs: number;
  /** The service that answered. */
  readonly service: string;
  /** The method. */
  readonly method: string;
  /** The raw path without the query, cut to 200 characters. */
  readonly path: string;
  /** The status. */
  readonly status: number;
  /** Time until the answer's head was ready, in milliseconds. */
  readonly durationMs: number;
}

/** One second. */
export interface SecondSummary {
  /** Requests answered. */
  readonly requests: number;
  /** Answers of status 500 and above. */
  readonly errors: number;
  /** Median latency in milliseconds; undefined when there were no requests. */
  readonly p50: number | undefined;
  /** 90th percentile. */
  readonly p90: number | undefined;
  /** 99th percentile. */
  readonly p99: number | undefined;
}

/** What has been measured so far. */
export interface MetricsSummary {
  /** Requests since the start. */
  readonly totalRequests: number;
  /** Answers of status 500 and above since the start. */
  readonly totalErrors: number;
  /** The last full second, and percentiles over the whole window. */
  readonly window: SecondSummary;
  /** Requests each second over the window, on average. */
  readonly requestsPerSecond: number;
}

/** Options of {@linkcode RequestMetrics}. */
export interface RequestMetricsOptions {
  /**
   * Seconds that are kept.
   *
   * @default {60}
   */
  windowSeconds?: number;
  /**
   * Requests that are kept.
   *
   * @default {100}
   */
  recentLimit?: number;
  /** A monotonic clock in milliseconds; `performance.now` unless given. */
  now?: () => number;
}

const BUCKETS_PER_OCTAVE = 8;
const SMALLEST_MS = 0.01;
/** Up to 0.01 ms * 2^24, about 168 seconds; what is slower counts as that. */
const BUCKETS = 24 * BUCKETS_PER_OCTAVE;
const MAX_PATH = 200;

function bucketOf(durationMs: number): number {
  const bucket = Math.floor(
    Math.log2(Math.max(durationMs, SMALLEST_MS) / SMALLEST_MS) * BUCKETS_PER_OCTAVE,
  );
  return Math.min(bucket, BUCKETS - 1);
}

/** The geometric middle of a bucket, in milliseconds. */
function middleOf(bucket: number): number {
  return SMALLEST_MS * 2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE);
}

/**
 * Measures HTTP requests: as middleware of an `App`, or by {@linkcode RequestMetrics.record}.
 *
 * Memory is fixed: a histogram of 192 buckets for each second of the window, and the last requests.
 * Recording is O(1).
 *
 * @example
 * ```ts
 * import { RequestMetrics } from "@groundwork/std/cloud";
 * import { App } from "@groundwork/std/web";
 * import { assertEquals } from "@std/assert";
 *
 * const metrics = new RequestMetrics();
 * const app = new App();
 * app.use(metrics.middleware("shop"));
 * app.get("/", (c) => c.text("hello"));
 * await app.request("/");
 * assertEquals(metrics.summary().totalRequests, 1);
 * assertEquals(metrics.recent()[0]?.path, "/");
 * ```
 */
export class RequestMetrics {
  readonly #windowSeconds: number;
  readonly #recentLimit: number;
  readonly #now: () => number;
  readonly #startMs: number;
  /** One slot a second, one more than the window for the second that runs. */
  readonly #seconds: Int32Array;
  readonly #requests: Uint32Array;
  readonly #errors: Uint32Array;
  readonly #histograms: Uint32Array[];
  readonly #recent: RequestRecord[] = [];
  #sequence = 0;
  #totalErrors = 0;

  /** Starts measuring. */
  constructor(options: RequestMetricsOptions = {}) {
    this.#windowSeconds = options.windowSeconds ?? 60;
    this.#recentLimit = options.recentLimit ?? 100;
    this.#now = options.now ?? (() => performance.now());
    this.#startMs = this.#now();
    const slots = this.#windowSeconds + 1;
    this.#seconds = new Int32Array(slots).fill(-1);
    this.#requests = new Uint32Array(slots);
    this.#errors = new Uint32Array(slots);
    this.#histograms = Array.from({ length: slots }, () => new Uint32Array(BUCKETS));
  }

  /** Seconds that are kept. */
  get windowSeconds(): number {
    return this.#windowSeconds;
  }

  /** Full seconds since the start. */
  get uptimeSeconds(): number {
    return Math.floor((this.#now() - this.#startMs) / 1000);
  }

  /** The number of the last request. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Counts a request that was answered now. */
  record(request: Omit<RequestRecord, "sequence" | "timeMs">): void {
    const slot = this.#slot(this.uptimeSeconds);
    this.#requests[slot]!++;
    if (request.status >= 500) {
      this.#errors[slot]!++;
      this.#totalErrors++;
    }
    this.#histograms[slot]![bucketOf(request.durationMs)]!++;
    this.#sequence++;
    const { path } = request;
    const entry: RequestRecord = {
      sequence: this.#sequence,
      timeMs: Date.now(),
      service: request.service,
      method: request.method,
      path: path.length > MAX_PATH ? path.slice(0, MAX_PATH - 1) + "…" : path,
      status: request.status,
      durationMs: request.durationMs,
    };
    this.#recent[(this.#sequence - 1) % this.#recentLimit] = entry;
  }

  /** Middleware that records each request as answered by `service`. */
  middleware(service: string): Middleware {
    return async (c, next) => {
      const start = this.#now();
      let status = 500;
      try {
        await next();
        status = c.res.status;
      } finally {
        const durationMs = this.#now() - start;
        this.record({ service, method: c.method, path: c.path, status, durationMs });
      }
    };
  }

  /** The requests after number `sequence` that are still kept, oldest first. */
  recent(sequence = 0): RequestRecord[] {
    const first = Math.max(sequence, this.#sequence - this.#recentLimit) + 1;
    const records: RequestRecord[] = [];
    for (let number = first; number <= this.#sequence; number++) {
      records.push(this.#recent[(number - 1) % this.#recentLimit]!);
    }
    return records;
  }

  /** The last `count` full seconds, oldest first; seconds before the start are empty. */
  series(count: number = this.#windowSeconds): SecondSummary[] {
    const current = this.uptimeSeconds;
    const seconds: SecondSummary[] = [];
    for (let second = current - Math.min(count, this.#windowSeconds); second < current; second++) {
      seconds.push(this.#summarize([second]));
    }
    return seconds;
  }

  /** Totals, and the window as one. */
  summary(): MetricsSummary {
    const current = this.uptimeSeconds;
    const seconds: number[] = [];
    for (let second = current - this.#windowSeconds + 1; second <= current; second++) {
      seconds.push(second);
    }
    const window = this.#summarize(seconds);
    const elapsed = Math.min(this.#windowSeconds, Math.max(1, current + 1));
    return {
      totalRequests: this.#sequence,
      totalErrors: this.#totalErrors,
      window,
      requestsPerSecond: window.requests / elapsed,
    };
  }

  /** The slot of `second`, emptied of what it held before. */
  #slot(second: number): number {
    const slot = second % this.#seconds.length;
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#requests[slot] = 0;
      this.#errors[slot] = 0;
      this.#histograms[slot]!.fill(0);
    }
    return slot;
  }

  #summarize(seconds: readonly number[]): SecondSummary {
    const merged = new Uint32Array(BUCKETS);
    let requests = 0;
    let errors = 0;
    for (const second of seconds) {
      const slot = second % this.#seconds.length;
      if (second < 0 || this.#seconds[slot] !== second || this.#requests[slot] === 0) continue;
      requests += this.#requests[slot]!;
      errors += this.#errors[slot]!;
      const histogram = this.#histograms[slot]!;
      for (let bucket = 0; bucket < BUCKETS; bucket++) merged[bucket]! += histogram[bucket]!;
    }
    const percentile = (share: number): number | undefined => {
      if (requests === 0) return undefined;
      let left = Math.ceil(requests * share);
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        left -= merged[bucket]!;
        if (left <= 0) return middleOf(bucket);
      }
      return middleOf(BUCKETS - 1);
    };
    return {
      requests,
      errors,
      p50: percentile(0.5),
      p90: percentile(0.9),
      p99: percentile(0.99),
    };
  }
}
