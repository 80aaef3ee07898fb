/** rm(1) of coreutils, and busybox's: removes names, and directories with what is in them. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { argmatch } from "../libc/operands.ts";
import { quoteaf } from "../libc/quotearg.ts";
import { Remover } from "../libc/remove.ts";
import { lstat, optional } from "../libc/unistd.ts";
import { ask } from "../libc/yesno.ts";

const usage = `rm [OPTION]... [FILE]...
Remove the FILEs; directories only with -r or, if empty, with -d.

  -f, --force              ignore absent files, never ask
  -i                       ask before every removal
  -I                       ask once before removing more than three files or recursively
      --interactive[=WHEN]  ask: never, once (-I) or always (-i)
      --one-file-system    with -r, skip directories on other filesystems
      --no-preserve-root   do not treat '/' specially
      --preserve-root[=all]  do not remove '/' (the default)
  -r, -R, --recursive      remove directories with what is in them
  -d, --dir                remove empty directories
  -v, --verbose            say what is done
      --help               show this help and exit`;

type When = "never" | "once" | "always";
const whens: readonly (readonly [string, When])[] = [
  ["never", "never"],
  ["no", "never"],
  ["none", "never"],
  ["once", "once"],
  ["always", "always"],
  ["yes", "always"],
];

/** An operand that must not be removed; says so. */
function* isRefused(c: Command, path: string, preserveRoot: boolean): Proc<boolean> {
  const last = path.replace(/\/+$/, "").replace(/^.*\//, "");
  if (last === "." || last === "..") {
    yield* c.warn(c.voice === "gnu" ? `refusing to remove '.' or '..' directory: skipping ${quoteaf(path)}` : "can't remove '.' or '..'");
    return true;
  }
  if (!preserveRoot) return false;
  const st = yield* optional(lstat(c.sys, path));
  const root = yield* lstat(c.sys, "/");
  if (st === undefined || st.dev !== root.dev || st.ino !== root.ino) return false;
  yield* c.warn(
    path === "/"
      ? "it is dangerous to operate recursively on '/'"
      : `it is dangerous to operate recursively on ${quoteaf(path)} (same as '/')`,
  );
  yield* c.warn("use --no-preserve-root to override this failsafe");
  return true;
}

/** After an unknown option that is also a file: how to name the file. */
function* hintAtFile(c: Command, e: UsageError): Proc<never> {
  for (const arg of c.args) {
    if (arg === "--") break;
    if (!/^-./.test(arg) || (yield* optional(lstat(c.sys, arg))) === undefined) continue;
    yield* c.warn(e.message);
    yield* c.eprint(`Try '${c.name} ./${arg}' to remove the file ${quoteaf(arg)}.\n`);
    throw new UsageError("");
  }
  throw e;
}

function* run(c: Command): Proc<number> {
  try {
    return yield* removeOperands(c);
  } catch (e) {
    if (e instanceof UsageError && c.voice === "gnu" && e.message.includes("option")) return yield* hintAtFile(c, e);
    throw e;
  }
}

function* removeOperands(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "dfirvIR" : "fiRrv",
    long: gnu
      ? [
          { name: "force", as: "f" },
          { name: "interactive", arg: "optional" },
          { name: "one-file-system" },
          { name: "no-preserve-root" },
          { name: "preserve-root", arg: "optional" },
          { name: "recursive", as: "r" },
          { name: "dir", as: "d" },
          { name: "verbose", as: "v" },
        ]
      : [],
  });
  let when: When | undefined;
  let force = false;
  for (const o of options) {
    if (o.name === "f") {
      when = "never";
      force = true;
    } else if (o.name === "i" || o.name === "I" || o.name === "interactive") {
      when = o.name === "i" ? "always" : o.name === "I" ? "once" : o.hasArg ? argmatch(c, "--interactive", o.arg, whens) : "always";
      if (when !== "never") force = false;
    }
  }
  const has = (...names: string[]): boolean => options.some((o) => names.includes(o.name));
  const recursive = has("r", "R");
  if (operands.length === 0) {
    if (force) return 0;
    throw new UsageError(gnu ? "missing operand" : "");
  }
  if (when === "once" && (recursive || operands.length > 3)) {
    const n = operands.length;
    if (!(yield* ask(c, `remove ${n} argument${n === 1 ? "" : "s"}${recursive ? " recursively" : ""}?`))) return 0;
  }
  const root = options.findLast((o) => o.name.endsWith("preserve-root"))?.name !== "no-preserve-root";
  const remover = new Remover(c, {
    recursive,
    force,
    ask: when === "always" ? "always" : when === undefined ? "writable" : "never",
    verbose: has("v"),
    directories: has("d"),
    oneFileSystem: has("one-file-system"),
  });
  let good = true;
  for (const path of operands) {
    if ((recursive || !gnu) && (yield* isRefused(c, path, root && recursive && gnu))) good = false;
    else good = (yield* remover.remove(path)) && good;
  }
  return good ? 0 : 1;
}

export const rm: Executable = {
  name: "rm",
  paths: ["/usr/bin/rm"],
  sizeBytes: 72752,
  applet: "/bin/rm",
  main: command({ version: COREUTILS, help: help(usage, "rm [-irf] FILE...\n\nRemove (unlink) FILEs") }, run),
};
