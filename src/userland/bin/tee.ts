/** tee(1) of coreutils: copies standard input to files and to standard output. */

import { EPIPE, Errno } from "../../abi/errno.ts";
import { O_APPEND, O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import { SIG_IGN, SIGINT, SIGPIPE } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { argmatch } from "../libc/operands.ts";
import { quotef } from "../libc/quotearg.ts";
import { writeAll } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";

const usage = `tee [OPTION]... [FILE]...
Copy standard input to each FILE, and also to standard output.

  -a, --append             append to the files, do not overwrite them
  -i, --ignore-interrupts  ignore the signal INT
  -p                       go on when a pipe closes: --output-error=warn-nopipe
      --output-error[=MODE]  on a write error: warn, warn-nopipe, exit or exit-nopipe
      --help               show this help and exit`;

/** What to do after a failed write: sigpipe is the default, where the signal ends the program. */
type OnError = "sigpipe" | "warn" | "warn-nopipe" | "exit" | "exit-nopipe";

const modes: readonly (readonly [string, OnError])[] = [
  ["warn", "warn"],
  ["warn-nopipe", "warn-nopipe"],
  ["exit", "exit"],
  ["exit-nopipe", "exit-nopipe"],
];

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "aip" : "ai",
    long: [
      { name: "append", as: "a" },
      { name: "ignore-interrupts", as: "i" },
      ...(gnu ? [{ name: "output-error", arg: "optional", as: "p" } as const] : []),
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  let onError: OnError = "sigpipe";
  for (const o of options) if (o.name === "p") onError = o.hasArg ? argmatch(c, "--output-error", o.arg, modes) : "warn-nopipe";
  if (has("i")) yield* c.sys.rt_sigaction(SIGINT, { handler: SIG_IGN, flags: 0, mask: 0n });
  if (onError !== "sigpipe") yield* c.sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
  let status = 0;
  const outputs: { fd: number; name: string }[] = [{ fd: 1, name: gnu ? "'standard output'" : "standard output" }];
  for (const file of operands) {
    try {
      const fd = yield* open(c.sys, file, O_WRONLY | O_CREAT | (has("a") ? O_APPEND : O_TRUNC));
      outputs.push({ fd, name: quotef(file) });
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(gnu ? quotef(file) : file, e);
      status = 1;
      if (onError === "exit" || onError === "exit-nopipe") return 1;
    }
  }
  for (;;) {
    const bytes = yield* c.stdin.read();
    if (bytes === undefined) return status;
    for (const output of [...outputs]) {
      try {
        yield* writeAll(c.sys, output.fd, bytes);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        const quiet = e === EPIPE && (onError === "warn-nopipe" || onError === "exit-nopipe");
        outputs.splice(outputs.indexOf(output), 1);
        if (quiet) continue;
        yield* c.perror(output.name, e);
        status = 1;
        if (onError === "exit" || onError === "exit-nopipe") return 1;
      }
    }
    if (outputs.length === 0) return status;
  }
}

export const tee: Executable = {
  name: "tee",
  paths: ["/usr/bin/tee"],
  sizeBytes: 43984,
  applet: "/usr/bin/tee",
  main: command({ version: COREUTILS, help: help(usage, "tee [-ai] [FILE]...\n\nCopy stdin to each FILE, and also to stdout") }, run),
};
