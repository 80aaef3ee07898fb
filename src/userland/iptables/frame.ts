/** How the programs of iptables end: what they say of mistakes, and with which status. `iptables/iptables-standalone.c`, `libxtables: basic_exit_err`. */

import { Errno } from "../../abi/errno.ts";
import { O_CREAT, O_RDONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, Exit } from "../libc/command.ts";
import { open } from "../libc/unistd.ts";
import { ParameterProblem } from "./names.ts";
import { Answer, BadArgument, VERSION } from "./parse.ts";
import { IptFailure } from "./tables.ts";

const LOCK = "/run/xtables.lock";

/** xtables_lock(): who may not open the lock may do nothing. */
export function* takeLock(c: Command): Proc<void> {
  try {
    yield* c.sys.close(yield* open(c.sys, LOCK, O_RDONLY | O_CREAT, 0o600));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.eprint(`Fatal: can't open lock file ${LOCK}: ${e.message}\n`);
    throw new Exit(4);
  }
}

/** Runs it. `line`: of the file that iptables-restore reads. */
export function* framed(c: Command, program: string, line: () => number | undefined, work: () => Proc<number>): Proc<number> {
  try {
    return yield* work();
  } catch (e) {
    if (e instanceof Answer) {
      yield* c.print(e.text);
      return 0;
    }
    const at = line();
    if (e instanceof IptFailure) {
      yield* c.eprint(at === undefined ? `${program}: ${e.message}.\n` : `${program}: line ${at} failed\n`);
      return e.status;
    }
    if (!(e instanceof ParameterProblem) && !(e instanceof BadArgument)) throw e;
    const where = at === undefined ? "" : `Error occurred at line: ${at}\n`;
    const what = e instanceof BadArgument ? `Bad argument \`${e.word}'` : `${program} ${VERSION}: ${e.message}`;
    yield* c.eprint(`${what}\n${where}Try \`${program} -h' or '${program} --help' for more information.\n`);
    return 2;
  }
}
