/**
 * Dates as Git reads and writes them: seconds since 1970 and a zone of `+hhmm`.
 *
 * @module
 */
import type { ByteString } from "./_bytes.ts";
import { GitError } from "./errors.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const FULL_MONTHS = [
  "january",
  "february",
  "march",
  "april",
  "may",
  "june",
  "july",
  "august",
  "september",
  "october",
  "november",
  "december",
];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const FULL_DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const ZONES: Record<string, number> = {
  idlw: -12,
  nt: -11,
  cat: -10,
  hst: -10,
  hdt: -9,
  yst: -9,
  ydt: -8,
  pst: -8,
  pdt: -7,
  mst: -7,
  mdt: -6,
  cst: -6,
  cdt: -5,
  est: -5,
  edt: -4,
  ast: -3,
  adt: -3,
  wat: -1,
  gmt: 0,
  utc: 0,
  z: 0,
  wet: 0,
  bst: 1,
  cet: 1,
  met: 1,
  mewt: 1,
  mest: 2,
  cest: 2,
  mesz: 2,
  fwt: 1,
  fst: 2,
  eet: 2,
  eest: 3,
  wast: 7,
  wadt: 8,
  cct: 8,
  jst: 9,
  east: 10,
  eadt: 11,
  gst: 10,
  nzt: 12,
  nzst: 12,
  nzdt: 13,
  idle: 12,
};

/** A time and the zone it is shown in. */
export interface GitTime {
  /** Seconds since 1970. */
  readonly time: number;
  /** Zone as `+hhmm`. */
  readonly zone: string;
}

/** Minutes east of UTC that a zone such as `+0130` means. */
export function zoneMinutes(zone: string): number {
  const n = parseInt(zone, 10) || 0;
  const a = Math.abs(n);
  const minutes = Math.floor(a / 100) * 60 + (a % 100);
  return n < 0 ? -minutes : minutes;
}

