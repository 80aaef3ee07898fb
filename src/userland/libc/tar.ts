/**
 * The tar format: tar(5). A streaming reader and writer over byte sources and sinks, holding one header block at a time.
 *
 * Reads v7, ustar, pax (local and global headers, SCHILY.xattr) and GNU archives (long names, base-256 numbers, old-style
 * sparse maps); writes ustar, pax and GNU ones, byte for byte as GNU tar 1.34 does. Not read: pax sparse formats,
 * multi-volume archives. What an entry means for the filesystem (ownership, refused names) is the caller's concern.
 */

import type { Timespec } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { type ByteSink, type ByteSource, ExactSource } from "./stream.ts";

export const BLOCKSIZE = 512;
/** tar's own default record: 20 blocks. */
export const RECORDSIZE = 20 * BLOCKSIZE;

// Type flags: <tar.h>, and GNU's sparse file.
export const REGTYPE = "0";
export const LNKTYPE = "1";
export const SYMTYPE = "2";
export const CHRTYPE = "3";
export const BLKTYPE = "4";
export const DIRTYPE = "5";
export const FIFOTYPE = "6";
export const CONTTYPE = "7";
export const GNUTYPE_SPARSE = "S";
const XHDTYPE = "x";
const XGLTYPE = "g";
const GNUTYPE_LONGNAME = "L";
const GNUTYPE_LONGLINK = "K";

/** Headers describing the next one (long names, pax records) are refused above this size: 1 MiB, as an attack. */
const MAX_EXTENSION = 1 << 20;

export type TarFormat = "ustar" | "pax" | "gnu";

export interface TarEntry {
  /** As stored; a directory's may end in a slash. */
  readonly name: string;
  /** REGTYPE …; an unknown flag is kept. */
  readonly type: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content that follow the header. */
  readonly size: number;
  readonly mtime: Timespec;
  /** Target of LNKTYPE and SYMTYPE. */
  readonly linkname: string;
  /** Empty where only the number is stored. */
  readonly uname: string;
  readonly gname: string;
  readonly devmajor: number;
  readonly devminor: number;
  /** Records of pax headers; the writer adds those that it needs. */
  readonly pax: ReadonlyMap<string, string>;
  /** Of GNUTYPE_SPARSE: where the stored bytes belong, and the size of the whole file. */
  readonly sparse?: { readonly map: readonly SparseRun[]; readonly realSize: number };
}

export interface SparseRun {
  readonly offset: number;
  readonly length: number;
}

/** Why an archive cannot be read on: after "header", next() looks for the next good header. */
export class TarError {
  constructor(
    readonly kind: "header" | "eof" | "extension",
    readonly message: string,
  ) {}
}

export class TarReader {
  private readonly source: ExactSource;
  private readonly block = new Uint8Array(BLOCKSIZE);
  private readonly globals = new Map<string, string>();
  /** Bytes of the present entry that were not read yet, without and with padding. */
  private left = 0;
  private padding = 0;
  /** Offset of the header of the present entry (of its first extension header). */
  entryOffset = 0;
  /** Offset of the end-of-archive marker once next() has returned undefined; where an appender goes on. */
  endOffset = 0;
  /** A single zero block was followed by the end or by data. */
  loneZeroBlock: number | undefined;
  /** The format of the last header, for `file` and for an appender. */
  format: TarFormat | "v7" = "v7";

  constructor(source: ByteSource) {
    this.source = new ExactSource(source);
  }

  /** Bytes of the archive that were used so far. */
  get bytesRead(): number {
    return this.source.position;
  }

