/**
 * patch(1) of GNU patch 2.7.6, and busybox's. Reading patches and placing hunks is in `userland/patch/`.
 * Left out: ed scripts, --merge, --ifdef, git's renames and copies without content, version control.
 */

import { ENOENT, ENOTDIR, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, O_RDWR } from "../../abi/fcntl.ts";
import { isReg, type Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { splitLines } from "../diff/compare.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { Input } from "../libc/stdio.ts";
import { readUpTo } from "../libc/stream.ts";
import { dirname, mkdir, open, optional, readFile, rename, stat, unlink, writeFile } from "../libc/unistd.ts";
import { Patched } from "../patch/apply.ts";
import { type FilePatch, type Hunk, MalformedPatch, parsePatches, reverseHunk } from "../patch/parse.ts";

const text = help(
  `patch [OPTION]... [ORIGFILE [PATCHFILE]]
Apply a diff to files.

  -p NUM  --strip=NUM           strip NUM leading components from file names
  -F LINES  --fuzz LINES        let LINES lines of context differ (default 2)
  -l  --ignore-whitespace       ignore changes of blanks between patch and file
  -N  --forward                 skip patches that appear to be reversed or applied
  -R  --reverse                 undo the patch
  -i FILE  --input=FILE         read the patch from FILE instead of standard input
  -o FILE  --output=FILE        write the patched file to FILE
  -r FILE  --reject-file=FILE   write rejected hunks to FILE
  -E  --remove-empty-files      remove files that are empty after patching
  -b  --backup                  keep the original as FILE.orig
      --no-backup-if-mismatch   no backup where a hunk does not match exactly
  -z SUFFIX  --suffix=SUFFIX    suffix of backups instead of .orig
  -d DIR  --directory=DIR       change to DIR first
  -t  --batch                   ask nothing; assume reversed patches are
  -f  --force                   ask nothing; assume patches are not reversed
  -s  --quiet  --silent         say nothing unless something is wrong
      --dry-run                 only say what would be done
  -u -c -n                      accepted; the format is recognized anyway
      --help                    display this help and exit
  -v  --version                 output version information and exit`,
  `patch [-RNE] [-p N] [-i DIFF] [ORIGFILE [PATCHFILE]]

	-p N	Strip N leading components from file names
	-i DIFF	Read DIFF instead of stdin
	-R	Reverse patch
	-N	Ignore already applied patches
	-E	Remove output files if they become empty
	--dry-run	Don't actually change files`,
);

const LONG = [
  { name: "strip", arg: "required", as: "p" },
  { name: "fuzz", arg: "required", as: "F" },
  { name: "ignore-whitespace", as: "l" },
  { name: "forward", as: "N" },
  { name: "reverse", as: "R" },
  { name: "input", arg: "required", as: "i" },
  { name: "output", arg: "required", as: "o" },
  { name: "reject-file", arg: "required", as: "r" },
  { name: "remove-empty-files", as: "E" },
  { name: "backup", as: "b" },
  { name: "no-backup-if-mismatch" },
  { name: "backup-if-mismatch" },
  { name: "suffix", arg: "required", as: "z" },
  { name: "directory", arg: "required", as: "d" },
  { name: "batch", as: "t" },
  { name: "force", as: "f" },
  { name: "quiet", as: "s" },
  { name: "silent", as: "s" },
  { name: "dry-run" },
  { name: "unified", as: "u" },
  { name: "context", as: "c" },
  { name: "normal", as: "n" },
  { name: "version", as: "v" },
  { name: "help", as: "--help" },
] as const;

/** Patches are held in memory; larger ones are refused. */
const MAX_BYTES = 64 << 20;

class Settings {
  strip: number | undefined;
  fuzz = 2;
  flags = new Set<string>();
  input: string | undefined;
  output: string | undefined;
  rejects: string | undefined;
  suffix = ".orig";
  original: string | undefined;
}

const fatal = (c: Command, message: string): Proc<never> => c.fail(c.voice === "gnu" ? `**** ${message}` : message, 2);

function* say(c: Command, s: Settings, message: string): Proc<void> {
  if (!s.flags.has("s")) yield* c.print(message);
}

/** Asks on the terminal; without one the answer is empty. */
function* ask(c: Command, question: string): Proc<string> {
  yield* c.print(question);
  yield* c.stdout.flush();
  try {
    const fd = yield* open(c.sys, "/dev/tty", O_RDWR | O_CLOEXEC);
    const answer = yield* new Input(c.sys, fd).readLine();
    yield* c.sys.close(fd);
    return answer ?? "";
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.print("\n");
    return "";
  }
}

/** A name without its first `strip` components; its base name if no number was given. */
function stripName(name: string, strip: number | undefined): string | undefined {
  if (strip === undefined) return name.slice(name.lastIndexOf("/") + 1);
  let rest = name;
  for (let i = 0; i < strip; i++) {
    const slash = rest.indexOf("/");
    if (slash < 0) return undefined;
    rest = rest.slice(slash).replace(/^\/+/, "");
  }
  return rest === "" ? undefined : rest;
}

const dangerous = (name: string): boolean => name.startsWith("/") || name.split("/").includes("..");

interface Target {
  readonly name: string;
  /** undefined: it does not exist. */
  readonly st: Stat | undefined;
}

/** Which file a patch is for: of those that exist the one with the fewest components, then the shortest name. */
function* chooseTarget(c: Command, s: Settings, patch: FilePatch, reversed: boolean): Proc<Target | undefined> {
  const look = (name: string): Proc<Stat | undefined> => optional(stat(c.sys, name), [ENOENT, ENOTDIR]);
  if (s.original !== undefined) return { name: s.original, st: yield* look(s.original) };
  const candidates: Target[] = [];
  for (const header of reversed ? [patch.new, patch.old] : [patch.old, patch.new]) {
    const name = header === undefined || header.name === "/dev/null" ? undefined : stripName(header.name, s.strip);
    if (name === undefined) continue;
    if (dangerous(name)) yield* say(c, s, `Ignoring potentially dangerous file name ${name}\n`);
    else candidates.push({ name, st: yield* look(name) });
  }
  if (patch.index !== undefined && candidates.every((t) => t.st === undefined)) {
    const name = stripName(patch.index, s.strip);
    if (name !== undefined && !dangerous(name)) candidates.push({ name, st: yield* look(name) });
  }
  const rank = (t: Target): readonly number[] => [t.name.split("/").length, t.name.length - t.name.lastIndexOf("/"), t.name.length];
  const better = (a: Target, b: Target): number => {
    const [ra, rb] = [rank(a), rank(b)];
    return ra.map((n, i) => n - (rb[i] as number)).find((d) => d !== 0) ?? 0;
  };
  const existing = candidates.filter((t) => t.st !== undefined).sort(better);
  if (existing[0] !== undefined) return existing[0];
  const creates = reversed ? patch.new?.absent : patch.old?.absent;
  return creates || (patch.hunks.length === 1 && patch.hunks[0]?.first0 === 1 && patch.hunks[0].lines.every((l) => l.op === "+"))
    ? candidates.sort(better)[0]
    : undefined;
}

/** Prints "can't find file to patch" and asks for its name. */
function* askForFile(c: Command, s: Settings, patch: FilePatch): Proc<Target | undefined> {
  const hint =
    s.strip === undefined ? "Perhaps you should have used the -p or --strip option?" : "Perhaps you used the wrong -p or --strip option?";
  yield* c.print(`can't find file to patch at input line ${patch.line}\n`);
  if (patch.leading.length > 0) {
    yield* c.print(`${hint}\nThe text leading up to this was:\n--------------------------\n`);
    for (const line of patch.leading) yield* c.print(`|${line}\n`);
    yield* c.print("--------------------------\n");
  }
  if (s.flags.has("f") || s.flags.has("t")) {
    yield* c.print("No file to patch.  Skipping patch.\n");
    return undefined;
  }
  for (;;) {
    const name = yield* ask(c, "File to patch: ");
    if (name !== "") {
      const st = yield* optional(stat(c.sys, name));
      if (st !== undefined) return { name, st };
      yield* c.print(`${name}: No such file or directory\n`);
    }
    if (!/^n/i.test(yield* ask(c, "Skip this patch? [y] "))) {
      yield* c.print("Skipping patch.\n");
      return undefined;
    }
  }
}

type Verdict = "reverse" | "apply" | "skip";

/** A patch seems to be applied already: what to do. */
function* okToReverse(c: Command, s: Settings, message: string): Proc<Verdict> {
  if (s.flags.has("N")) {
    yield* c.print(`${message}  Skipping patch.\n`);
    return "skip";
  }
  if (s.flags.has("f")) {
    yield* c.print(`${message}  Applying it anyway.\n`);
    return "apply";
  }
  if (s.flags.has("t")) {
    yield* c.print(`${message}  Assuming -R.\n`);
    return "reverse";
  }
  if (/^y/i.test(yield* ask(c, `${message}  Assume -R? [n] `))) return "reverse";
  if (/^y/i.test(yield* ask(c, "Apply anyway? [n] "))) return "apply";
  yield* c.print("Skipping patch.\n");
  return "skip";
}

/** The rejected hunks as a patch of their own. */
function formatRejects(patch: FilePatch, rejects: readonly Hunk[], reversed: boolean): string {
  const [a, b] = reversed ? [patch.new, patch.old] : [patch.old, patch.new];
  const names =
    patch.format === "normal" ? (["/dev/null", "/dev/null"] as const) : ([a?.text ?? "/dev/null", b?.text ?? "/dev/null"] as const);
  const [m0, m1] = patch.format === "unified" ? ["---", "+++"] : ["***", "---"];
  let out = `${m0} ${names[0]}\n${m1} ${names[1]}\n`;
  for (const hunk of rejects) {
    const old = hunk.lines.filter((line) => line.op !== "+");
    const next = hunk.lines.filter((line) => line.op !== "-");
    const end = (line: { noNewline: boolean }): string => (line.noNewline ? "\n\\ No newline at end of file\n" : "\n");
    if (patch.format === "unified") {
      const range = (first: number, count: number): string => (count === 1 ? `${first}` : `${count === 0 ? first - 1 : first},${count}`);
      out += `@@ -${range(hunk.first0, old.length)} +${range(hunk.first1, next.length)} @@\n`;
      for (const line of hunk.lines) out += line.op + line.text + end(line);
      continue;
    }
    const range = (first: number, count: number): string =>
      count <= 1 ? `${count === 0 ? first - 1 : first}` : `${first},${first + count - 1}`;
    const changes = changedBoth(hunk);
    const mark = (line: (typeof hunk.lines)[number]): string => (line.op === " " ? " " : changes.has(line) ? "!" : line.op);
    // A hunk of a normal diff keeps its bare ranges.
    out += `***************\n*** ${range(hunk.first0, old.length)}${patch.format === "normal" ? "" : " ****"}\n`;
    if (old.some((line) => line.op === "-")) for (const line of old) out += `${mark(line)} ${line.text}${end(line)}`;
    out += `--- ${range(hunk.first1, next.length)} ${patch.format === "normal" ? "-----" : "----"}\n`;
    if (next.some((line) => line.op === "+")) for (const line of next) out += `${mark(line)} ${line.text}${end(line)}`;
  }
  return out;
}

/** Lines of runs that both delete and insert: `!` in the context format. In a normal diff they stay `-` and `+`. */
function changedBoth(hunk: Hunk): ReadonlySet<object> {
  const both = new Set<object>();
  let run: Hunk["lines"][number][] = [];
  const flush = (): void => {
    if (run.some((l) => l.op === "-") && run.some((l) => l.op === "+") && hunk.lines.some((l) => l.op === " "))
      for (const l of run) both.add(l);
    run = [];
  };
  for (const line of hunk.lines) {
    if (line.op === " ") flush();
    else run.push(line);
  }
  flush();
  return both;
}

/** Replaces a file, so that whoever has it open keeps the old one. */
function* replace(c: Command, name: string, content: string, mode: number): Proc<void> {
  const dir = dirname(name);
  const made: string[] = [];
  for (let d = dir; d !== "." && d !== "/"; d = dirname(d)) made.unshift(d);
  for (const d of made) if ((yield* optional(stat(c.sys, d))) === undefined) yield* mkdir(c.sys, d);
  const temporary = `${dir}/po${(yield* c.sys.getpid()).toString(36)}`;
  yield* writeFile(c.sys, temporary, content, 0o600);
  yield* c.sys.fchmodat(AT_FDCWD, temporary, mode);
  yield* rename(c.sys, temporary, name);
}

const hunksText = (n: number): string => (n === 1 ? "hunk" : "hunks");

/** Applies the patch of one file. False if something was rejected or skipped. */
function* applyOne(c: Command, s: Settings, patch: FilePatch): Proc<boolean> {
  const dry = s.flags.has("dry-run");
  let reversed = s.flags.has("R");
  let hunks = reversed ? patch.hunks.map(reverseHunk) : patch.hunks;
  const total = hunks.length;
  const target = (yield* chooseTarget(c, s, patch, reversed)) ?? (yield* askForFile(c, s, patch));
  if (target === undefined) {
    yield* c.print(`${total} out of ${total} ${hunksText(total)} ignored\n`);
    return false;
  }
  const { name, st } = target;
  const rejectName = s.rejects ?? `${s.output ?? name}.rej`;
  const reject = function* (rejects: readonly Hunk[], verb: string): Proc<void> {
    yield* c.print(`${rejects.length} out of ${total} ${hunksText(total)} ${verb}`);
    if (!dry && rejectName !== "-") {
      yield* c.print(` -- saving rejects to file ${rejectName}`);
      yield* writeFile(c.sys, rejectName, formatRejects(patch, rejects, reversed));
    }
    yield* c.print("\n");
  };
  if (st !== undefined && !isReg(st.mode)) {
    yield* c.print(`File ${name} is not a regular file -- refusing to patch\n`);
    yield* reject(hunks, "ignored");
    return false;
  }
  const creates = (reversed ? patch.new : patch.old)?.absent === true;
  let verdict: Verdict = "apply";
  if (creates && st !== undefined && st.size > 0) {
    verdict = yield* okToReverse(c, s, `The next patch would create the file ${name},\nwhich already exists!`);
    if (verdict === "skip") {
      yield* c.print(`${total} out of ${total} ${hunksText(total)} ignored\n`);
      return false;
    }
  }
  yield* say(c, s, `${dry ? "checking" : "patching"} file ${s.output === undefined ? name : `${s.output} (read from ${name})`}\n`);
  const bytes = st === undefined ? new Uint8Array(0) : yield* readFile(c.sys, name);
  yield* c.sys.spend(bytes.length * 5);
  const patched = new Patched(splitLines(bytes), s.fuzz, s.flags.has("l"));
  const rejects: Hunk[] = [];
  let mismatch = false;
  if (verdict === "reverse") {
    reversed = !reversed;
    hunks = hunks.map(reverseHunk);
  }
  for (let i = 0; i < hunks.length; i++) {
    // A file that exists cannot be created: such a hunk fails.
    let found = creates && verdict === "apply" && bytes.length > 0 ? undefined : patched.locate(hunks[i] as Hunk);
    if (found === undefined && i === 0 && verdict === "apply" && !s.flags.has("R") && !creates) {
      const undo = patched.locate(reverseHunk(hunks[0] as Hunk));
      if (undo !== undefined) {
        const answer = yield* okToReverse(c, s, "Reversed (or previously applied) patch detected!");
        if (answer === "skip") {
          yield* reject(hunks, "ignored");
          return false;
        }
        if (answer === "reverse") {
          reversed = !reversed;
          hunks = hunks.map(reverseHunk);
          found = undo;
        }
      }
    }
    const hunk = hunks[i] as Hunk;
    if (found === undefined) {
      yield* c.print(`Hunk #${i + 1} FAILED at ${patched.failedLine(hunk)}.\n`);
      rejects.push(hunk);
      mismatch = true;
      continue;
    }
    const place = patched.apply(hunk, found);
    if (place.fuzz === 0 && place.offset === 0) continue;
    mismatch = true;
    const fuzz = place.fuzz === 0 ? "" : ` with fuzz ${place.fuzz}`;
    const offset = place.offset === 0 ? "" : ` (offset ${place.offset} ${place.offset === 1 ? "line" : "lines"})`;
    yield* say(c, s, `Hunk #${i + 1} succeeded at ${place.newLine}${fuzz}${offset}.\n`);
  }
  const result = patched.finish();
  if (!dry && rejects.length < total) yield* writeResult(c, s, patch, target, result, reversed, mismatch);
  else if (!dry && mismatch && st !== undefined) yield* backup(c, s, name, bytes, st, mismatch);
  if (rejects.length > 0) yield* reject(rejects, "FAILED");
  return rejects.length === 0;
}

function* backup(c: Command, s: Settings, name: string, bytes: Uint8Array, st: Stat, mismatch: boolean): Proc<void> {
  if (!s.flags.has("b") && (!mismatch || s.flags.has("no-backup-if-mismatch"))) return;
  yield* writeFile(c.sys, name + s.suffix, bytes, st.mode & 0o777);
}

function* writeResult(
  c: Command,
  s: Settings,
  patch: FilePatch,
  target: Target,
  result: string,
  reversed: boolean,
  mismatch: boolean,
): Proc<void> {
  const { name, st } = target;
  if (st !== undefined && s.output === undefined) yield* backup(c, s, name, yield* readFile(c.sys, name), st, mismatch);
  const removes = (reversed ? patch.old : patch.new)?.absent === true || s.flags.has("E");
  if (result === "" && removes) {
    if (st !== undefined) yield* unlink(c.sys, name);
    return;
  }
  const umask = yield* c.sys.umask(0);
  yield* c.sys.umask(umask);
  const mode = patch.mode ?? (st === undefined ? 0o666 & ~umask : st.mode & 0o7777);
  yield* replace(c, s.output ?? name, result, mode);
}

function* readSettings(c: Command): Proc<Settings> {
  const s = new Settings();
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = getopt(c.args, { short: c.voice === "gnu" ? "p:F:lNRi:o:r:Ebz:d:tfsucnv" : "p:i:RNE", long: LONG }, c.voice);
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.warn(e.message);
    yield* c.eprint(c.voice === "gnu" ? `${c.name}: Try '${c.name} --help' for more information.\n` : text("busybox"));
    throw new Exit(2);
  }
  for (const o of parsed.options) {
    if (o.name === "p" || o.name === "F") {
      if (!/^[0-9]+$/.test(o.arg)) yield* fatal(c, `${o.name === "p" ? "strip count" : "fuzz factor"} ${o.arg} is not a number`);
      if (o.name === "p") s.strip = Number(o.arg);
      else s.fuzz = Number(o.arg);
    } else if (o.name === "i") s.input = o.arg;
    else if (o.name === "o") s.output = o.arg;
    else if (o.name === "r") s.rejects = o.arg;
    else if (o.name === "z") s.suffix = o.arg;
    else if (o.name === "d") {
      try {
        yield* c.sys.chdir(o.arg);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* fatal(c, `Can't change to directory ${o.arg} : ${e.message}`);
      }
    } else if (o.name === "--help") yield* c.help();
    else if (o.name === "v") {
      yield* c.print("GNU patch 2.7.6\n");
      throw new Exit(0);
    } else s.flags.add(o.name);
  }
  const [original, input, extra] = parsed.operands;
  if (extra !== undefined) {
    yield* c.warn(`${extra}: extra operand`);
    yield* c.warn("Try 'patch --help' for more information.");
    throw new Exit(2);
  }
  s.original = original;
  if (input !== undefined) s.input = input;
  return s;
}