/** Writes minutes east of UTC as `+hhmm`. */
export function formatZone(minutes: number): string {
  const a = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${String(Math.floor(a / 60)).padStart(2, "0")}${
    String(a % 60).padStart(2, "0")
  }`;
}

/** The local zone at a time. */
export function localZone(time: number): string {
  return formatZone(-new Date(time * 1000).getTimezoneOffset());
}

/** Now, in seconds; `GIT_TEST_DATE_NOW` replaces it. */
export function currentTime(override?: ByteString): number {
  return override !== undefined && override !== ""
    ? Number(override)
    : Math.floor(Date.now() / 1000);
}

/**
 * Parses a date exactly: `@seconds zone`, `seconds zone`, ISO 8601, RFC 2822 and their kin.
 * `undefined` when it is none of these.
 */
export function parseDate(text: ByteString, now: number = currentTime()): GitTime | undefined {
  const raw = /^@?(\d+) ([+-]\d{4})$/.exec(text.trim());
  if (raw !== null && (text.trim().startsWith("@") || raw[1]!.length >= 5)) {
    return { time: Number(raw[1]), zone: raw[2]! };
  }
  const at = /^@(\d+)$/.exec(text.trim());
  if (at !== null) return { time: Number(at[1]), zone: localZone(Number(at[1])) };
  if (/^\d{9,}$/.test(text.trim())) return { time: Number(text), zone: localZone(Number(text)) };
  let year = -1, month = -1, day = -1, hour = -1, minute = -1, second = -1;
  let zone: number | undefined;
  let rest = text;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const match = pattern.exec(rest);
    if (match === null) return undefined;
    rest = rest.slice(0, match.index) + " " + rest.slice(match.index + match[0].length);
    return match;
  };
  let match = take(/(^|\s)(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?=$|[\sT])T?/) as
    | RegExpExecArray
    | undefined;
  if (match !== undefined) {
    [year, month, day] = [Number(match[2]), Number(match[3]) - 1, Number(match[4])];
    if (month > 11) [month, day] = [day - 1, month + 1];
  } else if ((match = take(/(^|\s)(\d{4})(\d{2})(\d{2})T/)) !== undefined) {
    [year, month, day] = [Number(match[2]), Number(match[3]) - 1, Number(match[4])];
    const compact = take(/(\d{2})(\d{2})(\d{2})(?:\.\d+)?/);
    if (compact !== undefined) {
      [hour, minute, second] = [Number(compact[1]), Number(compact[2]), Number(compact[3])];
    }
  } else if (
    (match = take(/(^|\s)(\d{1,2})([-./])(\d{1,2})\3(\d{4}|\d{2})(?=$|\s)/)) !== undefined
  ) {
    const [a, b] = [Number(match[2]), Number(match[4])];
    year = Number(match[5]);
    if (year < 100) year += year < 70 ? 2000 : 1900;
    if ((match[3] === "." || a > 12) && b <= 12) [day, month] = [a, b - 1];
    else [month, day] = [a - 1, b];
  }
  if (hour < 0 && (match = take(/(^|\s)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?/)) !== undefined) {
    [hour, minute, second] = [Number(match[2]), Number(match[3]), Number(match[4] ?? 0)];
    if ((match = take(/^(\s*)(am|pm)\b/i)) !== undefined) {
      hour = (hour % 12) + (match[2]!.toLowerCase() === "pm" ? 12 : 0);
    }
  }
  if ((match = take(/(?:^|\s)([+-])(\d{2}):?(\d{2})(?=$|[\s(])/)) !== undefined) {
    zone = (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
  } else if ((match = take(/(?:^|\s)([+-])(\d{2})(?=$|\s)/)) !== undefined) {
    zone = (match[1] === "-" ? -1 : 1) * Number(match[2]) * 60;
  }
  for (const word of rest.split(/[\s,()]+/)) {
    if (word === "") continue;
    const low = word.toLowerCase();
    if (low.length >= 3) {
      const m = FULL_MONTHS.findIndex((name) => name.startsWith(low));
      if (m >= 0) {
        month = m;
        continue;
      }
      if (FULL_DAYS.some((name) => name.startsWith(low))) continue;
    }
    if (low in ZONES) {
      zone ??= ZONES[low]! * 60;
      continue;
    }
    const number = /^(\d{1,4})(st|nd|rd|th)?$/.exec(low);
    if (number !== null) {
      const n = Number(number[1]);
      if (number[1]!.length === 4) year = n;
      else if (day < 0 && n > 0 && n < 32) day = n;
      else if (year < 0) year = n < 70 ? 2000 + n : n < 100 ? 1900 + n : n;
      continue;
    }
    return undefined;
  }
  if (year < 0 && month < 0 && day < 0) return undefined;
  if (month < 0 || day < 0 || month > 11 || day > 31) return undefined;
  if (year < 0) {
    const today = new Date(now * 1000);
    year = today.getFullYear();
    if (month > today.getMonth()) year--;
  }
  if (hour < 0 && minute < 0) return undefined;
  if (hour > 24 || minute > 59 || second > 60) return undefined;
  if (year < 1970 || year > 2099) return undefined;
  const utc = Date.UTC(year, month, day, hour, minute, second) / 1000;
  if (zone === undefined) {
    const local = new Date(year, month, day, hour, minute, second);
    zone = -local.getTimezoneOffset();
  }
  const time = utc - zone * 60;
  return time < 0 ? undefined : { time, zone: formatZone(zone) };
}

const UNITS: Record<string, number> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86400,
  week: 604800,
};
const NUMBERS = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
];

/** Parses a date as a person would write it; what makes no sense reads as now. */
export function approximateDate(text: ByteString, now: number = currentTime()): number {
  return readApproximateDate(text, now).time;
}

/** Whether {@linkcode approximateDate} finds anything of a date in a text. */
export function isApproximateDate(text: ByteString): boolean {
  return readApproximateDate(text, currentTime()).understood;
}

function readApproximateDate(
  text: ByteString,
  now: number,
): { time: number; understood: boolean } {
  const exact = parseDate(text, now);
  if (exact !== undefined) return { time: exact.time, understood: true };
  const date = new Date(now * 1000);
  let number: number | undefined;
  let touched = false;
  let setYear = -1, setMonth = -1, setDay = -1;
  const clock = /(\d{1,2}):(\d{2})(?::(\d{2}))?/.exec(text);
  let rest = text;
  let time: [number, number, number] | undefined;
  if (clock !== null) {
    time = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
    rest = rest.replace(clock[0], " ");
    touched = true;
  }
  const iso = /(\d{4})-(\d{1,2})-(\d{1,2})/.exec(rest);
  if (iso !== null) {
    [setYear, setMonth, setDay] = [Number(iso[1]), Number(iso[2]) - 1, Number(iso[3])];
    rest = rest.replace(iso[0], " ");
    touched = true;
  }
  let relative = false;
  for (const word of rest.toLowerCase().match(/[a-z]+|\d+/g) ?? []) {
    if (/^\d/.test(word)) {
      number = Number(word);
      if (word.length === 4 && number > 1969 && number < 2100) {
        setYear = number;
        number = undefined;
        touched = true;
      }
      continue;
    }
    if (word === "now") {
      touched = true;
      continue;
    }
    if (word === "never") return { time: 0, understood: true };
    if (word === "yesterday") {
      date.setTime(date.getTime() - 86400_000);
      touched = relative = true;
      continue;
    }
    if (word === "today") {
      touched = true;
      continue;
    }
    if (word === "noon" || word === "midnight" || word === "tea") {
      const hour = word === "noon" ? 12 : word === "tea" ? 17 : 0;
      if (date.getHours() < hour && !relative) date.setTime(date.getTime() - 86400_000);
      time = [hour, 0, 0];
      touched = true;
      continue;
    }
    if (word === "am" || word === "pm") {
      const hour = number !== undefined ? number : time?.[0] ?? 0;
      time = [(hour % 12) + (word === "pm" ? 12 : 0), time?.[1] ?? 0, time?.[2] ?? 0];
      number = undefined;
      touched = true;
      continue;
    }
    if (word === "last") {
      number = 1;
      continue;
    }
    const spelled = NUMBERS.indexOf(word);
    if (spelled >= 0) {
      number = spelled;
      continue;
    }
    const single = word.replace(/s$/, "");
    if (single in UNITS) {
      date.setTime(date.getTime() - (number ?? 1) * UNITS[single]! * 1000);
      number = undefined;
      touched = relative = true;
      continue;
    }
    if (single === "month" || single === "year") {
      const n = number ?? 1;
      if (single === "month") date.setMonth(date.getMonth() - n);
      else date.setFullYear(date.getFullYear() - n);
      number = undefined;
      touched = relative = true;
      continue;
    }
    if (word.length >= 3) {
      const weekday = FULL_DAYS.findIndex((name) => name.startsWith(word));
      if (weekday >= 0) {
        let diff = date.getDay() - weekday;
        let n = number ?? 0;
        number = undefined;
        if (diff <= 0) n++;
        diff += 7 * n;
        if (diff > 7 && n === 1 && date.getDay() - weekday > 0) diff -= 7;
        date.setTime(date.getTime() - diff * 86400_000);
        touched = relative = true;
        continue;
      }
      const month = FULL_MONTHS.findIndex((name) => name.startsWith(word));
      if (month >= 0) {
        setMonth = month;
        touched = true;
        continue;
      }
    }
  }
  if (number !== undefined) {
    if (setDay < 0 && number < 32 && setMonth >= 0) setDay = number;
    else if (setDay < 0 && number < 32 && touched) setDay = number;
  }
  if (setYear >= 0) date.setFullYear(setYear);
  if (setMonth >= 0) {
    if (setYear < 0 && setMonth > date.getMonth()) date.setFullYear(date.getFullYear() - 1);
    date.setMonth(setMonth, setDay >= 0 ? setDay : date.getDate());
  } else if (setDay >= 0) date.setDate(setDay);
  if (time !== undefined) date.setHours(time[0], time[1], time[2]);
  return { time: Math.floor(date.getTime() / 1000), understood: touched };
}

/** How {@linkcode formatDate} writes. */
export interface DateMode {
  /** `default`, `iso`, `iso-strict`, `rfc`, `short`, `raw`, `unix`, `relative`, `human` or `format`. */
  readonly type: string;
  /** Show in the local zone. */
  readonly local?: boolean;
  /** A strftime pattern, for `format`. */
  readonly pattern?: ByteString;
}

/** Parses `--date=`. Throws `GitError` ("usage"). */
export function parseDateMode(text: ByteString): DateMode {
  if (text.startsWith("format:")) return { type: "format", pattern: text.slice(7) };
  if (text.startsWith("format-local:")) {
    return { type: "format", pattern: text.slice(13), local: true };
  }
  if (text.startsWith("auto:")) return { type: "default" };
  let base = text;
  let local = false;
  if (text === "local") return { type: "default", local: true };
  if (text.endsWith("-local")) {
    base = text.slice(0, -6);
    local = true;
  }
  const names: Record<string, string> = {
    default: "default",
    iso: "iso",
    iso8601: "iso",
    "iso-strict": "iso-strict",
    "iso8601-strict": "iso-strict",
    rfc: "rfc",
    rfc2822: "rfc",
    short: "short",
    raw: "raw",
    unix: "unix",
    relative: "relative",
    human: "human",
    normal: "default",
  };
  const type = names[base];
  if (type === undefined) throw new GitError("usage", `unknown date format ${text}`);
  return local ? { type, local: true } : { type };
}

function pad(n: number, width = 2): string {
  return String(n).padStart(width, "0");
}

/** Writes a time. `now` (seconds) is what relative dates count from. */
export function formatDate(
  time: number,
  zoneText: string,
  mode: DateMode,
  now: number = currentTime(),
): ByteString {
  if (mode.type === "unix") return String(time);
  const zone = mode.local ? localZone(time) : zoneText;
  if (mode.type === "raw") return `${time} ${zone}`;
  if (mode.type === "relative") return relativeDate(time, now);
  const minutes = zoneMinutes(zone);
  const date = new Date((time + minutes * 60) * 1000);
  if (Number.isNaN(date.getTime())) return formatDate(0, "+0000", mode, now);
  const [y, mo, d, h, mi, s, w] = [
    date.getUTCFullYear(),
    date.getUTCMonth(),
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    date.getUTCDay(),
  ];
  const clock = `${pad(h)}:${pad(mi)}:${pad(s)}`;
  const shown = formatZone(minutes);
  switch (mode.type) {
    case "short":
      return `${pad(y, 4)}-${pad(mo + 1)}-${pad(d)}`;
    case "iso":
      return `${pad(y, 4)}-${pad(mo + 1)}-${pad(d)} ${clock} ${shown}`;
    case "iso-strict": {
      const suffix = minutes === 0 ? "Z" : `${shown.slice(0, 3)}:${shown.slice(3)}`;
      return `${pad(y, 4)}-${pad(mo + 1)}-${pad(d)}T${clock}${minutes === 0 ? "+00:00" : suffix}`;
    }
    case "rfc":
      return `${DAYS[w]}, ${d} ${MONTHS[mo]} ${y} ${clock} ${shown}`;
    case "human": {
      const here = new Date((now + zoneMinutes(localZone(now)) * 60) * 1000);
      const sameYear = here.getUTCFullYear() === y;
      const sameMonth = sameYear && here.getUTCMonth() === mo;
      const days = here.getUTCDate() - d;
      if (sameMonth && days === 0) return relativeDate(time, now);
      if (sameMonth && days > 0 && days < 5) {
        const showZone = !mode.local && zone !== localZone(now);
        return `${DAYS[w]} ${pad(h)}:${pad(mi)}${showZone ? ` ${shown}` : ""}`;
      }
      if (sameYear) return `${DAYS[w]} ${MONTHS[mo]} ${d} ${pad(h)}:${pad(mi)}`;
      return `${MONTHS[mo]} ${d} ${y}`;
    }
    case "format":
      return strftime(mode.pattern ?? "", date, time, shown, mode.local ?? false);
    default:
      return `${DAYS[w]} ${MONTHS[mo]} ${d} ${clock} ${y}${mode.local ? "" : ` ${shown}`}`;
  }
}

function strftime(
  pattern: ByteString,
  date: Date,
  time: number,
  zone: string,
  local: boolean,
): ByteString {
  const [y, mo, d, h, mi, s, w] = [
    date.getUTCFullYear(),
    date.getUTCMonth(),
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    date.getUTCDay(),
  ];
  const start = Date.UTC(y, 0, 1);
  const yearDay = Math.floor((date.getTime() - start) / 86400_000);
  const twelve = h % 12 === 0 ? 12 : h % 12;
  const title = (text: string): string => text[0]!.toUpperCase() + text.slice(1);
  const one = (c: string): string => {
    switch (c) {
      case "Y":
        return String(y);
      case "C":
        return pad(Math.floor(y / 100));
      case "y":
        return pad(y % 100);
      case "m":
        return pad(mo + 1);
      case "d":
        return pad(d);
      case "e":
        return String(d).padStart(2, " ");
      case "H":
        return pad(h);
      case "k":
        return String(h).padStart(2, " ");
      case "I":
        return pad(twelve);
      case "l":
        return String(twelve).padStart(2, " ");
      case "M":
        return pad(mi);
      case "S":
        return pad(s);
      case "s":
        return String(time);
      case "p":
        return h < 12 ? "AM" : "PM";
      case "P":
        return h < 12 ? "am" : "pm";
      case "a":
        return DAYS[w]!;
      case "A":
        return title(FULL_DAYS[w]!);
      case "b":
      case "h":
        return MONTHS[mo]!;
      case "B":
        return title(FULL_MONTHS[mo]!);
      case "j":
        return pad(yearDay + 1, 3);
      case "u":
        return String(w === 0 ? 7 : w);
      case "w":
        return String(w);
      case "U":
        return pad(Math.floor((yearDay + 7 - w) / 7));
      case "W":
        return pad(Math.floor((yearDay + 7 - ((w + 6) % 7)) / 7));
      case "z":
        return zone;
      case "Z":
        return local ? (zone === "+0000" ? "UTC" : zone) : "";
      case "n":
        return "\n";
      case "t":
        return "\t";
      case "%":
        return "%";
      case "F":
        return `${pad(y, 4)}-${pad(mo + 1)}-${pad(d)}`;
      case "T":
        return `${pad(h)}:${pad(mi)}:${pad(s)}`;
      case "X":
        return `${pad(h)}:${pad(mi)}:${pad(s)}`;
      case "R":
        return `${pad(h)}:${pad(mi)}`;
      case "r":
        return `${pad(twelve)}:${pad(mi)}:${pad(s)} ${h < 12 ? "AM" : "PM"}`;
      case "D":
      case "x":
        return `${pad(mo + 1)}/${pad(d)}/${pad(y % 100)}`;
      case "c":
        return `${DAYS[w]} ${MONTHS[mo]} ${String(d).padStart(2, " ")} ${pad(h)}:${pad(mi)}:${
          pad(s)
        } ${y}`;
      default:
        return `%${c}`;
    }
  };
  return pattern.replace(/%(.)/g, (_, c: string) => one(c));
}

/** "3 days ago" and the like. */
export function relativeDate(time: number, now: number): ByteString {
  if (now < time) return "in the future";
  const say = (n: number, unit: string): string => `${n} ${unit}${n === 1 ? "" : "s"} ago`;
  let diff = now - time;
  if (diff < 90) return say(diff, "second");
  diff = Math.floor((diff + 30) / 60);
  if (diff < 90) return say(diff, "minute");
  diff = Math.floor((diff + 30) / 60);
  if (diff < 36) return say(diff, "hour");
  diff = Math.floor((diff + 12) / 24);
  if (diff < 14) return say(diff, "day");
  if (diff < 70) return say(Math.floor((diff + 3) / 7), "week");
  if (diff < 365) return say(Math.floor((diff + 15) / 30), "month");
  if (diff < 1825) {
    const total = Math.floor((diff * 12 * 2 + 365) / (365 * 2));
    const years = Math.floor(total / 12);
    const months = total % 12;
    if (months === 0) return say(years, "year");
    return `${years} year${years === 1 ? "" : "s"}, ${say(months, "month")}`;
  }
  return say(Math.floor((diff + 183) / 365), "year");
}
