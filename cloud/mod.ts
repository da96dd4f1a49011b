/**
 * The stack: services composed into one program, and its web console.
 *
 * @module
 */
export * from "./default_services.ts";
export * from "./file_host.ts";
export * from "./git_service.ts";
export * from "./kv_service.ts";
export * from "./metrics.ts";
export * from "./playground_service.ts";
export * from "./redis_service.ts";
export * from "./service.ts";
export * from "./stack.ts";
export * from "./web_console.ts";
