/** Geo commands: positions as 52-bit interleaved hashes in the scores of a sorted set. */
import type { Client } from "./_client.ts";
import type { CommandRow } from "./_engine.ts";
import { double, natural } from "./_args.ts";
import { CommandError, SYNTAX_ERROR, ZSetValue } from "./_values.ts";

const LATITUDE_MAX = 85.05112878;
const EARTH_RADIUS_M = 6372797.560856;
const RADIANS = Math.PI / 180;
const ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz";

function interleave(latitude: number, longitude: number): number {
  let hash = 0;
  for (let i = 25; i >= 0; i--) {
    hash = hash * 4 + (Math.floor(longitude / 2 ** i) % 2) * 2 + Math.floor(latitude / 2 ** i) % 2;
  }
  return hash;
}

function encode(longitude: number, latitude: number, latitudeMax = LATITUDE_MAX): number {
  const y = Math.floor((latitude + latitudeMax) / (2 * latitudeMax) * 2 ** 26);
  const x = Math.floor((longitude + 180) / 360 * 2 ** 26);
  return interleave(Math.min(y, 2 ** 26 - 1), Math.min(x, 2 ** 26 - 1));
}

/** The rectangle of a cell: an interleaved hash of `2 * bits` bits. */
interface Cell {
  west: number;
  east: number;
  south: number;
  north: number;
}

function cellOf(x: number, y: number, bits: number): Cell {
  const scale = 2 ** bits;
  return {
    west: -180 + x / scale * 360,
    east: -180 + (x + 1) / scale * 360,
    south: -LATITUDE_MAX + y / scale * (2 * LATITUDE_MAX),
    north: -LATITUDE_MAX + (y + 1) / scale * (2 * LATITUDE_MAX),
  };
}

function decode(hash: number): [number, number] {
  let x = 0;
  let y = 0;
  // Halves of 26 bits: bit operations are much cheaper than divisions.
  for (let half = Math.floor(hash / 2 ** 26), n = 0; n < 2; n++, half = hash % 2 ** 26) {
    for (let i = 24; i >= 0; i -= 2) {
      x = x * 2 + (half >>> (i + 1) & 1);
      y = y * 2 + (half >>> i & 1);
    }
  }
  const { west, east, south, north } = cellOf(x, y, 26);
  const longitude = Math.min(180, Math.max(-180, (west + east) / 2));
  const latitude = Math.min(LATITUDE_MAX, Math.max(-LATITUDE_MAX, (south + north) / 2));
  return [longitude, latitude];
}

/** Metres between two positions, by the haversine formula. */
function distance(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const u = Math.sin((lat2 * RADIANS - lat1 * RADIANS) / 2);
  const v = Math.sin((lon2 * RADIANS - lon1 * RADIANS) / 2);
  if (v === 0) return EARTH_RADIUS_M * Math.abs(lat2 * RADIANS - lat1 * RADIANS);
  const a = u * u + Math.cos(lat1 * RADIANS) * Math.cos(lat2 * RADIANS) * v * v;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(a));
}

function position(longitudeText: string, latitudeText: string): [number, number] {
  const longitude = double(longitudeText);
  const latitude = double(latitudeText);
  if (
    !(longitude >= -180 && longitude <= 180 && latitude >= -LATITUDE_MAX &&
      latitude <= LATITUDE_MAX)
  ) {
    throw new CommandError(
      `ERR invalid longitude,latitude pair ${longitude.toFixed(6)},${latitude.toFixed(6)}`,
    );
  }
  return [longitude, latitude];
}

const UNITS: Record<string, number> = { m: 1, km: 1000, ft: 0.3048, mi: 1609.34 };

function unit(text: string): number {
  const metres = UNITS[text.toLowerCase()];
  if (metres === undefined) {
    throw new CommandError("ERR unsupported unit provided. please use M, KM, FT, MI");
  }
  return metres;
}

