/** Capability states as text and as file attributes: cap_to_text(3), cap_from_text(3), `struct vfs_cap_data`; libcap 2.66. */

import { CAP_LAST_CAP, type CapSet, capBit, capNames } from "../../abi/capability.ts";
import type { CapData } from "../../abi/sys.ts";

const E = 1;
const P = 2;
const I = 4;

const letters = (bits: number): string => `${bits & E ? "e" : ""}${bits & I ? "i" : ""}${bits & P ? "p" : ""}`;

/** `cap_chown`; the number where there is no name. */
export const capName = (cap: number): string => (capNames[cap] === undefined ? String(cap) : `cap_${capNames[cap]}`);

/** The number of `cap_chown` or of `0`; undefined where there is none. */
export function findCap(text: string): number | undefined {
  if (/^[0-9]+$/.test(text)) return Number(text) <= CAP_LAST_CAP ? Number(text) : undefined;
  const word = text.toLowerCase();
  const cap = word.startsWith("cap_") ? capNames.indexOf(word.slice(4)) : -1;
  return cap < 0 ? undefined : cap;
}

/** `cap_chown,cap_kill`, in the order of the numbers. */
export function listText(set: CapSet): string {
  const names: string[] = [];
  for (let cap = 0; set >> BigInt(cap) > 0n; cap++) if ((set & capBit(cap)) !== 0n) names.push(capName(cap));
  return names.join(",");
}

function flagsOf(data: CapData, cap: number): number {
  const bit = capBit(cap);
  return (data.effective & bit ? E : 0) | (data.permitted & bit ? P : 0) | (data.inheritable & bit ? I : 0);
}

/** cap_to_text(3): the combination that most have comes first as `=…`, then what differs from it. */
export function capToText(data: CapData): string {
  const groups: number[][] = Array.from({ length: 8 }, () => []);
  for (let cap = 0; cap <= CAP_LAST_CAP; cap++) groups[flagsOf(data, cap)]?.push(cap);
  const size = (t: number): number => groups[t]?.length ?? 0;
  let base = 7;
  for (let t = 6; t >= 0; t--) if (size(t) > size(base)) base = t;
  const words: string[] = base === 0 ? [] : [`=${letters(base)}`];
  for (let t = 7; t >= 0; t--) {
    if (t === base || size(t) === 0) continue;
    const more = t & ~base;
    const less = base & ~t;
    const op = words.length === 0 ? "=" : "+";
    words.push(`${groups[t]?.map(capName).join(",")}${more ? op + letters(more) : ""}${less ? `-${letters(less)}` : ""}`);
  }
  return words.length === 0 ? "=" : words.join(" ");
}

/** cap_from_text(3); undefined where it fails with EINVAL. */
export function capFromText(text: string): CapData | undefined {
  const flags = new Array<number>(CAP_LAST_CAP + 1).fill(0);
  for (const clause of text.split(/\s+/).filter((w) => w !== "")) {
    const match = /^([^=+-]*)((?:[=+-][eip]*)+)$/i.exec(clause);
    if (match === null) return undefined;
    const [, names = "", operations = ""] = match;
    if (names === "" && !operations.startsWith("=")) return undefined;
    const caps = names === "" || names.toLowerCase() === "all" ? [...flags.keys()] : names.split(",").map(findCap);
    for (const [, op, set = ""] of operations.matchAll(/([=+-])([eip]*)/gi)) {
      const low = set.toLowerCase();
      const bits = (low.includes("e") ? E : 0) | (low.includes("p") ? P : 0) | (low.includes("i") ? I : 0);
      if (bits === 0 && op !== "=") return undefined;
      for (const cap of caps) {
        if (cap === undefined) return undefined;
        const old = flags[cap] ?? 0;
        flags[cap] = op === "=" ? bits : op === "+" ? old | bits : old & ~bits;
      }
    }
  }
  const setOf = (bit: number): CapSet => flags.reduce((set, f, cap) => ((f & bit) !== 0 ? set | capBit(cap) : set), 0n);
  return { effective: setOf(E), permitted: setOf(P), inheritable: setOf(I) };
}

/** cap_iab_to_text(3): inheritable, ambient (^) and blocked (!) capabilities. */
export function iabText(inheritable: CapSet, amb: CapSet, bound: CapSet): string {
  const words: string[] = [];
  for (let cap = 0; cap <= CAP_LAST_CAP; cap++) {
    const bit = capBit(cap);
    const blocked = (bound & bit) === 0n;
    const [i, a] = [(inheritable & bit) !== 0n, (amb & bit) !== 0n];
    if (blocked || i || a) words.push(`${blocked ? "!" : ""}${a ? "^" : blocked && i ? "%" : ""}${capName(cap)}`);
  }
  return words.join(",");
}

/** The name of the attribute that holds a file's capabilities. */
export const CAP_XATTR = "security.capability";

const REVISION_2 = 0x02000000;
const REVISION_3 = 0x03000000;
const EFFECTIVE = 1;
const SIZE_2 = 20;

/** What an attribute says; undefined where it is not understood. */
export function decodeFileCaps(bytes: Uint8Array): (CapData & { readonly rootUid: number }) | undefined {
  if (bytes.length < SIZE_2) return undefined;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = v.getUint32(0, true);
  const revision = (magic & 0xff000000) >>> 0;
  if (revision !== REVISION_2 && revision !== REVISION_3) return undefined;
  const set = (at: number): CapSet => BigInt(v.getUint32(at, true)) | (BigInt(v.getUint32(at + 8, true)) << 32n);
  const permitted = set(4);
  const inheritable = set(8);
  const rootUid = revision === REVISION_3 && bytes.length >= SIZE_2 + 4 ? v.getUint32(SIZE_2, true) : 0;
  return { permitted, inheritable, effective: (magic & EFFECTIVE) !== 0 ? permitted | inheritable : 0n, rootUid };
}

/** The attribute; undefined where only some capabilities are effective: a file has one bit for all. */
export function encodeFileCaps({ permitted, inheritable, effective }: CapData): Uint8Array | undefined {
  if (effective !== 0n && effective !== (permitted | inheritable)) return undefined;
  const bytes = new Uint8Array(SIZE_2);
  const v = new DataView(bytes.buffer);
  v.setUint32(0, REVISION_2 | (effective !== 0n ? EFFECTIVE : 0), true);
  for (const [at, set] of [
    [4, permitted],
    [8, inheritable],
  ] as const) {
    v.setUint32(at, Number(set & 0xffffffffn), true);
    v.setUint32(at + 8, Number(set >> 32n), true);
  }
  return bytes;
}
