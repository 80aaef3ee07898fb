/** mktemp(1) of coreutils, and busybox's: files and directories with unique names. */

import { EEXIST, Errno } from "../../abi/errno.ts";
import { O_CREAT, O_EXCL, O_RDWR } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { joinPath } from "../libc/copy.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { quote } from "../libc/quotearg.ts";
import { lstat, mkdir, open, optional } from "../libc/unistd.ts";

const usage = `mktemp [OPTION]... [TEMPLATE]
Create a temporary file or directory and print its name. TEMPLATE has at least three Xs in a row in its last
component; it is tmp.XXXXXXXXXX in the temporary directory unless given.

  -d, --directory      make a directory, not a file
  -u, --dry-run        make nothing, only print a name (unsafe)
  -q, --quiet          no message about a failure
      --suffix=SUFF    append SUFF to TEMPLATE
  -p DIR, --tmpdir[=DIR]  TEMPLATE is relative to DIR, or to $TMPDIR, or to /tmp
  -t                   TEMPLATE is one name, in $TMPDIR, or the directory of -p, or /tmp
      --help           show this help and exit`;

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/** TMP_MAX of gnulib's tempname. */
const ATTEMPTS = 62 ** 3;

function* randomLetters(c: Command, count: number): Proc<string> {
  const bytes = new Uint8Array(count * 2);
  yield* c.sys.getrandom(bytes, 0);
  let text = "";
  for (let i = 0; i < count; i++) text += letters[((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)) % letters.length];
  return text;
}

/** Makes what `stem` + Xs + `suffix` becomes; returns its name. Throws the errno. */
function* create(c: Command, stem: string, xs: number, suffix: string, kind: "file" | "directory" | "nothing"): Proc<string> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const path = stem + (yield* randomLetters(c, xs)) + suffix;
    try {
      if (kind === "directory") yield* mkdir(c.sys, path, 0o700);
      else if (kind === "file") yield* c.sys.close(yield* open(c.sys, path, O_RDWR | O_CREAT | O_EXCL, 0o600));
      else if ((yield* optional(lstat(c.sys, path))) !== undefined) continue;
      return path;
    } catch (e) {
      if (e !== EEXIST) throw e;
    }
  }
  throw EEXIST;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: "dqtup:",
    long: gnu
      ? [
          { name: "directory", as: "d" },
          { name: "dry-run", as: "u" },
          { name: "quiet", as: "q" },
          { name: "suffix", arg: "required" },
          { name: "tmpdir", arg: "optional", as: "p" },
        ]
      : [],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (operands.length > 1) throw new UsageError(gnu ? "too many templates" : "");
  const suffixOption = options.findLast((o) => o.name === "suffix")?.arg;
  const operand = operands[0];
  let template = operand ?? (gnu ? "tmp.XXXXXXXXXX" : "tmp.XXXXXX");
  const fail = function* (message: string): Proc<number> {
    if (!has("q")) yield* c.warn(message);
    return 1;
  };
  let suffix = suffixOption ?? "";
  if (suffixOption !== undefined) {
    if (!template.endsWith("X")) return yield* fail(`with --suffix, template ${quote(template)} must end in X`);
  } else if (gnu) {
    const at = template.lastIndexOf("X");
    suffix = at < 0 ? "" : template.slice(at + 1);
    template = at < 0 ? template : template.slice(0, at + 1);
  }
  if (suffix.includes("/")) {
    if (suffixOption !== undefined) return yield* fail(`invalid suffix ${quote(suffix)}, contains directory separator`);
    return yield* fail(`too few X's in template ${quote(template + suffix)}`);
  }
  const xs = /X*$/.exec(template)?.[0].length ?? 0;
  if (xs < (gnu ? 3 : 6)) {
    if (!gnu) return yield* fail("(null): Invalid argument");
    return yield* fail(`too few X's in template ${quote(template + suffix)}`);
  }
  const dirOption = options.findLast((o) => o.name === "p");
  const tmpdir = c.env.get("TMPDIR");
  const env = tmpdir === undefined || tmpdir === "" ? undefined : tmpdir;
  if (has("t")) {
    if (template.includes("/")) return yield* fail(`invalid template, ${quote(operand ?? template)}, contains directory separator`);
    template = joinPath(env ?? (dirOption?.arg || "/tmp"), template);
  } else if (dirOption !== undefined || operand === undefined) {
    if (template.startsWith("/")) return yield* fail(`invalid template, ${quote(template)}; with --tmpdir, it may not be absolute`);
    template = joinPath(dirOption?.arg || env || "/tmp", template);
  }
  const kind = has("u") ? "nothing" : has("d") ? "directory" : "file";
  try {
    yield* c.print(`${yield* create(c, template.slice(0, -xs), xs, suffix, kind)}\n`);
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    const what = has("d") ? "directory" : "file";
    return yield* fail(gnu ? `failed to create ${what} via template ${quote(template + suffix)}: ${e.message}` : `(null): ${e.message}`);
  }
}

export const mktemp: Executable = {
  name: "mktemp",
  paths: ["/usr/bin/mktemp"],
  sizeBytes: 43952,
  applet: "/bin/mktemp",
  main: command(
    {
      version: COREUTILS,
      help: help(usage, "mktemp [-dt] [-p DIR] [TEMPLATE]\n\nCreate a temporary file with name based on TEMPLATE and print its name"),
    },
    run,
  ),
};
