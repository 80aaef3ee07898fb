/**
 * sed(1): GNU sed 4.9, and busybox sed. `../sed/` has the script's parser, the input and the machine that runs it.
 * Left out: --debug, --follow-symlinks.
 */

import { Errno } from "../../abi/errno.ts";
import { O_CREAT, O_EXCL, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import type { LongOption } from "../libc/getopt.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { Output } from "../libc/stdio.ts";
import { basename, dirname, open, readFile, rename } from "../libc/unistd.ts";
import { SedMachine } from "../sed/execute.ts";
import { type InputHooks, SedInput } from "../sed/input.ts";
import { SedOutput } from "../sed/output.ts";
import { parseScript, ScriptError } from "../sed/script.ts";

const usage = `sed [OPTION]... {script-only-if-no-other-script} [input-file]...
Filter and transform the lines of the input files by a script.

  -n, --quiet, --silent      print only what the script prints
  -e, --expression=SCRIPT    add SCRIPT to the commands
  -f, --file=SCRIPT-FILE     add the contents of SCRIPT-FILE to the commands
  -E, -r, --regexp-extended  extended regular expressions in the script
  -i[SUFFIX], --in-place[=SUFFIX]
                             edit files in place, with a copy if SUFFIX is given
  -l, --line-length=N        wrap the output of l at N columns
      --posix                no GNU extensions
  -s, --separate             files are separate, not one long stream
      --sandbox              refuse the commands e, r and w
  -u, --unbuffered           flush the output after each line
  -z, --null-data            lines end in a zero byte
      --help                 show this help and exit
      --version              show the version and exit

Without -e and -f the first operand is the script. With no input files, read standard input.`;

const busyboxUsage = `sed [-i[SFX]] [-nrE] [-f FILE]... [-e CMD]... [FILE]...
or: sed [-i[SFX]] [-nrE] CMD [FILE]...

\t-e CMD\tAdd CMD to sed commands to be executed
\t-f FILE\tAdd FILE contents to sed commands to be executed
\t-i[SFX]\tEdit files in-place (otherwise write to stdout)
\t\tOptionally back files up, appending SFX
\t-n\tSuppress automatic printing of pattern space
\t-r,-E\tUse extended regex syntax

If no -e or -f, the first non-option argument is the sed command string.
Remaining arguments are input files (stdin if none).`;

const long: readonly LongOption[] = [
  { name: "quiet", as: "n" },
  { name: "silent", as: "n" },
  { name: "expression", arg: "required", as: "e" },
  { name: "file", arg: "required", as: "f" },
  { name: "regexp-extended", as: "E" },
  { name: "in-place", arg: "optional", as: "i" },
  { name: "line-length", arg: "required", as: "l" },
  { name: "posix" },
  { name: "separate", as: "s" },
  { name: "sandbox" },
  { name: "unbuffered", as: "u" },
  { name: "null-data", as: "z" },
  { name: "zero-terminated", as: "z" },
  { name: "version" },
];

/** A piece of the script: of -e number `expression`, or of a file. */
interface Piece {
  readonly text: string;
  readonly expression: number;
  readonly file: string | undefined;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const spec = gnu ? { short: "bsnrzuEe:f:l:i::V:", long } : { short: "i::rEne:f:s", long: [{ name: "version" }] };
  const { options, operands } = yield* c.getopt(spec);
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("version")) {
    yield* c.print(gnu ? "sed (GNU sed) 4.9\n" : "This is not GNU sed version 4.0\n");
    return 0;
  }
  const pieces: Piece[] = [];
  let lineLength = 70;
  for (const o of options) {
    if (o.name === "e") pieces.push({ text: o.arg, expression: pieces.filter((p) => p.file === undefined).length + 1, file: undefined });
    else if (o.name === "f") pieces.push({ text: yield* scriptFile(c, o.arg), expression: 0, file: o.arg });
    else if (o.name === "l") {
      if (!/^[0-9]+$/.test(o.arg)) return yield* c.fail(`invalid line length: ${o.arg}`);
      lineLength = Number(o.arg);
    }
  }
  let files = operands;
  if (pieces.length === 0) {
    const [first, ...others] = operands;
    if (first === undefined) throw new UsageError("", 1);
    pieces.push({ text: first, expression: 1, file: undefined });
    files = others;
  }
  const script = pieces.map((p) => p.text).join("\n");
  const extended = has("E") || has("r");
  let commands: ReturnType<typeof parseScript>;
  try {
    commands = parseScript(script, { extended, voice: c.voice, posix: has("posix"), sandbox: has("sandbox"), nulData: has("z") });
  } catch (e) {
    if (!(e instanceof ScriptError)) throw e;
    return yield* c.fail(gnu ? place(pieces, e) : e.message, gnu && e.at === "none" ? 4 : 1);
  }
  const inPlace = options.findLast((o) => o.name === "i");
  const delimiter = has("z") ? 0 : 10;
  const separator = String.fromCharCode(delimiter);
  const out = new SedOutput(c.stdout, separator);
  const hooks: InputHooks = { waiting: () => out.flush(), ...(inPlace === undefined ? noHooks : inPlaceHooks(c, out, inPlace.arg)) };
  const separate = has("s") || inPlace !== undefined;
  const input = new SedInput(c, files.length === 0 ? ["-"] : files, separate, inPlace !== undefined, delimiter, hooks);
  const quiet = has("n") || (script.startsWith("#n\n") && pieces[0]?.file !== "") || script === "#n";
  const machine = new SedMachine(c, commands, input, out, {
    quiet,
    delimiter: separator,
    lineLength,
    unbuffered: has("u"),
    posix: has("posix"),
  });
  yield* machine.openFiles();
  const status = yield* machine.run();
  yield* input.close();
  return status !== 0 ? status : input.status;
}