  /** The next entry, undefined at the end. What was not read of the present one is skipped. Throws TarError. */
  *next(): Proc<TarEntry | undefined> {
    yield* this.skip();
    const pax = new Map(this.globals);
    let longName: string | undefined;
    let longLink: string | undefined;
    this.entryOffset = this.source.position;
    for (;;) {
      const start = this.source.position;
      const n = yield* this.source.fill(this.block);
      if (n === 0) {
        this.endOffset = start;
        return undefined;
      }
      if (n < BLOCKSIZE) throw new TarError("eof", "Unexpected EOF in archive");
      if (isZero(this.block)) {
        this.endOffset = this.entryOffset;
        if ((yield* this.source.fill(this.block)) < BLOCKSIZE || !isZero(this.block)) this.loneZeroBlock = start / BLOCKSIZE + 1;
        return undefined;
      }
      const entry = decodeHeader(this.block);
      if (entry === undefined) {
        this.left = 0;
        this.padding = 0;
        throw new TarError("header", "Skipping to next header");
      }
      this.format = formatOf(this.block);
      if (entry.type === GNUTYPE_LONGNAME || entry.type === GNUTYPE_LONGLINK) {
        const text = (yield* this.readExtension(entry.size)).replace(/\0[\s\S]*$/, "");
        if (entry.type === GNUTYPE_LONGNAME) longName = text;
        else longLink = text;
        continue;
      }
      if (entry.type === XHDTYPE || entry.type === XGLTYPE) {
        this.format = "pax";
        const into = entry.type === XHDTYPE ? pax : this.globals;
        for (const [key, value] of parsePax(yield* this.readExtension(entry.size))) into.set(key, value);
        continue;
      }
      const sparse = entry.type === GNUTYPE_SPARSE ? yield* this.readSparseMap() : undefined;
      const full = withExtensions(entry, pax, longName, longLink);
      const size = hasContent(full.type) ? full.size : 0;
      this.left = size;
      this.padding = padOf(size);
      return { ...full, size, ...(sparse === undefined ? {} : { sparse }) };
    }
  }

  /** The next bytes of the present entry's content; undefined at its end. Valid until the next call. */
  *read(): Proc<Uint8Array | undefined> {
    if (this.left === 0) return undefined;
    const part = yield* this.source.some(this.left);
    if (part === undefined) throw new TarError("eof", "Unexpected EOF in archive");
    this.left -= part.length;
    return part;
  }

  /** Passes over what is left of the present entry. */
  *skip(): Proc<void> {
    let rest = this.left + this.padding;
    this.left = 0;
    this.padding = 0;
    while (rest > 0) {
      const part = yield* this.source.some(rest);
      if (part === undefined) throw new TarError("eof", "Unexpected EOF in archive");
      rest -= part.length;
    }
  }

  /** Reads to the end of the source, so that a writer at the other end of a pipe is not killed. */
  *drain(): Proc<void> {
    while ((yield* this.source.some(Number.MAX_SAFE_INTEGER)) !== undefined);
  }

  private *readExtension(size: number): Proc<string> {
    if (size > MAX_EXTENSION) throw new TarError("extension", "Extended header is too large");
    const bytes = new Uint8Array(size + padOf(size));
    if ((yield* this.source.fill(bytes)) < bytes.length) throw new TarError("eof", "Unexpected EOF in archive");
    return decodeUtf8(bytes, 0, size);
  }

  /** The map of an old GNU sparse file: four runs in the header, 21 in each further block. */
  private *readSparseMap(): Proc<{ map: SparseRun[]; realSize: number }> {
    const map: SparseRun[] = [];
    const add = (at: number, count: number): void => {
      for (let i = 0; i < count; i++) {
        const length = getNumber(this.block, at + i * 24 + 12, 12);
        const offset = getNumber(this.block, at + i * 24, 12);
        if (length > 0 || offset > 0) map.push({ offset, length });
      }
    };
    add(386, 4);
    const realSize = getNumber(this.block, 483, 12);
    let extended = this.block[482] !== 0;
    while (extended) {
      if ((yield* this.source.fill(this.block)) < BLOCKSIZE) throw new TarError("eof", "Unexpected EOF in archive");
      add(0, 21);
      extended = this.block[504] !== 0;
    }
    return { map, realSize };
  }
}

export class TarWriter {
  /** Bytes written so far. */
  position: number;
  private left = 0;

  constructor(
    private readonly sink: ByteSink,
    readonly format: TarFormat,
    /** Where in the archive the first byte goes, for an appender. */
    startOffset = 0,
  ) {
    this.position = startOffset;
  }

  /** Starts an entry; `entry.size` bytes are to follow by write(). Throws TarError if a ustar archive cannot hold it. */
  *entry(entry: TarEntry): Proc<void> {
    yield* this.padEntry();
    if (this.format === "gnu") {
      if (byteCount(entry.linkname) > 100) yield* this.gnuLong(GNUTYPE_LONGLINK, entry.linkname);
      if (byteCount(entry.name) > 100) yield* this.gnuLong(GNUTYPE_LONGNAME, entry.name);
    } else if (this.format === "pax") {
      const records = paxRecords(entry);
      if (records.length > 0) yield* this.paxHeader(entry, records);
    }
    yield* this.put(encodeHeader(entry, this.format));
    this.left = entry.size;
  }

