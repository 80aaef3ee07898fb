/**
 * ld.so(8): the dynamic loader. The kernel starts it for every executable with PT_INTERP; it finds the shared libraries
 * of DT_NEEDED, maps them, and runs the program. glibc `elf/rtld.c`, `elf/dl-load.c`; musl `ldso/dynlink.c` for Alpine's busybox.
 * Left out: rpath, glibc-hwcaps directories, audit modules, dlopen.
 */

import { EACCES, EINVAL, ENODEV, ENOENT, ENOEXEC, ENOTDIR, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../abi/fcntl.ts";
import { type ElfImage, parseElf } from "../../abi/elf.ts";
import { MAP_PRIVATE, PROT_EXEC, PROT_READ } from "../../abi/mman.ts";
import { isReg } from "../../abi/stat.ts";
import type { Auxv, Env, Proc, Program, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { writeAll } from "../libc/stdio.ts";

/** The system's own search path, after the cache. */
const SYSTEM_DIRS: readonly string[] = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"];
const MUSL_DIRS: readonly string[] = ["/lib", "/usr/local/lib", "/usr/lib"];
/** How much of a library glibc reads first: its header and program headers. */
const HEADER_BYTES = 832;

interface Loaded {
  readonly name: string;
  readonly path: string;
  readonly address: number;
}

/** glibc says where the loader itself is too; a fixed place here, since nothing tells a program its own base. */
const LOADER: Loaded = { name: "/lib64/ld-linux-x86-64.so.2", path: "/lib64/ld-linux-x86-64.so.2", address: 0x7ffff7fc3000 };

interface Search {
  readonly sys: Sys;
  readonly dirs: readonly string[];
  readonly musl: boolean;
}

/** A library that could not be loaded, in the loader's words. */
class LoadError {
  constructor(readonly message: string) {}
}

// What a header says depends on its bytes alone, so it is worked out once: every exec passes through here.
const parsed = new Map<string, { readonly bytes: Uint8Array; readonly image: ElfImage | undefined }>();

function imageOf(path: string, bytes: Uint8Array): ElfImage | undefined {
  const known = parsed.get(path);
  if (known !== undefined && sameBytes(known.bytes, bytes)) return known.image;
  const image = parseElf(bytes);
  parsed.set(path, { bytes: bytes.slice(), image });
  return image;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Opens, checks and maps one file. Returns undefined if it does not exist. */
function* mapLibrary(search: Search, name: string, path: string): Proc<{ loaded: Loaded; needed: readonly string[] } | undefined> {
  const { sys } = search;
  let fd: number;
  try {
    fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  } catch (e) {
    if (e === ENOENT || e === ENOTDIR || (e === EACCES && !name.includes("/"))) return undefined;
    if (e instanceof Errno) throw new LoadError(`${path}: cannot open shared object file: ${e.message}`);
    throw e;
  }
  const header = new Uint8Array(HEADER_BYTES);
  const length = yield* sys.read(fd, header);
  const image = length < 64 ? undefined : imageOf(path, header.subarray(0, length));
  if (image === undefined) {
    yield* sys.close(fd);
    if (search.musl) throw new LoadError(ENOEXEC.message);
    throw new LoadError(`${path}: ${length < 64 ? "file too short" : "invalid ELF header"}`);
  }
  const stat = yield* sys.fstat(fd);
  // Differs from Linux: one mapping a library, where the segments of real code get one each.
  const address = isReg(stat.mode) ? yield* sys.mmap(0, stat.size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) : 0;
  yield* sys.close(fd);
  return { loaded: { name, path, address }, needed: image.needed };
}

/** Where DT_NEEDED's name is: a path as it is, a name along the search path. */
function* findLibrary(search: Search, name: string): Proc<{ loaded: Loaded; needed: readonly string[] } | undefined> {
  if (name.includes("/")) return yield* mapLibrary(search, name, name);
  for (const dir of search.dirs) {
    const found = yield* mapLibrary(search, name, dir === "" ? name : `${dir}/${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isLoader = (name: string): boolean => name.startsWith("ld-linux") || name.startsWith("libc.musl-") || name.startsWith("ld-musl");

/** Loads everything that `needed` asks for, breadth first as glibc does. `missing` answers for what is not there; it may throw. */
function* loadAll(search: Search, needed: readonly string[], missing: (name: string) => Loaded): Proc<Loaded[]> {
  const all: Loaded[] = [];
  const seen = new Set<string>();
  const queue = [...needed];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (isLoader(name)) {
      all.push(LOADER);
      continue;
    }
    const found = yield* findLibrary(search, name);
    if (found === undefined) all.push(missing(name));
    else {
      all.push(found.loaded);
      for (const more of found.needed) if (!seen.has(more)) queue.push(more);
    }
  }
  return all;
}

const refuse = (name: string): Loaded => {
  throw new LoadError(`${name}: cannot open shared object file: ${ENOENT.message}`);
};

function searchOf(sys: Sys, env: Env, secure: boolean, musl: boolean, libraryPath?: string): Search {
  const own = libraryPath ?? (secure ? "" : (env.get("LD_LIBRARY_PATH") ?? ""));
  const system = musl ? MUSL_DIRS : SYSTEM_DIRS;
  return { sys, musl, dirs: own === "" ? system : [...own.split(/[:;]/), ...system] };
}

function* complain(sys: Sys, text: string): Proc<void> {
  yield* writeAll(sys, 2, encodeUtf8(text));
}

/** Loads LD_PRELOAD's libraries: what cannot be loaded is reported and left out. */
function* preload(search: Search, list: string): Proc<Loaded[]> {
  const all: Loaded[] = [];
  for (const name of list.split(/[ :]+/).filter((word) => word !== "")) {
    let found: { loaded: Loaded } | undefined;
    let reason = "cannot open shared object file";
    try {
      found = yield* findLibrary(search, name);
    } catch (e) {
      if (!(e instanceof LoadError)) throw e;
      reason = e.message.slice(e.message.lastIndexOf(": ") + 2);
    }
    if (found !== undefined) all.push(found.loaded);
    else if (search.musl)
      yield* complain(search.sys, `Error loading shared library ${name}: No such file or directory (needed by LD_PRELOAD)\n`);
    else yield* complain(search.sys, `ERROR: ld.so: object '${name}' from LD_PRELOAD cannot be preloaded (${reason}): ignored.\n`);
  }
  return all;
}

const hex = (address: number): string => `0x${address.toString(16).padStart(16, "0")}`;

/** What `ldd` prints: LD_TRACE_LOADED_OBJECTS. Differs from Linux: there is no vDSO, so none is listed. */
function* trace(search: Search, needed: readonly string[], preloads: readonly Loaded[], missing: (name: string) => Loaded): Proc<number> {
  const loaded = yield* loadAll(search, needed, missing);
  const lines = [...preloads, ...loaded].map((l) => {
    if (l.path === "") return `\t${l.name} => not found\n`;
    return `\t${l.name.includes("/") ? "" : `${l.name} => `}${l.path} (${hex(l.address)})\n`;
  });
  yield* writeAll(search.sys, 1, encodeUtf8(lines.join("")));
  return 0;
}

/** Loads what the program needs, then is the program. */
function* start(sys: Sys, argv: readonly string[], env: Env, auxv: Auxv, dynamic: NonNullable<Auxv["dynamic"]>): Proc<number> {
  const musl = dynamic.needed.some((name) => name.startsWith("libc.musl-"));
  const search = searchOf(sys, env, auxv.secure, musl);
  const name = argv[0] ?? auxv.execfn;
  try {
    const wanted = auxv.secure ? undefined : env.get("LD_PRELOAD");
    const preloads = wanted === undefined ? [] : yield* preload(search, wanted);
    if (env.get("LD_TRACE_LOADED_OBJECTS") && !auxv.secure)
      return yield* trace(search, dynamic.needed, preloads, (lib) => ({ name: lib, path: "", address: 0 }));
    yield* loadAll(search, dynamic.needed, refuse);
  } catch (e) {
    if (!(e instanceof LoadError) && !(e instanceof Errno)) throw e;
    if (musl) {
      const lib = e.message.slice(0, e.message.indexOf(":"));
      yield* complain(sys, `Error loading shared library ${lib}: No such file or directory (needed by ${auxv.execfn})\n`);
    } else yield* complain(sys, `${name}: error while loading shared libraries: ${e.message}\n`);
    return 127;
  }
  // __libc_start_main(): exit(main(…)).
  return yield* sys.exit_group(yield* dynamic.entry(sys, argv, env, auxv));
}

const help = (name: string): string => `Usage: ${name} [OPTION]... EXECUTABLE-FILE [ARGS-FOR-PROGRAM...]
The program interpreter of dynamically linked ELF programs. The kernel starts it by itself;
called by hand it loads and runs EXECUTABLE-FILE.

  --list                list all dependencies and how they are resolved
  --verify              tell whether the object is a dynamically linked one
  --inhibit-cache       do not use /etc/ld.so.cache
  --library-path PATH   use PATH instead of LD_LIBRARY_PATH
  --preload LIST        preload the objects in LIST
  --argv0 STRING        set argv[0] to STRING before running
  --help                display this help and exit
  --version             output version information and exit

This program interpreter self-identifies as: /lib64/ld-linux-x86-64.so.2

Shared library search path:
${SYSTEM_DIRS.map((dir) => `  ${dir} (system search path)\n`).join("")}`;

interface Direct {
  mode: "run" | "list" | "verify";
  libraryPath: string | undefined;
  preload: string | undefined;
  argv0: string | undefined;
  rest: readonly string[];
}

function parseDirect(args: readonly string[]): Direct | "--help" | "--version" | { readonly bad: string } {
  const direct: Direct = { mode: "run", libraryPath: undefined, preload: undefined, argv0: undefined, rest: [] };
  let i = 0;
  for (; i < args.length; i++) {
    const word = args[i] as string;
    if (word === "--help" || word === "--version") return word;
    if (word === "--list") direct.mode = "list";
    else if (word === "--verify") direct.mode = "verify";
    else if (word === "--library-path") direct.libraryPath = args[++i];
    else if (word === "--preload") direct.preload = args[++i];
    else if (word === "--argv0") direct.argv0 = args[++i];
    else if (word.startsWith("--") && word !== "--inhibit-cache") return { bad: word };
    else if (!word.startsWith("-")) break;
  }
  direct.rest = args.slice(i);
  return direct;
}

/** `ld.so [OPTION]... PROGRAM [ARG]...` */
function* direct(sys: Sys, argv: readonly string[], env: Env): Proc<number> {
  const self = argv[0] ?? "ld.so";
  const hint = `Try '${self} --help' for more information.\n`;
  const options = parseDirect(argv.slice(1));
  if (options === "--help") {
    yield* writeAll(sys, 1, encodeUtf8(help(self)));
    return 0;
  }
  if (options === "--version") {
    yield* writeAll(sys, 1, encodeUtf8("ld.so (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.\n"));
    return 0;
  }
  if ("bad" in options) {
    yield* complain(sys, `${self}: unrecognized option '${options.bad}'\n${hint}`);
    return 1;
  }
  const path = options.rest[0];
  if (path === undefined) {
    yield* complain(sys, `${self}: missing program name\n${hint}`);
    return 1;
  }
  const search = searchOf(sys, env, false, false, options.libraryPath);
  try {
    const program = yield* mapLibrary(search, path, path);
    if (program === undefined)
      throw new LoadError(`${path}: cannot open shared object file${path.includes("/") ? `: ${ENOENT.message}` : ""}`);
    if (options.mode === "verify") return 0;
    const preloads = options.preload === undefined ? [] : yield* preload(search, options.preload);
    if (options.mode === "list") return yield* trace(search, program.needed, preloads, refuse);
    yield* loadAll(search, program.needed, refuse);
  } catch (e) {
    if (!(e instanceof LoadError) && e !== EINVAL && e !== ENODEV) throw e;
    if (options.mode !== "verify")
      yield* complain(sys, `${path}: error while loading shared libraries: ${e instanceof LoadError ? e.message : path}\n`);
    return options.mode === "verify" ? 1 : 127;
  }
  // Differs from Linux: the program is started by execve, so /proc/PID/exe names it and not the loader.
  return yield* sys.execve(path, [options.argv0 ?? path, ...options.rest.slice(1)], env);
}

const main: Program = function* (sys, argv, env, auxv) {
  if (auxv.dynamic !== undefined) return yield* start(sys, argv, env, auxv, auxv.dynamic);
  return yield* direct(sys, argv, env);
};

export const ldLinux: Executable = {
  name: "ld-linux-x86-64.so.2",
  main,
  paths: ["/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "/usr/lib64/ld-linux-x86-64.so.2", "/usr/bin/ld.so"],
  needed: [],
  sizeBytes: 215000,
};
