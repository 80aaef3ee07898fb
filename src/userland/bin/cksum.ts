/** cksum(1) and sum(1) of coreutils 9.1, and busybox's: CRC and the old 16-bit sums. Left out: `cksum --algorithm` other than the sums here. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { InputFiles, type OpenFile } from "../libc/lines.ts";

/** CRC-32 with the polynomial 0x04c11db7, most significant bit first, as POSIX cksum has it. */
const crcTable = Array.from({ length: 256 }, (_, i) => {
  let crc = i << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc | 0;
});

interface Summed {
  readonly value: number;
  readonly size: number;
}

function* crc(file: OpenFile, spend: (ns: number) => Proc<void>): Proc<Summed> {
  let sum = 0;
  let size = 0;
  const add = (byte: number): void => {
    sum = (sum << 8) ^ (crcTable[((sum >>> 24) ^ byte) & 0xff] as number);
  };
  for (let bytes = yield* file.read(); bytes !== undefined; bytes = yield* file.read()) {
    for (let i = 0; i < bytes.length; i++) add(bytes[i] as number);
    size += bytes.length;
    yield* spend(bytes.length);
  }
  for (let length = size; length > 0; length = Math.floor(length / 256)) add(length % 256);
  return { value: ~sum >>> 0, size };
}

function* bsd(file: OpenFile, spend: (ns: number) => Proc<void>): Proc<Summed> {
  let sum = 0;
  let size = 0;
  for (let bytes = yield* file.read(); bytes !== undefined; bytes = yield* file.read()) {
    for (let i = 0; i < bytes.length; i++) sum = ((sum >> 1) + ((sum & 1) << 15) + (bytes[i] as number)) & 0xffff;
    size += bytes.length;
    yield* spend(bytes.length);
  }
  return { value: sum, size };
}

function* systemV(file: OpenFile, spend: (ns: number) => Proc<void>): Proc<Summed> {
  let sum = 0;
  let size = 0;
  for (let bytes = yield* file.read(); bytes !== undefined; bytes = yield* file.read()) {
    for (let i = 0; i < bytes.length; i++) sum = (sum + (bytes[i] as number)) >>> 0;
    size += bytes.length;
    yield* spend(bytes.length);
  }
  const folded = (sum & 0xffff) + (sum >>> 16);
  return { value: (folded & 0xffff) + (folded >>> 16), size };
}

const blocks = (size: number, of: number): number => Math.ceil(size / of);

export const cksum: Executable = {
  name: "cksum",
  paths: ["/usr/bin/cksum"],
  sizeBytes: 142384,
  applet: "/usr/bin/cksum",
  main: command(
    {
      help: help(
        `cksum [OPTION]... [FILE]...
Print the CRC checksum and the size of each FILE. With no FILE, or when FILE is -, read standard input.

  -a, --algorithm=TYPE  crc, bsd or sysv
      --help            show this help and exit`,
        "cksum FILE...\n\nCalculate CRC32 checksum of FILEs",
      ),
    },
    function* (c) {
      const { options, operands } = yield* c.getopt({
        short: c.voice === "gnu" ? "a:" : "",
        long: [{ name: "algorithm", arg: "required", as: "a" }],
      });
      const type = options.at(-1)?.arg ?? "crc";
      if (!["crc", "bsd", "sysv"].includes(type)) throw new UsageError(`algorithm ‘${type}’ is not supported here`);
      const files = new InputFiles(c, operands);
      const spend = (ns: number): Proc<void> => c.sys.spend(ns);
      for (let file = yield* files.next(); file !== undefined; file = yield* files.next()) {
        const before = files.status;
        files.status = 0;
        const { value, size } = yield* type === "crc" ? crc(file, spend) : type === "bsd" ? bsd(file, spend) : systemV(file, spend);
        const failed = files.status !== 0;
        files.status ||= before;
        if (failed) continue;
        const name = operands.length > 0 ? ` ${file.name}` : "";
        if (type === "crc") yield* c.print(`${value} ${size}${name}\n`);
        else if (type === "bsd") yield* c.print(`${String(value).padStart(5, "0")} ${String(blocks(size, 1024)).padStart(5)}${name}\n`);
        else yield* c.print(`${value} ${blocks(size, 512)}${name}\n`);
      }
      return files.status;
    },
  ),
};

export const sum: Executable = {
  name: "sum",
  paths: ["/usr/bin/sum"],
  sizeBytes: 52184,
  applet: "/usr/bin/sum",
  main: command(
    {
      help: help(
        `sum [OPTION]... [FILE]...
Print the checksum and the block count of each FILE. With no FILE, or when FILE is -, read standard input.

  -r             BSD algorithm, blocks of 1K (default)
  -s, --sysv     System V algorithm, blocks of 512 bytes
      --help     show this help and exit`,
        "sum [-rs] [FILE]...\n\nChecksum and count the blocks in a file\n\n\t-r\tUse BSD sum algorithm (1K blocks)\n\t-s\tUse System V sum algorithm (512byte blocks)",
      ),
    },
    function* (c) {
      const { options, operands } = yield* c.getopt({ short: "rs", long: [{ name: "sysv", as: "s" }] });
      const sysv = options.at(-1)?.name === "s";
      const files = new InputFiles(c, operands);
      const spend = (ns: number): Proc<void> => c.sys.spend(ns);
      for (let file = yield* files.next(); file !== undefined; file = yield* files.next()) {
        const before = files.status;
        files.status = 0;
        const { value, size } = yield* sysv ? systemV(file, spend) : bsd(file, spend);
        const failed = files.status !== 0;
        files.status ||= before;
        if (failed) continue;
        if (sysv) yield* c.print(`${value} ${blocks(size, 512)}${operands.length > 0 ? ` ${file.name}` : ""}\n`);
        else {
          const name = operands.length > (c.voice === "gnu" ? 0 : 1) ? ` ${file.name}` : "";
          yield* c.print(`${String(value).padStart(5, "0")} ${String(blocks(size, 1024)).padStart(5)}${name}\n`);
        }
      }
      return files.status;
    },
  ),
};