  *write(bytes: Uint8Array): Proc<void> {
    if (bytes.length > this.left) throw new TarError("extension", "More content than the header says");
    this.left -= bytes.length;
    yield* this.put(bytes);
  }

  /** Ends the archive: two zero blocks, and zeros up to a whole record. */
  *end(recordSize = RECORDSIZE): Proc<void> {
    yield* this.padEntry();
    yield* this.zeros(2 * BLOCKSIZE);
    yield* this.zeros((recordSize - (this.position % recordSize)) % recordSize);
  }

  private *padEntry(): Proc<void> {
    // A file that shrank while it was read: the rest of what its header promised is zeros, as in GNU tar.
    yield* this.zeros(this.left);
    this.left = 0;
    yield* this.zeros(padOf(this.position));
  }

  private *gnuLong(type: string, text: string): Proc<void> {
    const bytes = encodeUtf8(`${text}\0`);
    const entry: TarEntry = { ...emptyEntry, name: "././@LongLink", type, mode: 0o644, size: bytes.length, uname: "root", gname: "root" };
    yield* this.put(encodeHeader(entry, "gnu"));
    yield* this.put(bytes);
    yield* this.zeros(padOf(bytes.length));
  }

  private *paxHeader(entry: TarEntry, records: string): Proc<void> {
    const bytes = encodeUtf8(records);
    const slash = entry.name.replace(/\/+$/, "").lastIndexOf("/");
    const dir = slash < 0 ? "." : entry.name.slice(0, slash);
    const name = `${dir}/PaxHeaders/${entry.name.slice(slash + 1).replace(/\/+$/, "")}`;
    const header: TarEntry = { ...emptyEntry, name, type: XHDTYPE, mode: 0o644, size: bytes.length, mtime: entry.mtime };
    yield* this.put(encodeHeader(header, "pax"));
    yield* this.put(bytes);
    yield* this.zeros(padOf(bytes.length));
  }

  private *put(bytes: Uint8Array): Proc<void> {
    this.position += bytes.length;
    yield* this.sink.write(bytes);
  }

  private *zeros(count: number): Proc<void> {
    for (let rest = count; rest > 0; rest -= ZEROS.length) yield* this.put(rest < ZEROS.length ? ZEROS.subarray(0, rest) : ZEROS);
  }
}

const ZEROS = new Uint8Array(RECORDSIZE);

/** An entry with nothing in it, to be spread. */
export const emptyEntry: TarEntry = {
  name: "",
  type: REGTYPE,
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { sec: 0, nsec: 0 },
  linkname: "",
  uname: "",
  gname: "",
  devmajor: 0,
  devminor: 0,
  pax: new Map(),
};

const padOf = (size: number): number => (BLOCKSIZE - (size % BLOCKSIZE)) % BLOCKSIZE;
const byteCount = (text: string): number => encodeUtf8(text).length;
const hasContent = (type: string): boolean => !"123456".includes(type);
const isZero = (block: Uint8Array): boolean => block.every((b) => b === 0);

function getText(block: Uint8Array, at: number, length: number): string {
  let end = at;
  while (end < at + length && block[end] !== 0) end++;
  return decodeUtf8(block, at, end);
}

/** An octal field, or a base-256 one (first bit set) as GNU writes large and negative numbers. */
function getNumber(block: Uint8Array, at: number, length: number): number {
  const first = block[at] as number;
  if (first & 0x80) {
    let value = first & 0x40 ? (first & 0x7f) - 0x80 : first & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + (block[at + i] as number);
    return value;
  }
  const digits = /^ *([0-7]*)/.exec(getText(block, at, length))?.[1];
  return digits ? Number.parseInt(digits, 8) : 0;
}

/** The sum over a header with its checksum field as blanks, as unsigned bytes. */
function checksum(block: Uint8Array): number {
  let sum = 8 * 32;
  for (let i = 0; i < BLOCKSIZE; i++) if (i < 148 || i >= 156) sum += block[i] as number;
  return sum;
}

function formatOf(block: Uint8Array): TarFormat | "v7" {
  const magic = decodeUtf8(block, 257, 265);
  return magic === "ustar  \0" ? "gnu" : magic.startsWith("ustar\0") ? "ustar" : "v7";
}

