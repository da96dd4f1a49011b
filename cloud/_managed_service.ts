/** The life of a service, kept in one place: states, endpoints, and starting and stopping in order. */
import type { Endpoint, Service, ServiceContext, ServiceState } from "./service.ts";

/** A service of which only the opening and the closing is its own. */
export abstract class ManagedService implements Service {
  abstract readonly name: string;
  abstract readonly description: string;
  #state: ServiceState = "stopped";
  #endpoints: readonly Endpoint[] = [];

  get state(): ServiceState {
    return this.#state;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  async start(context: ServiceContext): Promise<void> {
    this.#state = "starting";
    try {
      this.#endpoints = await this.open(context);
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
    this.#state = "running";
  }

  async stop(signal: AbortSignal): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "stopping";
    this.#endpoints = [];
    await this.close(signal);
    this.#state = "stopped";
  }

  /** Begins to serve, and tells where. When it rejects it holds nothing. */
  protected abstract open(context: ServiceContext): Promise<Endpoint[]> | Endpoint[];

  /** Lets go of everything; called at most once for each opening. */
  protected abstract close(signal: AbortSignal): Promise<void> | void;

  /** What was open has ended by itself. */
  protected ended(): void {
    this.#state = "failed";
    this.#endpoints = [];
  }
}