/** busybox: new names, no fuzz, no rejects; the hunk that fails is shown. */
function* applyBusybox(c: Command, s: Settings, patch: FilePatch): Proc<boolean> {
  const reversed = s.flags.has("R");
  const header = reversed ? patch.old : patch.new;
  const other = reversed ? patch.new : patch.old;
  const named = header?.name === "/dev/null" ? other?.name : header?.name;
  const name = s.original ?? (named === undefined ? undefined : (stripName(named, s.strip ?? 0) ?? named));
  if (name === undefined) return true;
  const dry = s.flags.has("dry-run");
  const st = yield* optional(stat(c.sys, name));
  const creates = other?.name === "/dev/null" && st === undefined;
  yield* c.print(`${creates ? "creating" : "patching file"} ${name}\n`);
  if (st === undefined && !creates) {
    yield* c.stdout.flush();
    yield* c.warn(`can't open '${name}': No such file or directory`);
    throw new Exit(1);
  }
  const bytes = st === undefined ? new Uint8Array(0) : yield* readFile(c.sys, name);
  const patched = new Patched(splitLines(bytes), 0, false);
  const hunks = reversed ? patch.hunks.map(reverseHunk) : patch.hunks;
  for (const [i, hunk] of hunks.entries()) {
    const found = patched.locate(hunk);
    if (found !== undefined) {
      patched.apply(hunk, found);
      continue;
    }
    if (s.flags.has("N") && patched.locate(reverseHunk(hunk)) !== undefined) continue;
    yield* c.stdout.flush();
    yield* c.eprint(`Hunk ${i + 1} FAILED ${hunk.first0}/${hunk.first1}.\n${hunk.lines.map((l) => `${l.op}${l.text}\n`).join("")}`);
    return false;
  }
  const result = patched.finish();
  if (dry) return true;
  if (result === "" && (header?.name === "/dev/null" || s.flags.has("E"))) {
    if (st !== undefined) yield* unlink(c.sys, name);
  } else yield* replace(c, name, result, st === undefined ? 0o644 : st.mode & 0o7777);
  return true;
}