function geoadd(client: Client, args: string[]): void {
  const { engine } = client;
  let at = 2;
  while (at < args.length && /^(?:nx|xx|ch)$/i.test(args[at]!)) at++;
  const options = args.slice(2, at);
  if ((args.length - at) % 3 !== 0 || args.length === at) throw SYNTAX_ERROR;
  const lower = options.map((option) => option.toLowerCase());
  if (lower.includes("nx") && lower.includes("xx")) throw SYNTAX_ERROR;
  const request = ["zadd", args[1]!, ...options];
  for (; at < args.length; at += 3) {
    const [longitude, latitude] = position(args[at]!, args[at + 1]!);
    request.push(String(encode(longitude, latitude)), args[at + 2]!);
  }
  const outer = engine.currentName;
  engine.currentName = "zadd";
  try {
    engine.commands.get("zadd")!.run(client, request);
  } finally {
    engine.currentName = outer;
  }
  engine.rewritten = [["ZADD", ...request.slice(1)]];
}

function geohash(client: Client, args: string[]): void {
  const zset = client.db.readZSet(args[1]!);
  client.array(args.length - 2);
  for (const member of args.slice(2)) {
    const score = zset?.scores.get(member);
    if (score === undefined) {
      client.null();
      continue;
    }
    const [longitude, latitude] = decode(score);
    const hash = encode(longitude, latitude, 90);
    let text = "";
    for (let i = 0; i < 11; i++) {
      text += ALPHABET[i === 10 ? 0 : Math.floor(hash / 2 ** (52 - (i + 1) * 5)) % 32];
    }
    client.bulk(text);
  }
}

/** A coordinate with 17 decimals, without trailing zeros. */
function coordinate(client: Client, value: number): void {
  if (client.resp === 3) return client.double(value);
  const text = value.toFixed(17);
  client.bulk(text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text);
}

function geopos(client: Client, args: string[]): void {
  const zset = client.db.readZSet(args[1]!);
  client.array(args.length - 2);
  for (const member of args.slice(2)) {
    const score = zset?.scores.get(member);
    if (score === undefined) {
      client.nullArray();
      continue;
    }
    const [longitude, latitude] = decode(score);
    client.array(2);
    coordinate(client, longitude);
    coordinate(client, latitude);
  }
}

function geodist(client: Client, args: string[]): void {
  const metres = args.length === 5 ? unit(args[4]!) : 1;
  if (args.length > 5) throw SYNTAX_ERROR;
  const zset = client.db.readZSet(args[1]!);
  const a = zset?.scores.get(args[2]!);
  const b = zset?.scores.get(args[3]!);
  if (a === undefined || b === undefined) return client.null();
  client.bulk((distance(...decode(a), ...decode(b)) / metres).toFixed(4));
}

interface Shape {
  longitude: number;
  latitude: number;
  radius: number | undefined;
  width: number;
  height: number;
  metres: number;
}

/** Metres from the centre when a position is inside, else undefined. */
function inside(shape: Shape, longitude: number, latitude: number): number | undefined {
  const away = distance(shape.longitude, shape.latitude, longitude, latitude);
  if (shape.radius !== undefined) return away <= shape.radius ? away : undefined;
  if (distance(longitude, latitude, longitude, shape.latitude) > shape.height / 2) return undefined;
  if (distance(longitude, latitude, shape.longitude, latitude) > shape.width / 2) return undefined;
  return away;
}

/** Half the length of the Mercator projection's side, in metres. */
const MERCATOR_MAX_M = 20037726.37;

/** Bits an axis of the cells that a search looks at: nine of them cover the range. */
function bitsFor(metres: number, latitude: number): number {
  if (metres === 0) return 26;
  let bits = 1;
  for (let range = metres; range < MERCATOR_MAX_M; range *= 2) bits++;
  bits -= 2;
  // Meridians are closer to each other near the poles.
  if (Math.abs(latitude) > 66) bits--;
  if (Math.abs(latitude) > 80) bits--;
  return Math.min(26, Math.max(1, bits));
}

