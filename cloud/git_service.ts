import { join, resolve } from "@std/path";
import { createGitHost } from "../git/host.ts";
import { gitPage } from "./console/git.ts";
import { ManagedService } from "./_managed_service.ts";
import type { ConsolePage, Endpoint, Service, ServiceContext } from "./service.ts";

/** Options of {@linkcode gitService}. */
export interface GitServiceOptions {
  /**
   * Whether a push to a repository that is not there makes it.
   *
   * @default {true}
   */
  create?: boolean;
}

/**
 * A service that hosts Git repositories, kept in the folder `git` of the data folder, under `/git/`
 * of the console's port, and shows them on a page of the console. A push to a repository that is not
 * there makes it.
 */
export function gitService(options: GitServiceOptions = {}): Service {
  return new GitService(options);
}

class GitService extends ManagedService {
  readonly name = "git";
  readonly description = "Git repositories over HTTP; a push makes a new one.";
  readonly page: ConsolePage = gitPage(() => this.#host, () => this.#baseUrl());
  readonly #create: boolean;
  #context: ServiceContext | undefined;
  #host:
    | { readonly root: string; readonly fetch: (request: Request) => Promise<Response> }
    | undefined;

  constructor(options: GitServiceOptions) {
    super();
    this.#create = options.create ?? true;
  }

  /** Known once the console, which starts last, listens. */
  override get endpoints(): readonly Endpoint[] {
    const url = this.state === "running" ? this.#baseUrl() : undefined;
    if (url === undefined) return [];
    return [{
      label: "Git over HTTP",
      url,
      command: `git push ${url}project.git HEAD`,
      hint: "a push makes a new repository",
    }];
  }

  #baseUrl(): string | undefined {
    const console = this.#context?.services.find((service) => service.page?.path === "/");
    const url = console?.endpoints[0]?.url;
    return url === undefined ? undefined : `${url}git/`;
  }

  protected override async open(context: ServiceContext): Promise<Endpoint[]> {
    const root = resolve(join(context.dataDir, this.name));
    await Deno.mkdir(root, { recursive: true });
    this.#context = context;
    this.#host = {
      root,
      fetch: createGitHost({ root, basePath: "/git", create: this.#create }),
    };
    return [];
  }

  protected override close(): void {
    this.#host = undefined;
    this.#context = undefined;
  }
}
