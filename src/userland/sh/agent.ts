/**
 * The scripted interface of the machine: `bash --agent FD -l` reads requests (shell text up to a NUL) from a descriptor,
 * runs each in this one shell, and answers with the status and a NUL. No real counterpart: a terminal without a terminal.
 */

import { EINTR, Errno } from "../../abi/errno.ts";
import { F_DUPFD_CLOEXEC } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { concat, writeAll } from "../libc/stdio.ts";
import { runExitTrap, runText } from "./run.ts";
import { Interrupted, type Shell, ShellError, ShellExit } from "./shell.ts";
import { installInterrupt } from "./traps.ts";

/** Where bash keeps descriptors of its own. */
const OWN_FD = 255;

/** Serves until the descriptor ends or a request exits the shell. */
export function* serveRequests(sh: Shell, given: number): Proc<number> {
  const { sys } = sh;
  // Out of the way of what scripts redirect.
  const fd = yield* sys.fcntl(given, F_DUPFD_CLOEXEC, OWN_FD);
  yield* sys.close(given);
  yield* installInterrupt(sh);
  const requests = new Requests(sh, fd);
  for (;;) {
    const text = yield* requests.next();
    if (text === undefined) return sh.status;
    sh.interrupted = false;
    sh.line = 1;
    try {
      sh.status = yield* serve(sh, text);
    } catch (e) {
      if (!(e instanceof ShellExit)) throw e;
      const status = yield* runExitTrap(sh, e.status);
      yield* sh.settle();
      // The point tells the other side that there is no shell any more; as a number it is the same.
      yield* writeAll(sys, fd, encodeUtf8(`${status & 255}.\0`));
      return status;
    }
    yield* sh.jobs.poll(false);
    yield* sh.settle();
    yield* answer(sh, fd, sh.status);
  }
}

function* answer(sh: Shell, fd: number, status: number): Proc<void> {
  yield* writeAll(sh.sys, fd, encodeUtf8(`${status & 255}\0`));
}

/** One request; what it may leave behind of loops and functions that were cut short is tidied up. */
function* serve(sh: Shell, text: string): Proc<number> {
  const depth = sh.vars.depth;
  try {
    const status = yield* runText(sh, text, "main");
    sh.jump = "none";
    return status;
  } catch (e) {
    sh.vars.pop(depth);
    sh.conditionDepth = 0;
    sh.loopDepth = 0;
    sh.functionDepth = 0;
    sh.sourceDepth = 0;
    sh.callStack.length = 0;
    sh.jump = "none";
    if (e instanceof Interrupted) return 130;
    if (e instanceof ShellError) {
      yield* sh.complain(e);
      return e.status;
    }
    throw e;
  }
}

/** Requests, cut at NULs. */
class Requests {
  private rest: Uint8Array<ArrayBufferLike> = new Uint8Array();

  constructor(
    private readonly sh: Shell,
    private readonly fd: number,
  ) {}

  *next(): Proc<string | undefined> {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const end = this.rest.indexOf(0);
      if (end >= 0) {
        const text = decodeUtf8(this.rest, 0, end);
        this.rest = this.rest.slice(end + 1);
        return text;
      }
      let n: number;
      try {
        n = yield* this.sh.sys.read(this.fd, buffer);
      } catch (e) {
        if (e === EINTR) continue;
        if (e instanceof Errno) return undefined;
        throw e;
      }
      if (n === 0) return undefined;
      this.rest = concat([this.rest, buffer.slice(0, n)]);
    }
  }
}