/** The fields of a header block; undefined if its checksum is wrong. */
function decodeHeader(block: Uint8Array): TarEntry | undefined {
  const stored = getNumber(block, 148, 8);
  if (stored !== checksum(block)) {
    // Old tars summed signed bytes.
    let signed = checksum(block);
    for (let i = 0; i < BLOCKSIZE; i++) if ((i < 148 || i >= 156) && (block[i] as number) >= 0x80) signed -= 256;
    if (stored !== signed) return undefined;
  }
  const format = formatOf(block);
  const prefix = format === "ustar" ? getText(block, 345, 155) : "";
  const name = prefix === "" ? getText(block, 0, 100) : `${prefix}/${getText(block, 0, 100)}`;
  const flag = String.fromCharCode(block[156] as number);
  const plain = flag === "\0" ? REGTYPE : flag;
  return {
    name,
    // In a v7 archive a directory is a file whose name ends in a slash.
    type: plain === REGTYPE && name.endsWith("/") ? DIRTYPE : plain,
    mode: getNumber(block, 100, 8) & 0o7777,
    uid: getNumber(block, 108, 8),
    gid: getNumber(block, 116, 8),
    size: Math.max(0, getNumber(block, 124, 12)),
    mtime: { sec: getNumber(block, 136, 12), nsec: 0 },
    linkname: getText(block, 157, 100),
    uname: format === "v7" ? "" : getText(block, 265, 32),
    gname: format === "v7" ? "" : getText(block, 297, 32),
    devmajor: format === "v7" ? 0 : getNumber(block, 329, 8),
    devminor: format === "v7" ? 0 : getNumber(block, 337, 8),
    pax: new Map(),
  };
}

function withExtensions(entry: TarEntry, pax: Map<string, string>, longName?: string, longLink?: string): TarEntry {
  const number = (key: string, otherwise: number): number => {
    const text = pax.get(key);
    return text !== undefined && /^-?[0-9]+(\.[0-9]*)?$/.test(text) ? Math.floor(Number(text)) : otherwise;
  };
  const mtime = pax.get("mtime");
  return {
    ...entry,
    name: pax.get("path") ?? longName ?? entry.name,
    linkname: pax.get("linkpath") ?? longLink ?? entry.linkname,
    uid: number("uid", entry.uid),
    gid: number("gid", entry.gid),
    size: number("size", entry.size),
    uname: pax.get("uname") ?? entry.uname,
    gname: pax.get("gname") ?? entry.gname,
    mtime: mtime === undefined ? entry.mtime : parsePaxTime(mtime),
    pax,
  };
}

/** A time of a pax header, such as `1795304067.256312851` or `-1.5`. */
export function parsePaxTime(text: string): Timespec {
  const match = /^(-?)([0-9]+)(?:\.([0-9]*))?$/.exec(text);
  if (match === null) return { sec: 0, nsec: 0 };
  const nsec = Number((match[3] ?? "").padEnd(9, "0").slice(0, 9));
  const sec = Number(match[2]);
  if (match[1] === "") return { sec, nsec };
  return nsec === 0 ? { sec: -sec, nsec: 0 } : { sec: -sec - 1, nsec: 1_000_000_000 - nsec };
}

/** A time as pax headers write it: without trailing zeros. */
export function formatPaxTime(time: Timespec): string {
  if (time.nsec === 0) return `${time.sec}`;
  const negative = time.sec < 0;
  const sec = negative ? -time.sec - 1 : time.sec;
  const nsec = negative ? 1_000_000_000 - time.nsec : time.nsec;
  return `${negative ? "-" : ""}${sec}.${String(nsec).padStart(9, "0").replace(/0+$/, "")}`;
}

/** Records `length key=value\n`, the length counting the whole record. */
function* parsePax(text: string): Generator<[string, string]> {
  const bytes = encodeUtf8(text);
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(32, at);
    const length = Number(decodeUtf8(bytes, at, space));
    if (space < 0 || !Number.isInteger(length) || length < 5 || at + length > bytes.length || bytes[at + length - 1] !== 10)
      throw new TarError("extension", "Malformed extended header: missing blank after length");
    const record = decodeUtf8(bytes, space + 1, at + length - 1);
    const equals = record.indexOf("=");
    if (equals < 0) throw new TarError("extension", "Malformed extended header: missing equal sign");
    yield [record.slice(0, equals), record.slice(equals + 1)];
    at += length;
  }
}

