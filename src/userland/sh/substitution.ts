/** `$(…)` and `<(…)`: children whose output, or input, is a pipe. */

import { EINTR } from "../../abi/errno.ts";
import { F_DUPFD_CLOEXEC, O_CLOEXEC } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { concat, writeAll } from "../libc/stdio.ts";
import { expandString } from "./expand.ts";
import { exitStatusOf } from "./jobs.ts";
import type { CommandSubstitution, ProcessSubstitution } from "./node.ts";
import { forkShell } from "./process.ts";
import { openInput } from "./redirect.ts";
import type { Shell } from "./shell.ts";

/** Runs a command in a child and returns what it wrote, without trailing newlines; `$?` becomes its status. */
export function* runSubstitution(sh: Shell, p: CommandSubstitution): Proc<string> {
  const { sys } = sh;
  const script = p.script();
  const [readEnd, writeEnd] = yield* sys.pipe2(0);
  const pid = yield* forkShell(sh, {}, function* (child) {
    yield* sys.close(readEnd);
    if (writeEnd !== 1) {
      yield* sys.dup2(writeEnd, 1);
      yield* sys.close(writeEnd);
    }
    child.interactive = false;
    child.substitutionDepth++;
    child.options.set("monitor", false);
    // bash and ash show the parent's jobs in a substitution: `kill $(jobs -p)`.
    if (child.flavour === "dash") child.jobs.list = [];
    if (child.flavour === "bash" && !child.options.shopt("inherit_errexit")) child.options.set("errexit", false);
    child.refreshFast();
    if (p.file !== undefined) return yield* copyFile(child, yield* expandString(child, p.file));
    return yield* script.run(child, true);
  });
  yield* sys.close(writeEnd);
  const bytes = yield* readPipe(sh, readEnd);
  yield* sys.close(readEnd);
  const status = exitStatusOf(yield* sh.jobs.waitFor(pid));
  sh.status = status;
  sh.substitutionStatus = status;
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 10) end--;
  if (!bytes.includes(0)) return decodeUtf8(bytes, 0, end);
  if (sh.flavour === "bash") yield* sh.warn("warning: command substitution: ignored null byte in input", undefined);
  return decodeUtf8(bytes.subarray(0, end).filter((b) => b !== 0));
}

function* readPipe(sh: Shell, fd: number): Proc<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(4096);
  for (;;) {
    let n: number;
    try {
      n = yield* sh.sys.read(fd, buffer);
    } catch (e) {
      if (e !== EINTR) throw e;
      continue;
    }
    if (n === 0) return parts.length === 1 ? (parts[0] as Uint8Array) : concat(parts);
    parts.push(buffer.slice(0, n));
  }
}

/** `$(<file)`. */
function* copyFile(sh: Shell, path: string): Proc<number> {
  const fd = yield* openInput(sh, path);
  const buffer = new Uint8Array(65536);
  for (;;) {
    const n = yield* sh.sys.read(fd, buffer);
    if (n === 0) return 0;
    yield* writeAll(sh.sys, 1, buffer.subarray(0, n));
  }
}

/** Starts the command of `<(…)` or `>(…)`; the name of the descriptor that leads to it. */
export function* runProcessSubstitution(sh: Shell, p: ProcessSubstitution): Proc<string> {
  const { sys } = sh;
  const script = p.script();
  const [readEnd, writeEnd] = yield* sys.pipe2(O_CLOEXEC);
  const mine = p.operator === "<" ? readEnd : writeEnd;
  const theirs = p.operator === "<" ? writeEnd : readEnd;
  const fd = yield* highDescriptor(sh, mine);
  const pid = yield* forkShell(sh, { background: false }, function* (child) {
    yield* sys.close(fd);
    yield* sys.dup2(theirs, p.operator === "<" ? 1 : 0);
    yield* sys.close(theirs);
    child.interactive = false;
    child.options.set("monitor", false);
    child.jobs.list = [];
    return yield* script.run(child, true);
  });
  yield* sys.close(theirs);
  sh.lastBackground = pid;
  sh.lastSubstitution = pid;
  sh.substitutionFds.push(fd);
  return `/dev/fd/${fd}`;
}

/** Moves a descriptor up from 63, where scripts do not look; it stays open across exec, as the program is to open it. */
function* highDescriptor(sh: Shell, fd: number): Proc<number> {
  const { sys } = sh;
  for (let at = 63; at > 9; at--) {
    if (sh.substitutionFds.includes(at)) continue;
    yield* sys.dup2(fd, at);
    yield* sys.close(fd);
    return at;
  }
  return yield* sys.fcntl(fd, F_DUPFD_CLOEXEC, 10);
}

/** Closes the descriptors of process substitutions when their command has ended. */
export function* closeSubstitutions(sh: Shell, keep = 0): Proc<void> {
  while (sh.substitutionFds.length > keep) yield* sh.sys.close(sh.substitutionFds.pop() as number);
}
