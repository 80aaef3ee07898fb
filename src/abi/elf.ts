/**
 * Executable files: elf(5). A file is a real ELF64 header with program headers, as small as can be; a note named
 * "Drydock" says which program of `userland/bin` its code is. `readelf`, `file`, `ldd` and execve all read these bytes.
 */

import { decodeUtf8, encodeUtf8 } from "./utf8.ts";
import type { Voice } from "./sys.ts";

export interface ElfImage {
  readonly type: "ET_EXEC" | "ET_DYN";
  /** PT_INTERP: the dynamic loader; absent in static executables and libraries. */
  readonly interp?: string;
  /** DT_NEEDED. */
  readonly needed: readonly string[];
  /** DT_SONAME, of a library. */
  readonly soname?: string;
  /** The note: which program runs; absent in a library. */
  readonly program?: string;
  readonly voice: Voice;
}

const EHDR = 64;
const PHDR = 56;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_NOTE = 4;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_SONAME = 14;
const NOTE_NAME = "Drydock\0";
const NOTE_TYPE = 1;
const BASE = 0x400000;

/** The bytes of an executable or a library. */
export function encodeElf(image: ElfImage): Uint8Array {
  const strings: number[] = [0];
  const str = (text: string): number => {
    const at = strings.length;
    strings.push(...encodeUtf8(text), 0);
    return at;
  };
  const dyn: [number, number][] = [];
  for (const name of image.needed) dyn.push([DT_NEEDED, str(name)]);
  if (image.soname !== undefined) dyn.push([DT_SONAME, str(image.soname)]);
  const dynamic = dyn.length > 0 || image.interp !== undefined || image.soname !== undefined;
  const desc = encodeUtf8(JSON.stringify({ program: image.program, voice: image.voice }));
  const interp = image.interp === undefined ? undefined : encodeUtf8(`${image.interp}\0`);

  const headers = 2 + (interp ? 1 : 0) + (dynamic ? 1 : 0);
  const interpAt = EHDR + headers * PHDR;
  const noteAt = align8(interpAt + (interp?.length ?? 0));
  const noteSize = 12 + NOTE_NAME.length + align4(desc.length);
  const strAt = noteAt + noteSize;
  const dynAt = align8(strAt + strings.length);
  const dynSize = dynamic ? (dyn.length + 3) * 16 : 0;
  const size = dynAt + dynSize;

  const bytes = new Uint8Array(size);
  const v = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  v.setUint16(16, image.type === "ET_EXEC" ? 2 : 3, true);
  v.setUint16(18, 62, true); // EM_X86_64
  v.setUint32(20, 1, true);
  v.setBigUint64(24, BigInt(BASE + size), true); // e_entry: past the headers
  v.setBigUint64(32, BigInt(EHDR), true);
  v.setUint16(52, EHDR, true);
  v.setUint16(54, PHDR, true);
  v.setUint16(56, headers, true);
  v.setUint16(58, 64, true);

  let at = EHDR;
  const phdr = (type: number, flags: number, offset: number, length: number, align: number): void => {
    v.setUint32(at, type, true);
    v.setUint32(at + 4, flags, true);
    v.setBigUint64(at + 8, BigInt(offset), true);
    v.setBigUint64(at + 16, BigInt(BASE + offset), true);
    v.setBigUint64(at + 24, BigInt(BASE + offset), true);
    v.setBigUint64(at + 32, BigInt(length), true);
    v.setBigUint64(at + 40, BigInt(length), true);
    v.setBigUint64(at + 48, BigInt(align), true);
    at += PHDR;
  };
  if (interp) {
    phdr(PT_INTERP, 4, interpAt, interp.length, 1);
    bytes.set(interp, interpAt);
  }
  phdr(PT_LOAD, 5, 0, size, 0x1000);
  if (dynamic) phdr(PT_DYNAMIC, 6, dynAt, dynSize, 8);
  phdr(PT_NOTE, 4, noteAt, noteSize, 4);

  v.setUint32(noteAt, NOTE_NAME.length, true);
  v.setUint32(noteAt + 4, desc.length, true);
  v.setUint32(noteAt + 8, NOTE_TYPE, true);
  bytes.set(encodeUtf8(NOTE_NAME), noteAt + 12);
  bytes.set(desc, noteAt + 12 + NOTE_NAME.length);
  bytes.set(strings, strAt);
  if (dynamic) {
    const entries = [...dyn, [DT_STRTAB, BASE + strAt], [DT_STRSZ, strings.length], [0, 0]] as const;
    entries.forEach(([tag, value], i) => {
      v.setBigUint64(dynAt + i * 16, BigInt(tag), true);
      v.setBigUint64(dynAt + i * 16 + 8, BigInt(value), true);
    });
  }
  return bytes;
}

