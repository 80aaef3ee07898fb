/**
 * readelf(1) of binutils 2.40: file header, program headers, sections, dynamic section and notes of a 64-bit little-endian ELF file, from its bytes.
 * The tables of names are in `readelf/names.ts`. Not built, and said so: symbols, relocations, unwind and debug information, dumps,
 * archives, and files of 32 bits or big-endian machines.
 */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { isDir, isReg } from "../../abi/stat.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { readFile, stat } from "../libc/unistd.ts";
import { ElfFile, hex, Malformed } from "../readelf/elf-file.ts";
import { showDynamic } from "../readelf/dynamic.ts";
import { showFileHeader, showProgramHeaders, showSections } from "../readelf/headers.ts";
import { showNotes } from "../readelf/notes.ts";

const usage = `readelf <option(s)> elf-file(s)
 Display information about the contents of ELF format files
 Options are:
  -h --file-header       the header of the file
  -l --program-headers   the program headers (--segments)
  -S --section-headers   the headers of the sections (--sections)
  -e --headers           as -h -l -S
  -d --dynamic           the dynamic section
  -n --notes             the notes
  -W --wide              lines may be longer than 80 characters
  -H --help              this information
  -v --version           the version`;

const EHDR_BYTES = 64;

const SHOWN = ["h", "S", "l", "d", "n"] as const;
type Shown = (typeof SHOWN)[number];

function choose(parsed: Parsed): { show: Set<Shown>; wide: boolean; info: "help" | "version" | undefined } {
  const show = new Set<Shown>();
  let wide = false;
  let info: "help" | "version" | undefined;
  for (const { name } of parsed.options) {
    if (name === "W") wide = true;
    else if (name === "e") for (const one of ["h", "S", "l"] as const) show.add(one);
    else if (name === "H") info = "help";
    else if (name === "v") info = "version";
    else show.add(name as Shown);
  }
  return { show, wide, info };
}

function render(file: ElfFile, show: ReadonlySet<Shown>, wide: boolean): string {
  let out = "";
  if (show.has("h")) out += showFileHeader(file);
  if (show.has("S")) out += showSections(file, wide, show.has("h"));
  if (show.has("l")) out += showProgramHeaders(file, wide, show.has("h"));
  if (show.has("d")) out += showDynamic(file);
  if (show.has("n")) out += showNotes(file, wide);
  return out;
}

function* processFile(c: Command, name: string, show: ReadonlySet<Shown>, wide: boolean, title: boolean): Proc<boolean> {
  const error = function* (message: string): Proc<boolean> {
    yield* c.stdout.flush();
    yield* c.warn(`Error: ${message}`);
    return false;
  };
  let bytes: Uint8Array;
  try {
    const { mode } = yield* stat(c.sys, name);
    if (isDir(mode)) return yield* error(`'${name}' is not an ordinary file`);
    if (!isReg(mode)) return yield* error(`'${name}' is not an ordinary file`);
    bytes = yield* readFile(c.sys, name);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (e === ENOENT) return yield* error(`'${name}': No such file`);
    return yield* error(`Input file '${name}' is not readable.`);
  }
  if (title) yield* c.print(`\nFile: ${name}\n`);
  const view = decodeUtf8(bytes.subarray(0, 8));
  if (view.startsWith("!<arch>\n")) return yield* error(`'${name}': archives are not built in`);
  if (bytes.length < EHDR_BYTES || view.slice(1, 4) !== "ELF" || bytes[0] !== 0x7f) {
    if (bytes.length < 8) return yield* error(`${name}: Failed to read file's magic number`);
    if (bytes.length < EHDR_BYTES) return yield* error(`${name}: Failed to read file header`);
    return yield* error("Not an ELF file - it has the wrong magic bytes at the start");
  }
  if (bytes[4] !== 2 || bytes[5] !== 1)
    return yield* error(`${name}: only files of 64 bits, little endian, are built in (class ${hex(bytes[4] ?? 0)})`);
  try {
    yield* c.print(render(new ElfFile(bytes), show, wide));
    return true;
  } catch (e) {
    if (!(e instanceof Malformed)) throw e;
    return yield* error(e.message === "header" ? `${name}: Failed to read file header` : e.message);
  }
}

function* run(c: Command): Proc<number> {
  const long = [
    { name: "file-header", as: "h" },
    { name: "program-headers", as: "l" },
    { name: "segments", as: "l" },
    { name: "section-headers", as: "S" },
    { name: "sections", as: "S" },
    { name: "headers", as: "e" },
    { name: "dynamic", as: "d" },
    { name: "notes", as: "n" },
    { name: "wide", as: "W" },
    { name: "help", as: "H" },
    { name: "version", as: "v" },
  ];
  let parsed: Parsed;
  try {
    parsed = yield* c.getopt({ short: "hlSednWHv", long });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.warn(e.message);
    yield* c.eprint(`${help(usage)("gnu")}`);
    return 1;
  }
  const { show, wide, info } = choose(parsed);
  if (info === "help") return yield* c.help();
  if (info === "version") {
    yield* c.print("GNU readelf (GNU Binutils for Debian) 2.40\n");
    return 0;
  }
  if (parsed.operands.length === 0) {
    if (show.size > 0) yield* c.warn("Warning: Nothing to do.");
    yield* c.eprint(`${help(usage)("gnu")}`);
    return 1;
  }
  if (show.size === 0) {
    yield* c.eprint(`${help(usage)("gnu")}`);
    return 1;
  }
  let good = true;
  for (const name of parsed.operands) good = (yield* processFile(c, name, show, wide, parsed.operands.length > 1)) && good;
  return good ? 0 : 1;
}

export const readelf: Executable = {
  name: "readelf",
  main: command({ help: help(usage) }, run),
  paths: ["/usr/bin/readelf"],
  sizeBytes: 769408,
};
