import { fileHost } from "./file_host.ts";
import { gitService } from "./git_service.ts";
import { kvService } from "./kv_service.ts";
import { ormService } from "./orm_service.ts";
import { playgroundService } from "./playground_service.ts";
import { redisService } from "./redis_service.ts";
import type { Service } from "./service.ts";
import { webConsole } from "./web_console.ts";

/** Ports of {@linkcode defaultServices}; each that is left out has a default that may move. */
export interface DefaultServicesOptions {
  /** Port of the console. */
  port?: number;
  /** Port of the file host. */
  filesPort?: number;
  /** Port of the Redis server. */
  redisPort?: number;
}

/**
 * The services that `deno task start` runs, in the order in which they start. A new one is one line
 * here; the console comes last, so that it shows the others running from its first page on.
 */
export function defaultServices(options: DefaultServicesOptions = {}): Service[] {
  const { port, filesPort, redisPort } = options;
  return [
    fileHost(filesPort === undefined ? {} : { port: filesPort }),
    redisService(redisPort === undefined ? {} : { port: redisPort }),
    kvService(),
    ormService(),
    gitService(),
    playgroundService(),
    webConsole(port === undefined ? {} : { port }),
  ];
}
