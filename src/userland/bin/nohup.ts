/** nohup(1) of coreutils: runs a command that a hangup does not end, its terminal streams replaced. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { O_APPEND, O_CREAT, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { SIG_IGN, SIGHUP } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { quoteaf } from "../libc/quotearg.ts";
import { isatty } from "../libc/stdio.ts";
import { execvp, open } from "../libc/unistd.ts";

const usage = `nohup COMMAND [ARG]...
Run COMMAND, ignoring hangup signals. Input from a terminal is replaced by an empty one, output to a
terminal is appended to 'nohup.out', or to '$HOME/nohup.out' where that cannot be written.

      --help  show this help and exit`;

/** Makes a new nohup.out descriptor 1; returns its name. */
function* openOutput(c: Command): Proc<string> {
  const flags = O_CREAT | O_WRONLY | O_APPEND;
  const home = c.env.get("HOME");
  for (const path of ["nohup.out", ...(home === undefined ? [] : [`${home}/nohup.out`])]) {
    try {
      const fd = yield* open(c.sys, path, flags, 0o600);
      yield* c.sys.dup2(fd, 1);
      yield* c.sys.close(fd);
      return path;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(`failed to open ${quoteaf(path)}`, e);
    }
  }
  return yield* c.fail("no place for output", 125);
}

export const nohup: Executable = {
  name: "nohup",
  paths: ["/usr/bin/nohup"],
  sizeBytes: 43920,
  applet: "/usr/bin/nohup",
  main: command(
    { version: COREUTILS, help: help(usage, "nohup PROG ARGS\n\nRun PROG immune to hangups, with output to a non-tty"), usageStatus: 125 },
    function* (c) {
      const { operands } = yield* c.getopt({ short: "+" });
      checkOperands(c, operands, 1);
      const input = yield* isatty(c.sys, 0);
      const output = yield* isatty(c.sys, 1);
      const error = yield* isatty(c.sys, 2);
      if (input) {
        const fd = yield* open(c.sys, "/dev/null", c.voice === "gnu" ? O_WRONLY : O_RDONLY);
        yield* c.sys.dup2(fd, 0);
        yield* c.sys.close(fd);
      }
      if (output) {
        const file = yield* openOutput(c);
        yield* c.warn(
          `${input && c.voice === "gnu" ? "ignoring input and " : ""}appending output to ${c.voice === "gnu" ? quoteaf(file) : file}`,
        );
      } else if (input && c.voice === "gnu") yield* c.warn(`ignoring input${error ? " and redirecting stderr to stdout" : ""}`);
      if (error) yield* c.sys.dup2(1, 2);
      yield* c.sys.rt_sigaction(SIGHUP, { handler: SIG_IGN, flags: 0, mask: 0n });
      const [file = ""] = operands;
      try {
        return yield* execvp(c.sys, file, operands, c.env);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror(c.voice === "gnu" ? `failed to run command ${quoteaf(file)}` : `can't execute '${file}'`, e);
        return e === ENOENT ? 127 : 126;
      }
    },
  ),
};
