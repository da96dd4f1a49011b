/** An ordered, crash-safe key-value store in LevelDB's on-disk format. @module */
export * from "./database.ts";
export * from "./errors.ts";
export * from "./file_system.ts";