/** A range of scores, the upper end not included. */
interface ScoreRange {
  from: number;
  to: number;
}

/**
 * The ranges of scores that a shape can be in: the cell of its centre and those around it, in the order
 * in which a real server searches them (results that are not sorted come in that order).
 *
 * Source: the neighbour search over interleaved geohashes of Redis.
 */
function rangesOf(shape: Shape): ScoreRange[] {
  const { longitude, latitude } = shape;
  const halfHeight = shape.radius ?? shape.height / 2;
  const halfWidth = shape.radius ?? shape.width / 2;
  const reach = shape.radius ?? Math.hypot(halfHeight, halfWidth);
  const upDegrees = halfHeight / EARTH_RADIUS_M / RADIANS;
  const sideDegrees = (at: number): number =>
    halfWidth / EARTH_RADIUS_M / Math.cos(at * RADIANS) / RADIANS;
  // The parallel nearer to the pole spans more degrees.
  const side = latitude < 0 ? sideDegrees(latitude - upDegrees) : sideDegrees(latitude + upDegrees);
  const bounds: Cell = {
    west: longitude - side,
    east: longitude + side,
    south: latitude - upDegrees,
    north: latitude + upDegrees,
  };
  let bits = bitsFor(reach, latitude);
  const place = (): [number, number, Cell] => {
    const scale = 2 ** bits;
    const x = Math.min(scale - 1, Math.floor((longitude + 180) / 360 * scale));
    const y = Math.min(
      scale - 1,
      Math.floor((latitude + LATITUDE_MAX) / (2 * LATITUDE_MAX) * scale),
    );
    return [x, y, cellOf(x, y, bits)];
  };
  let [x, y, cell] = place();
  // Neighbours wrap around; one that does never reaches far enough, which asks for larger cells.
  const cells = 2 ** bits;
  const wrap = (value: number): number => (value + cells) % cells;
  if (
    bits > 1 &&
    (cellOf(x, wrap(y + 1), bits).north < bounds.north ||
      cellOf(x, wrap(y - 1), bits).south > bounds.south ||
      cellOf(wrap(x + 1), y, bits).east < bounds.east ||
      cellOf(wrap(x - 1), y, bits).west > bounds.west)
  ) {
    bits--;
    [x, y, cell] = place();
  }
  const useAll = bits < 2;
  const north = useAll || cell.north <= bounds.north;
  const south = useAll || cell.south >= bounds.south;
  const east = useAll || cell.east <= bounds.east;
  const west = useAll || cell.west >= bounds.west;
  const scale = 2 ** bits;
  const shift = 4 ** (26 - bits);
  const ranges: ScoreRange[] = [];
  let last = -1;
  const add = (used: boolean, dx: number, dy: number): void => {
    if (!used) return;
    const hash = interleave((y + dy + scale) % scale, (x + dx + scale) % scale);
    // With very few cells the neighbours of both sides are the same one.
    if (hash === last) return;
    last = hash;
    ranges.push({ from: hash * shift, to: (hash + 1) * shift });
  };
  add(true, 0, 0);
  add(north, 0, 1);
  add(south, 0, -1);
  add(east, 1, 0);
  add(west, -1, 0);
  add(north && east, 1, 1);
  add(north && west, -1, 1);
  add(south && east, 1, -1);
  add(south && west, -1, -1);
  return ranges;
}

type Kind = "radius" | "member" | "search";

