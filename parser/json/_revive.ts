import { setMember } from "./_builder.ts";
import { JsonNumber } from "./value.ts";

/** What `JSON.parse` calls for each value, from the inside out; undefined removes it. */
export type Reviver = (this: unknown, key: string, value: unknown) => unknown;

type Holder = Record<string, unknown>;

interface Frame {
  holder: Holder;
  keys: string[];
  next: number;
}

/** Calls `reviver` on every member and item of `value`, then on itself; without recursion. */
export function revive(value: unknown, reviver: Reviver): unknown {
  const root: Holder = { "": value };
  const frames: Frame[] = [{ holder: root, keys: [""], next: 0 }];
  for (;;) {
    const frame = frames.at(-1)!;
    if (frame.next < frame.keys.length) {
      const child = frame.holder[frame.keys[frame.next]!];
      if (typeof child === "object" && child !== null && !(child instanceof JsonNumber)) {
        frames.push({ holder: child as Holder, keys: Object.keys(child), next: 0 });
      } else apply(frame, reviver);
      continue;
    }
    frames.pop();
    const parent = frames.at(-1);
    if (parent === undefined) return root[""];
    apply(parent, reviver);
  }
}

/** Revives the member that the frame is at, and steps on. */
function apply(frame: Frame, reviver: Reviver): void {
  const key = frame.keys[frame.next++]!;
  const result = reviver.call(frame.holder, key, frame.holder[key]);
  if (result === undefined) delete frame.holder[key];
  else setMember(frame.holder, key, result);
}
