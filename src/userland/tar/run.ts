/** What all of tar's operations share: messages, the exit status, names that are made safe, the archive's stream. */

import { Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_RDONLY } from "../../abi/fcntl.ts";
import { major, minor, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, Exit } from "../libc/command.ts";
import { GunzipSource, GzipError } from "../libc/gzip.ts";
import { modeString } from "../libc/mode.ts";
import { IdNames } from "../libc/passwd.ts";
import { quotearg } from "../libc/quotearg.ts";
import { Input, isatty, Output } from "../libc/stdio.ts";
import { type ByteSource, ExactSource } from "../libc/stream.ts";
import { strftime } from "../libc/strftime.ts";
import { BLKTYPE, CHRTYPE, DIRTYPE, FIFOTYPE, LNKTYPE, SYMTYPE, type TarEntry, TarError, TarReader } from "../libc/tar.ts";
import { open } from "../libc/unistd.ts";
import { unsafePrefix } from "./names.ts";
import type { Settings } from "./settings.ts";

export class Run {
  status = 0;
  readonly names: IdNames;
  /** Where -v goes: not into an archive on stdout. */
  readonly listing: Output;
  private readonly removedPrefixes = new Set<string>();
  private width = 19;

  constructor(
    readonly c: Command,
    readonly s: Settings,
  ) {
    this.names = new IdNames(c.sys);
    const writesStdout = (s.mode === "create" && s.archive === "-") || s.toStdout;
    this.listing = writesStdout ? new Output(c.sys, 2) : c.stdout;
  }

  get gnu(): boolean {
    return this.c.voice === "gnu";
  }

  /** A message that does not end the run. */
  *warn(message: string): Proc<void> {
    yield* this.c.stdout.flush();
    yield* this.listing.flush();
    yield* this.c.warn(message);
  }

  /** A message that makes the exit status 2 (1 in busybox). */
  *error(message: string): Proc<void> {
    yield* this.warn(message);
    this.status = this.gnu ? 2 : 1;
  }

  *fileError(name: string, verb: string, e: Errno): Proc<void> {
    yield* this.error(this.gnu ? `${shown(name)}: Cannot ${verb}: ${e.message}` : `${name}: ${e.message}`);
  }

  *fatal(message: string): Proc<never> {
    yield* this.warn(message);
    if (this.gnu) yield* this.warn("Error is not recoverable: exiting now");
    throw new Exit(this.gnu ? 2 : 1);
  }

  /** `name` without what would lead out of the directory, unless -P. The first time a prefix is cut this is said. */
  *safeName(name: string, kind: "member names" | "hard link targets"): Proc<string> {
    if (this.s.absolute) return name;
    const prefix = unsafePrefix(name);
    if (prefix !== "") {
      const key = `${kind} ${prefix}`;
      if (!this.removedPrefixes.has(key)) {
        this.removedPrefixes.add(key);
        if (this.gnu) yield* this.warn(`Removing leading \`${prefix}' from ${kind}`);
        else if (kind === "member names") yield* this.warn(`removing leading '${prefix}' from member names`);
      }
    }
    const rest = name.slice(prefix.length);
    if (rest !== "") return rest;
    return prefix.endsWith("/") ? "./" : ".";
  }

