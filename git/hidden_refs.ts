/**
 * Refs that are neither shown nor taken (`transfer.hideRefs`, `uploadpack.hideRefs`,
 * `receive.hideRefs`).
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import type { Config } from "./config.ts";

/**
 * A test for hidden refs; `undefined` when nothing is hidden. A pattern hides a ref and what is
 * below it; `!` in front shows it again; the last pattern that matches decides.
 */
export function hiddenRefs(
  config: Config,
  section: "uploadpack" | "receive",
): ((name: ByteString) => boolean) | undefined {
  const patterns = config.entries.filter((entry) =>
    entry.key === "transfer.hiderefs" || entry.key === `${section}.hiderefs`
  ).map((entry) => (entry.value ?? "").replace(/\/+$/, "")).reverse();
  if (patterns.length === 0) return undefined;
  return (name) => {
    for (const pattern of patterns) {
      const shown = pattern.startsWith("!");
      const plain = pattern.replace(/^!?\^?/, "");
      if (plain !== "" && (name === plain || name.startsWith(`${plain}/`))) return !shown;
    }
    return false;
  };
}