function formatPaxRecord(key: string, value: string): string {
  const rest = byteCount(key) + byteCount(value) + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** What the ustar header cannot hold, then what the caller wants recorded. */
function paxRecords(entry: TarEntry): string {
  const records = new Map<string, string>();
  const long = (text: string, limit: number): boolean => byteCount(text) > limit || /[^\0-\x7f]/.test(text);
  if (long(entry.name, 100)) records.set("path", entry.name);
  if (long(entry.linkname, 100)) records.set("linkpath", entry.linkname);
  if (long(entry.uname, 31)) records.set("uname", entry.uname);
  if (long(entry.gname, 31)) records.set("gname", entry.gname);
  if (entry.size >= 8 ** 11) records.set("size", `${entry.size}`);
  if (entry.uid >= 8 ** 7 || entry.uid < 0) records.set("uid", `${entry.uid}`);
  if (entry.gid >= 8 ** 7 || entry.gid < 0) records.set("gid", `${entry.gid}`);
  if (entry.mtime.nsec !== 0 || entry.mtime.sec < 0 || entry.mtime.sec >= 8 ** 11) records.set("mtime", formatPaxTime(entry.mtime));
  for (const [key, value] of entry.pax) records.set(key, value);
  return [...records].map(([key, value]) => formatPaxRecord(key, value)).join("");
}

/** One header block. Throws TarError where ustar cannot hold a field. */
function encodeHeader(entry: TarEntry, format: TarFormat): Uint8Array {
  const block = new Uint8Array(BLOCKSIZE);
  const text = (at: number, length: number, value: string): void => {
    block.set(encodeUtf8(value).subarray(0, length), at);
  };
  const number = (at: number, length: number, value: number): void => putNumber(block, at, length, value, format);
  const name = encodeUtf8(entry.name);
  if (format === "ustar" && name.length > 100) {
    const cut = splitName(name);
    block.set(name.subarray(cut + 1), 0);
    block.set(name.subarray(0, cut), 345);
  } else block.set(name.subarray(0, 100), 0);
  if (format === "ustar" && byteCount(entry.linkname) > 100) throw new TarError("extension", "link name is too long");
  number(100, 8, entry.mode & 0o7777);
  number(108, 8, entry.uid);
  number(116, 8, entry.gid);
  number(124, 12, entry.size);
  number(136, 12, entry.mtime.sec);
  text(156, 1, entry.type);
  text(157, 100, entry.linkname);
  text(257, 8, format === "gnu" ? "ustar  \0" : "ustar\x0000");
  text(265, 31, entry.uname);
  text(297, 31, entry.gname);
  const device = entry.type === CHRTYPE || entry.type === BLKTYPE;
  // GNU tar leaves the device fields empty where there is no device, except in POSIX headers of real entries.
  if (device || (format !== "gnu" && entry.type !== XHDTYPE)) {
    number(329, 8, device ? entry.devmajor : 0);
    number(337, 8, device ? entry.devminor : 0);
  }
  text(148, 8, `${checksum(block).toString(8).padStart(6, "0")}\0 `);
  return block;
}

function putNumber(block: Uint8Array, at: number, length: number, value: number, format: TarFormat): void {
  const digits = length - 1;
  if (value >= 0 && value < 8 ** digits) {
    block.set(encodeUtf8(value.toString(8).padStart(digits, "0")), at);
    return;
  }
  // The pax records carry the true value.
  if (format === "pax") return;
  if (format === "ustar")
    throw new TarError("extension", `value ${value} out of ${length === 12 ? "time_t" : "uid_t"} range 0..${8 ** digits - 1}`);
  let rest = value;
  for (let i = length - 1; i > 0; i--) {
    block[at + i] = ((rest % 256) + 256) % 256;
    rest = Math.floor(rest / 256);
  }
  block[at] = value < 0 ? 0xff : 0x80;
}

/** Where a long ustar name is cut into prefix (at most 155 bytes) and name (at most 100). */
function splitName(name: Uint8Array): number {
  if (name.length > 256) throw new TarError("extension", "file name is too long (max 256); not dumped");
  for (let cut = Math.min(155, name.length - 2); cut > 0; cut--) if (name[cut] === 47 && name.length - cut - 1 <= 100) return cut;
  throw new TarError("extension", "file name is too long (cannot be split); not dumped");
}
