import { fileHost } from "./file_host.ts";
import type { Service } from "./service.ts";
import { webConsole } from "./web_console.ts";

/** Ports of {@linkcode defaultServices}; each that is left out has a default that may move. */
export interface DefaultServicesOptions {
  /** Port of the console. */
  port?: number;
  /** Port of the file host. */
  filesPort?: number;
}

/**
 * The services that `deno task start` runs, in the order in which they start. A new one is one line
 * here; the console comes last, so that it shows the others running from its first page on.
 */
export function defaultServices(options: DefaultServicesOptions = {}): Service[] {
  const { port, filesPort } = options;
  return [
    fileHost(filesPort === undefined ? {} : { port: filesPort }),
    webConsole(port === undefined ? {} : { port }),
  ];
}