/** What the first bytes of a file say, or undefined where they are no x86-64 ELF file (execve: ENOEXEC). */
export function parseElf(bytes: Uint8Array): ElfImage | undefined {
  if (bytes.length < EHDR || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) return undefined;
  if (bytes[4] !== 2 || bytes[5] !== 1) return undefined;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (v.getUint16(18, true) !== 62) return undefined;
  const phoff = Number(v.getBigUint64(32, true));
  const phnum = v.getUint16(56, true);
  let interp: string | undefined;
  let note: { program?: string; voice: Voice } = { voice: "gnu" };
  const tags: [number, number][] = [];
  for (let i = 0; i < phnum; i++) {
    const at = phoff + i * PHDR;
    if (at + PHDR > bytes.length) return undefined;
    const type = v.getUint32(at, true);
    const offset = Number(v.getBigUint64(at + 8, true));
    const length = Number(v.getBigUint64(at + 32, true));
    if (offset + length > bytes.length) {
      if (type === PT_LOAD) continue;
      return undefined;
    }
    if (type === PT_INTERP) interp = decodeUtf8(bytes, offset, offset + length - 1);
    else if (type === PT_NOTE) note = parseNote(bytes, v, offset, length) ?? note;
    else if (type === PT_DYNAMIC) {
      for (let d = offset; d + 16 <= offset + length; d += 16)
        tags.push([Number(v.getBigUint64(d, true)), Number(v.getBigUint64(d + 8, true))]);
    }
  }
  const strtab = (tags.find(([tag]) => tag === DT_STRTAB)?.[1] ?? BASE) - BASE;
  const textAt = (offset: number): string => {
    let end = strtab + offset;
    while (end < bytes.length && bytes[end] !== 0) end++;
    return decodeUtf8(bytes, strtab + offset, end);
  };
  const soname = tags.find(([tag]) => tag === DT_SONAME);
  return {
    type: v.getUint16(16, true) === 2 ? "ET_EXEC" : "ET_DYN",
    needed: tags.filter(([tag]) => tag === DT_NEEDED).map(([, value]) => textAt(value)),
    voice: note.voice,
    ...(interp === undefined ? {} : { interp }),
    ...(soname === undefined ? {} : { soname: textAt(soname[1]) }),
    ...(note.program === undefined ? {} : { program: note.program }),
  };
}

function parseNote(bytes: Uint8Array, v: DataView, at: number, length: number): { program?: string; voice: Voice } | undefined {
  if (length < 12) return undefined;
  const nameLength = v.getUint32(at, true);
  const descLength = v.getUint32(at + 4, true);
  if (12 + nameLength + descLength > length || decodeUtf8(bytes, at + 12, at + 12 + nameLength) !== NOTE_NAME) return undefined;
  let desc: unknown;
  try {
    desc = JSON.parse(decodeUtf8(bytes, at + 12 + nameLength, at + 12 + nameLength + descLength));
  } catch {
    return undefined; // A damaged file: it runs nothing.
  }
  if (typeof desc !== "object" || desc === null) return undefined;
  const voice: Voice = "voice" in desc && desc.voice === "busybox" ? "busybox" : "gnu";
  return "program" in desc && typeof desc.program === "string" ? { program: desc.program, voice } : { voice };
}

const align4 = (n: number): number => (n + 3) & ~3;
const align8 = (n: number): number => (n + 7) & ~7;