function search(
  client: Client,
  args: string[],
  kind: Kind,
  storing: boolean,
  readOnly: boolean,
): void {
  const { db, engine } = client;
  const keyAt = kind === "search" && storing ? 2 : 1;
  const zset = db.readZSet(args[keyAt]!);
  let centre: [number, number] | undefined;
  let radius: number | undefined;
  let box: [number, number] | undefined;
  let metres = 1;
  let at = keyAt + 1;
  const positive = (text: string, name: string): number => {
    const value = double(text, new CommandError(`ERR need numeric ${name}`));
    if (value < 0) throw new CommandError(`ERR ${name} cannot be negative`);
    return value;
  };
  const memberPosition = (member: string): [number, number] | undefined => {
    if (zset === undefined) return undefined;
    const score = zset.scores.get(member);
    if (score === undefined) throw new CommandError("ERR could not decode requested zset member");
    return decode(score);
  };
  let fromMember = false;
  if (kind === "radius") {
    centre = position(args[at]!, args[at + 1]!);
    radius = positive(args[at + 2]!, "radius");
    metres = unit(args[at + 3]!);
    at += 4;
  } else if (kind === "member") {
    fromMember = true;
    centre = memberPosition(args[at]!);
    radius = positive(args[at + 1]!, "radius");
    metres = unit(args[at + 2]!);
    at += 3;
  }
  let withDistance = false;
  let withHash = false;
  let withCoordinates = false;
  let order: "asc" | "desc" | undefined;
  let count = 0;
  let any = false;
  let target: string | undefined = kind === "search" && storing ? args[1]! : undefined;
  let storeDistance = false;
  for (; at < args.length; at++) {
    const option = args[at]!.toLowerCase();
    const rest = args.length - at - 1;
    if (option === "withdist") withDistance = true;
    else if (option === "withhash") withHash = true;
    else if (option === "withcoord") withCoordinates = true;
    else if (option === "any") any = true;
    else if (option === "asc" || option === "desc") order = option;
    else if (option === "count" && rest >= 1) {
      count = natural(args[++at]!, new CommandError("ERR COUNT must be > 0"));
      if (count <= 0) throw new CommandError("ERR COUNT must be > 0");
    } else if (
      kind !== "search" && !readOnly && (option === "store" || option === "storedist") && rest >= 1
    ) {
      target = args[++at]!;
      storeDistance = option === "storedist";
    } else if (
      kind === "search" && option === "frommember" && rest >= 1 && centre === undefined &&
      !fromMember
    ) {
      fromMember = true;
      centre = memberPosition(args[++at]!);
    } else if (
      kind === "search" && option === "fromlonlat" && rest >= 2 && centre === undefined &&
      !fromMember
    ) {
      centre = position(args[at + 1]!, args[at + 2]!);
      at += 2;
    } else if (
      kind === "search" && option === "byradius" && rest >= 2 && radius === undefined &&
      box === undefined
    ) {
      radius = positive(args[at + 1]!, "radius");
      metres = unit(args[at + 2]!);
      at += 2;
    } else if (
      kind === "search" && option === "bybox" && rest >= 3 && radius === undefined &&
      box === undefined
    ) {
      const width = double(args[at + 1]!, new CommandError("ERR need numeric width"));
      const height = double(args[at + 2]!, new CommandError("ERR need numeric height"));
      if (width < 0 || height < 0) throw new CommandError("ERR height or width cannot be negative");
      box = [width, height];
      metres = unit(args[at + 3]!);
      at += 3;
    } else if (kind === "search" && storing && option === "storedist") storeDistance = true;
    else throw SYNTAX_ERROR;
  }
  const name = engine.currentName.toUpperCase();
  if (target !== undefined && (withDistance || withHash || withCoordinates)) {
    throw new CommandError(
      kind === "search"
        ? "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
        : `ERR STORE option in ${name} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`,
    );
  }
  if (kind === "search" && centre === undefined && !fromMember) {
    throw new CommandError(
      `ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${name.toLowerCase()}`,
    );
  }
  if (kind === "search" && radius === undefined && box === undefined) {
    throw new CommandError(
      `ERR exactly one of BYRADIUS and BYBOX can be specified for ${name.toLowerCase()}`,
    );
  }
  if (any && count === 0) throw new CommandError("ERR the ANY argument requires COUNT argument");
  const found: { member: string; score: number; away: number; lon: number; lat: number }[] = [];
  if (zset !== undefined && centre !== undefined) {
    const shape: Shape = {
      longitude: centre[0],
      latitude: centre[1],
      radius: radius === undefined ? undefined : radius * metres,
      width: (box?.[0] ?? 0) * metres,
      height: (box?.[1] ?? 0) * metres,
      metres,
    };
    for (const { from, to } of rangesOf(shape)) {
      if (any && found.length === count) break;
      for (const { member, score } of zset.order.between(from, to)) {
        const [lon, lat] = decode(score);
        const away = inside(shape, lon, lat);
        if (away === undefined) continue;
        found.push({ member, score, away, lon, lat });
        if (any && found.length === count) break;
      }
    }
  }
  if (order === undefined && count > 0 && !any) order = "asc";
  if (order === "asc") found.sort((a, b) => a.away - b.away);
  else if (order === "desc") found.sort((a, b) => b.away - a.away);
  const kept = count > 0 ? found.slice(0, count) : found;
  if (target !== undefined) {
    if (kept.length === 0) {
      if (db.peek(target) !== undefined && db.remove(target)) {
        db.touch(target);
        engine.notify("g", "del", target, db.index);
      }
      return client.int(0);
    }
    const result = new ZSetValue();
    for (const each of kept) {
      result.set(each.member, storeDistance ? each.away / metres : each.score);
    }
    db.put(target, result);
    db.touch(target, result);
    engine.notify("z", kind === "search" ? "geosearchstore" : "georadiusstore", target, db.index);
    return client.int(kept.length);
  }
  client.array(kept.length);
  const extras = Number(withDistance) + Number(withHash) + Number(withCoordinates);
  for (const each of kept) {
    if (extras > 0) client.array(extras + 1);
    client.bulk(each.member);
    if (withDistance) client.bulk((each.away / metres).toFixed(4));
    if (withHash) client.int(each.score);
    if (withCoordinates) {
      client.array(2);
      coordinate(client, each.lon);
      coordinate(client, each.lat);
    }
  }
}