function* scriptFile(c: Command, name: string): Proc<string> {
  try {
    const bytes = name === "-" ? yield* c.stdin.readAll() : yield* readFile(c.sys, name);
    const text = decodeUtf8(bytes);
    return text.endsWith("\n") ? text.slice(0, -1) : text;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(
      c.voice === "gnu" ? `couldn't open file ${name}: ${e.message}` : `${name}: ${e.message}`,
      c.voice === "gnu" ? 4 : 1,
    );
  }
}

/** The message with the place of the error in front, as GNU sed says it. */
function place(pieces: readonly Piece[], e: ScriptError): string {
  if (e.at === "none") return e.message;
  const last = pieces.at(-1) as Piece;
  if (e.at === "whole")
    return last.file === undefined ? `-e expression #${last.expression}, char 0: ${e.message}` : `file ${last.file} line 0: ${e.message}`;
  let at = e.at;
  for (const piece of pieces) {
    if (at <= piece.text.length || piece === last) {
      if (piece.file === undefined) return `-e expression #${piece.expression}, char ${at}: ${e.message}`;
      return `file ${piece.file} line ${piece.text.slice(0, Math.max(at - 1, 0)).split("\n").length}: ${e.message}`;
    }
    at -= piece.text.length + 1;
  }
  return e.message;
}

function* nothing(): Proc<void> {}
const noHooks = { opened: nothing, closed: nothing };

/** -i: each file's output goes to a new file beside it, which takes its name in the end. */
function inPlaceHooks(c: Command, out: SedOutput, suffix: string): Omit<InputHooks, "waiting"> {
  let temporary = "";
  let fd = -1;
  return {
    *opened(name, source) {
      const st = yield* c.sys.fstat(source);
      const random = new Uint8Array(6);
      yield* c.sys.getrandom(random, 0);
      const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
      temporary = `${dirname(name)}/sed${Array.from(random, (b) => letters[b % letters.length]).join("")}`;
      try {
        fd = yield* open(c.sys, temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.warn(`couldn't open temporary file ${temporary}: ${e.message}`);
        throw new Exit(4);
      }
      yield* c.sys.fchmod(fd, st.mode & 0o7777);
      yield* c.sys.fchown(fd, st.uid, st.gid);
      yield* out.redirect(new Output(c.sys, fd, "full"));
    },
    *closed(name) {
      yield* out.redirect(c.stdout);
      yield* c.sys.close(fd);
      if (suffix !== "") {
        const base = suffix.includes("*") ? suffix.replaceAll("*", basename(name)) : basename(name) + suffix;
        yield* rename(c.sys, name, base.includes("/") ? base : `${dirname(name)}/${base}`);
      }
      yield* rename(c.sys, temporary, name);
    },
  };
}

// Differs from Linux: in the middle of long output the real one tells how many bytes it could not write.
const flushError = (why: string): readonly string[] => [`couldn't flush stdout: ${why}`];

const main = command({ help: help(usage, busyboxUsage), writeError: { status: 4, during: flushError, last: flushError } }, function* (c) {
  try {
    return yield* run(c);
  } catch (e) {
    if (!(e instanceof UsageError) || c.voice !== "gnu") throw e;
    if (e.message !== "") yield* c.warn(e.message);
    yield* c.eprint(`Usage: ${usage}\n`);
    throw new Exit(1);
  }
});

export const sed: Executable = {
  name: "sed",
  paths: ["/usr/bin/sed"],
  needed: ["libacl.so.1", "libselinux.so.1", "libc.so.6"],
  sizeBytes: 126424,
  applet: "/bin/sed",
  main,
};