function* main(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const s = yield* readSettings(c);
  let bytes: Uint8Array;
  try {
    const input = s.input === undefined || s.input === "-" ? c.stdin : new Input(c.sys, yield* open(c.sys, s.input, O_RDONLY | O_CLOEXEC));
    bytes = (yield* readUpTo(input, MAX_BYTES)) ?? (yield* fatal(c, "out of memory"));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (gnu) return yield* fatal(c, `Can't open patch file ${s.input} : ${e.message}`);
    return yield* c.fail(`can't open '${s.input}': ${e.message}`);
  }
  const lines = decodeUtf8(bytes).split("\n");
  if (lines.at(-1) === "") lines.pop();
  let status = 0;
  let any = false;
  try {
    for (const patch of parsePatches(lines)) {
      any = true;
      if (!(gnu ? yield* applyOne(c, s, patch) : yield* applyBusybox(c, s, patch))) status = 1;
    }
  } catch (e) {
    if (!(e instanceof MalformedPatch)) throw e;
    yield* c.stdout.flush();
    return yield* fatal(c, `malformed patch at line ${e.line}: ${e.text}\n`);
  }
  if (!any && gnu && lines.length > 0) {
    return yield* fatal(c, "Only garbage was found in the patch input.");
  }
  return status;
}

export const patch: Executable = {
  name: "patch",
  main: command({ help: text, usageStatus: 2 }, main),
  paths: ["/usr/bin/patch"],
  sizeBytes: 191936,
  applet: "/usr/bin/patch",
};