function radiusKeys(args: string[]): number[] {
  const positions = [1];
  for (let i = 5; i < args.length - 1; i++) {
    if (/^store(?:dist)?$/i.test(args[i]!)) positions[1] = i + 1;
  }
  return positions;
}

/** The table. */
export const GEO_COMMANDS: readonly CommandRow[] = [
  ["geoadd", -5, "wm", 1, 1, 1, geoadd, "Adds positions to a geo set"],
  ["geohash", -2, "r", 1, 1, 1, geohash, "Geohash texts of members"],
  ["geopos", -2, "r", 1, 1, 1, geopos, "Positions of members"],
  ["geodist", -4, "r", 1, 1, 1, geodist, "Distance between two members"],
  [
    "geosearch",
    -7,
    "r",
    1,
    1,
    1,
    (c, a) => search(c, a, "search", false, true),
    "Members in a circle or a box",
  ],
  [
    "geosearchstore",
    -8,
    "wm",
    1,
    2,
    1,
    (c, a) => search(c, a, "search", true, false),
    "Stores the members in a circle or a box",
  ],
  [
    "georadius",
    -6,
    "wmk",
    1,
    1,
    1,
    (c, a) => search(c, a, "radius", false, false),
    "Members in a circle (old name)",
    radiusKeys,
  ],
  [
    "georadius_ro",
    -6,
    "r",
    1,
    1,
    1,
    (c, a) => search(c, a, "radius", false, true),
    "Members in a circle, without storing",
  ],
  [
    "georadiusbymember",
    -5,
    "wmk",
    1,
    1,
    1,
    (c, a) => search(c, a, "member", false, false),
    "Members around a member (old name)",
    radiusKeys,
  ],
  [
    "georadiusbymember_ro",
    -5,
    "r",
    1,
    1,
    1,
    (c, a) => search(c, a, "member", false, true),
    "Members around a member, without storing",
  ],
];