  /** A line of -v or -t; the long form with a second -v. */
  *list(entry: TarEntry, long: boolean): Proc<void> {
    const name = this.gnu ? shown(entry.name) : entry.name;
    if (!long) return yield* this.listing.print(`${name}\n`);
    const numeric = this.s.numericOwner;
    const user = numeric || entry.uname === "" ? `${entry.uid}` : entry.uname;
    const group = numeric || entry.gname === "" ? `${entry.gid}` : entry.gname;
    const device = entry.type === CHRTYPE || entry.type === BLKTYPE;
    const size = device ? `${entry.devmajor},${entry.devminor}` : `${entry.sparse?.realSize ?? entry.size}`;
    const owner = `${user}/${group}`;
    this.width = Math.max(this.width, owner.length + 1 + size.length);
    const time = strftime(!this.gnu || this.s.fullTime ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", entry.mtime);
    const fraction = this.gnu && this.s.fullTime && entry.mtime.nsec !== 0 ? `.${String(entry.mtime.nsec).padStart(9, "0")}` : "";
    const letter = { [LNKTYPE]: this.gnu ? "h" : "-", [SYMTYPE]: "l", [CHRTYPE]: "c", [BLKTYPE]: "b", [DIRTYPE]: "d", [FIFOTYPE]: "p" }[
      entry.type
    ];
    const mode = (letter ?? "-") + modeString(entry.mode).slice(1);
    const target =
      entry.type === SYMTYPE ? ` -> ${entry.linkname}` : entry.type === LNKTYPE ? `${this.gnu ? " link to" : " ->"} ${entry.linkname}` : "";
    yield* this.listing.print(`${mode} ${owner}${size.padStart(this.width - owner.length)} ${time}${fraction} ${name}${target}\n`);
  }

  /** The bytes of the archive to read, decompressed. */
  *openArchive(): Proc<{ readonly reader: TarReader; readonly fd: number }> {
    const { c, s } = this;
    let fd = 0;
    if (s.archive !== "-") {
      try {
        fd = yield* open(c.sys, s.archive, O_RDONLY | O_CLOEXEC);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* this.fatal(this.gnu ? `${s.archive}: Cannot open: ${e.message}` : `can't open '${s.archive}': ${e.message}`);
      }
    } else if (this.gnu && (yield* isatty(c.sys, 0))) {
      yield* this.fatal("Refusing to read archive contents from terminal (missing -f option?)");
    }
    const exact = new ExactSource(new Input(c.sys, fd));
    const magic = new Uint8Array(6);
    const n = yield* exact.fill(magic);
    exact.unread(magic.slice(0, n));
    const plain: ByteSource = { read: () => exact.some(65536) };
    const kind = compression(magic);
    if (kind === "gzip" && (s.gzip || (this.gnu && s.archive !== "-"))) return { reader: new TarReader(this.gunzip(plain)), fd };
    if (this.gnu && kind !== undefined && kind !== "gzip") {
      yield* c.eprint(`tar (child): ${kind}: Cannot exec: No such file or directory\ntar (child): Error is not recoverable: exiting now\n`);
      yield* this.fatal("Child returned status 2");
    }
    if (s.gzip) {
      if (!this.gnu) return yield* this.fatal("invalid magic");
      yield* c.eprint(n === 0 ? "\ngzip: stdin: unexpected end of file\n" : "\ngzip: stdin: not in gzip format\n");
      yield* this.warn("Child returned status 1");
      yield* this.fatalNow();
    }
    if (kind === "gzip" && this.gnu) yield* this.fatal("Archive is compressed. Use -z option");
    return { reader: new TarReader(plain), fd };
  }

  private *fatalNow(): Proc<never> {
    yield* this.warn("Error is not recoverable: exiting now");
    throw new Exit(2);
  }

  /** Differs from Linux: tar decompresses by itself instead of through a child `gzip`. */
  private gunzip(source: ByteSource): ByteSource {
    const inner = new GunzipSource(this.c.sys, source);
    const run = this;
    return {
      *read() {
        try {
          return yield* inner.read();
        } catch (e) {
          if (!(e instanceof GzipError)) throw e;
          if (run.gnu) yield* run.c.eprint(`\ngzip: stdin: ${e.message}\n`);
          else yield* run.warn(e.message);
          throw new TarError("eof", "Unexpected EOF in archive");
        }
      },
    };
  }
}

/** Names in messages and lists: as in C, without quotes. */
export const shown = (name: string): string => quotearg(name, "c").slice(1, -1).replace(/\\"/g, '"');

function compression(magic: Uint8Array): "gzip" | "bzip2" | "xz" | undefined {
  if (magic[0] === 0x1f && magic[1] === 0x8b) return "gzip";
  if (magic[0] === 0x42 && magic[1] === 0x5a && magic[2] === 0x68) return "bzip2";
  return magic[0] === 0xfd && magic[1] === 0x37 && magic[2] === 0x7a ? "xz" : undefined;
}

/**
 * All entries of the archive. Headers that are damaged are passed over with a message, an early end ends the run:
 * the words and the order are GNU tar's.
 */
export function* forEachEntry(run: Run, reader: TarReader, visit: (entry: TarEntry) => Proc<void>): Proc<void> {
  let first = true;
  let skipping = false;
  for (;;) {
    let entry: TarEntry | undefined;
    try {
      entry = yield* reader.next();
    } catch (e) {
      if (!(e instanceof TarError)) throw e;
      if (!run.gnu) return yield* run.fatal(e.kind === "header" ? "invalid tar magic" : "short read");
      if (e.kind === "header") {
        if (!skipping) {
          if (first) yield* run.error("This does not look like a tar archive");
          yield* run.error("Skipping to next header");
        }
        skipping = true;
        continue;
      }
      if (first && e.kind === "eof") {
        if (!skipping) yield* run.error("This does not look like a tar archive");
        return;
      }
      return yield* run.fatal(e.message);
    }
    if (entry === undefined) {
      if (reader.bytesRead === 0) {
        if (!run.gnu) yield* run.fatal("short read");
        yield* run.error("This does not look like a tar archive");
      }
      if (reader.loneZeroBlock !== undefined && run.gnu) yield* run.warn(`A lone zero block at ${reader.loneZeroBlock}`);
      return;
    }
    first = false;
    skipping = false;
    yield* visit(entry);
  }
}

/** The header of a file, as far as its status tells. */
export function entryOf(st: Stat): Pick<TarEntry, "mode" | "uid" | "gid" | "mtime" | "devmajor" | "devminor"> {
  return { mode: st.mode & 0o7777, uid: st.uid, gid: st.gid, mtime: st.mtime, devmajor: major(st.rdev), devminor: minor(st.rdev) };
}
