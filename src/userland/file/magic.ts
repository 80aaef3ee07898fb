/** Binary formats by their first bytes: the part of libmagic's magic file that one meets on a small system. */

import { decodeUtf8 } from "../../abi/utf8.ts";
import { strftime } from "../libc/strftime.ts";
import { describeElf } from "./elf.ts";

export interface Found {
  readonly description: string;
  readonly mime: string;
}

const startsWith = (bytes: Uint8Array, prefix: readonly number[] | string, at = 0): boolean => {
  for (let i = 0; i < prefix.length; i++) {
    if (bytes[at + i] !== (typeof prefix === "string" ? prefix.charCodeAt(i) : prefix[i])) return false;
  }
  return true;
};

const big = (bytes: Uint8Array, at: number, size: 2 | 4): number => {
  let n = 0;
  for (let i = 0; i < size; i++) n = n * 256 + (bytes[at + i] ?? 0);
  return n;
};
const little = (bytes: Uint8Array, at: number, size: 2 | 4): number => {
  let n = 0;
  for (let i = size - 1; i >= 0; i--) n = n * 256 + (bytes[at + i] ?? 0);
  return n;
};

const PNG_COLORS: Readonly<Record<number, string>> = {
  0: " grayscale",
  2: "/color RGB",
  3: " colormap",
  4: " gray+alpha",
  6: "/color RGBA",
};

function png(bytes: Uint8Array): string {
  if (!startsWith(bytes, "IHDR", 12)) return "PNG image data";
  const color = bytes[25] as number;
  const depth = `${bytes[24]}-bit${PNG_COLORS[color] ?? ""}`;
  return `PNG image data, ${big(bytes, 16, 4)} x ${big(bytes, 20, 4)}, ${depth}, ${bytes[28] === 1 ? "interlaced" : "non-interlaced"}`;
}

function jpeg(bytes: Uint8Array): string {
  if (!startsWith(bytes, "JFIF", 6)) return "JPEG image data";
  const unit = ["aspect ratio", "resolution (DPI)", "resolution (DPCM)"][bytes[13] as number] ?? "";
  const version = `${bytes[11]}.${String(bytes[12]).padStart(2, "0")}`;
  return `JPEG image data, JFIF standard ${version}, ${unit}, density ${big(bytes, 14, 2)}x${big(bytes, 16, 2)}, segment length ${big(bytes, 4, 2)}`;
}

/** `sizeTrailer` is the last four bytes of the file: the length before compression. */
function gzip(bytes: Uint8Array, sizeTrailer: Uint8Array | undefined): string {
  const flags = bytes[3] ?? 0;
  let out = "gzip compressed data";
  if (flags & 1) out += ", ASCII";
  if (flags & 8) {
    let at = 10;
    if (flags & 4) at += 2 + little(bytes, 10, 2);
    const end = bytes.indexOf(0, at);
    out += `, was "${decodeUtf8(bytes, at, end < 0 ? bytes.length : end)}"`;
  }
  const mtime = little(bytes, 4, 4);
  if (mtime !== 0) out += `, last modified: ${strftime("%a %b %e %H:%M:%S %Y", { sec: mtime, nsec: 0 })}`;
  if (bytes[8] === 2) out += ", max compression";
  else if (bytes[8] === 4) out += ", max speed";
  const system = ["FAT filesystem (MS-DOS, OS/2, NT)", "Amiga", "VMS", "Unix"][bytes[9] as number];
  if (system !== undefined) out += `, from ${system}`;
  if (sizeTrailer !== undefined) out += `, original size modulo 2^32 ${little(sizeTrailer, 0, 4)}`;
  return out;
}

function tar(bytes: Uint8Array): Found | undefined {
  if (bytes.length < 512 || bytes[0] === 0) return undefined;
  let sum = 8 * 32;
  for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += bytes[i] as number;
  const stored = Number.parseInt(/^ *([0-7]+)/.exec(decodeUtf8(bytes, 148, 156))?.[1] ?? "x", 8);
  if (sum !== stored) return undefined;
  const magic = decodeUtf8(bytes, 257, 265);
  if (magic === "ustar  \0") return { description: "POSIX tar archive (GNU)", mime: "application/x-tar" };
  return { description: magic.startsWith("ustar\0") ? "POSIX tar archive" : "tar archive", mime: "application/x-tar" };
}

/** What the bytes are; undefined where no rule knows them. */
export function findMagic(bytes: Uint8Array, sizeTrailer: Uint8Array | undefined): Found | undefined {
  const is = (prefix: readonly number[] | string, at = 0): boolean => startsWith(bytes, prefix, at);
  if (is([0x7f, 0x45, 0x4c, 0x46])) {
    const type = bytes[16];
    const mime = type === 2 ? "executable" : type === 3 ? "sharedlib" : type === 1 ? "object" : "coredump";
    return { description: describeElf(bytes), mime: `application/x-${mime}` };
  }
  if (is([0x1f, 0x8b])) return { description: gzip(bytes, sizeTrailer), mime: "application/gzip" };
  if (is("BZh"))
    return {
      description: `bzip2 compressed data, block size = ${String.fromCharCode(bytes[3] as number)}00k`,
      mime: "application/x-bzip2",
    };
  if (is([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])) return { description: "XZ compressed data", mime: "application/x-xz" };
  if (is([0x28, 0xb5, 0x2f, 0xfd])) return { description: "Zstandard compressed data", mime: "application/zstd" };
  if (is([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return { description: png(bytes), mime: "image/png" };
  if (is("GIF87a") || is("GIF89a")) {
    const size = bytes.length >= 10 ? `, ${little(bytes, 6, 2)} x ${little(bytes, 8, 2)}` : "";
    return { description: `GIF image data, version ${decodeUtf8(bytes, 3, 6)}${size}`, mime: "image/gif" };
  }
  if (is([0xff, 0xd8, 0xff])) return { description: jpeg(bytes), mime: "image/jpeg" };
  const pdf = /^%PDF-([0-9])\.([0-9])/.exec(decodeUtf8(bytes, 0, Math.min(bytes.length, 16)));
  if (pdf !== null) return { description: `PDF document, version ${pdf[1]}.${pdf[2]}`, mime: "application/pdf" };
  if (is("!<arch>\n"))
    return { description: is("debian", 8) ? "Debian binary package" : "current ar archive", mime: "application/x-archive" };
  if (is("RIFF") && is("WAVE", 8)) return { description: "RIFF (little-endian) data, WAVE audio", mime: "audio/x-wav" };
  return tar(bytes);
}
