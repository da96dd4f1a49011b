/**
 * What the configuration of a repository says about serving it: `uploadpack.*`, `receive.*`,
 * `transfer.*`, `uploadpackfilter.*`, `lsrefs.*`.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import type { Config } from "./config.ts";
import { hiddenRefs } from "./hidden_refs.ts";
import type { ReceivePackOptions } from "./receive_pack.ts";
import type { UploadPackOptions } from "./upload_pack.ts";

/** The name of a filter's kind, as `uploadpackfilter.<kind>.allow` has it. */
function filterKind(spec: ByteString): ByteString {
  if (spec.startsWith("blob:limit=")) return "blob:limit";
  if (spec.startsWith("tree:")) return "tree";
  if (spec.startsWith("object:type=")) return "object:type";
  if (spec.startsWith("sparse:oid=")) return "sparse:oid";
  if (spec.startsWith("combine:")) return "combine";
  return spec;
}

function filterPolicy(config: Config): ((spec: ByteString) => string | undefined) | undefined {
  if (!config.entries.some((entry) => entry.key.startsWith("uploadpackfilter."))) return undefined;
  return (spec) => {
    const kind = filterKind(spec);
    const allowed = config.bool(`uploadpackfilter.${kind}.allow`) ??
      config.bool("uploadpackfilter.allow") ?? true;
    if (!allowed) return `filter '${kind}' not supported`;
    const depth = /^tree:(\d+)$/.exec(spec);
    const limit = config.int("uploadpackfilter.tree.maxdepth");
    if (depth !== null && limit !== undefined && Number(depth[1]) > limit) {
      return `tree filter allows max depth ${limit}, but got ${depth[1]}`;
    }
    return undefined;
  };
}

/** The settings of the serving side of fetch. */
export function uploadSettings(config: Config): UploadPackOptions {
  const hideRef = hiddenRefs(config, "uploadpack");
  const any = config.bool("uploadpack.allowanysha1inwant", false) ?? false;
  const reachable = any || (config.bool("uploadpack.allowreachablesha1inwant", false) ?? false);
  const refuseFilter = filterPolicy(config);
  const keepAlive = config.int("uploadpack.keepalive");
  return {
    filter: config.bool("uploadpack.allowfilter", false) ?? false,
    allow: {
      tips: reachable || (config.bool("uploadpack.allowtipsha1inwant", false) ?? false),
      reachable,
      any,
    },
    refInWant: config.bool("uploadpack.allowrefinwant", false) ?? false,
    unborn: config.get("lsrefs.unborn") !== "ignore",
    ...(keepAlive === undefined ? {} : { keepAliveMs: Math.max(0, keepAlive) * 1000 }),
    ...(hideRef === undefined ? {} : { hideRef }),
    ...(refuseFilter === undefined ? {} : { refuseFilter }),
  };
}

/** The settings of the serving side of push that are not read where they are needed. */
export function receiveSettings(config: Config): ReceivePackOptions {
  const hideRef = hiddenRefs(config, "receive");
  return {
    ...(hideRef === undefined ? {} : { hideRef }),
    unpackLimit: config.int("receive.unpacklimit") ?? config.int("transfer.unpacklimit") ?? 100,
  };
}

/** What the first answer of a push offers. */
export function pushOffers(config: Config): { atomic: boolean; options: boolean } {
  return {
    atomic: config.bool("receive.advertiseatomic", true) ?? true,
    options: config.bool("receive.advertisepushoptions", false) ?? false,
  };
}
