/** What create, run and exec have in common: options, streams, terminals. */

import { AF_UNIX, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_STREAM } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { writeFile } from "../../userland/libc/unistd.ts";
import { unknownCapabilities } from "../container/finalize.ts";
import type { Streams } from "../container/process.ts";
import { RuncError, withPath, wrap } from "../error.ts";
import type { SpecProcess } from "../spec.ts";
import type { Call, RuncOption } from "./cli.ts";

export const bundleOption: RuncOption = {
  name: "bundle",
  short: "b",
  value: "one",
  usage: "the bundle's directory; the working directory unless given",
};
export const consoleSocketOption: RuncOption = {
  name: "console-socket",
  value: "one",
  usage: "a Unix socket that is sent the master end of the container's terminal",
};
export const pidFileOption: RuncOption = { name: "pid-file", value: "one", usage: "a file for the process id" };
export const noPivotOption: RuncOption = { name: "no-pivot", usage: "move the root mount instead of pivot_root: for a root on a ramdisk" };
export const detachOption: RuncOption = { name: "detach", short: "d", usage: "do not wait for the process" };

/** Capabilities that this kernel does not know are left out, and that is told. */
export function* warnOfCapabilities(c: Call, process: SpecProcess | undefined): Proc<void> {
  const unknown = unknownCapabilities(process?.capabilities);
  if (unknown.length > 0) yield* c.warn(`ignoring unknown or unavailable capabilities: [${unknown.join(" ")}]`);
}

export const inherited: Streams = { stdin: 0, stdout: 1, stderr: 2 };

/** The bundle's absolute path. Errors: RuncError if it cannot be entered. */
export function* bundleOf(c: Call): Proc<string> {
  const bundle = c.value("bundle");
  if (bundle !== undefined) yield* withPath("chdir", bundle, c.sys.chdir(bundle));
  return yield* c.sys.getcwd();
}

/** Errors: RuncError where a terminal and where it goes do not fit together. */
export function checkTerminal(terminal: boolean, detached: boolean, socket: string | undefined): void {
  if (detached && terminal && socket === undefined)
    throw new RuncError("cannot allocate tty if runc will detach without setting console socket");
  if ((!detached || !terminal) && socket !== undefined)
    throw new RuncError("cannot use console socket if runc will not detach or allocate tty");
}

/** Hands the master end of a terminal to whoever listens on the socket. */
export function* sendConsole(sys: Sys, path: string, console: number): Proc<void> {
  const fd = yield* sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  yield* wrap(`dial unix ${path}: connect`, sys.connect(fd, { family: AF_UNIX, path }));
  yield* sys.sendmsg(fd, encodeUtf8("/dev/ptmx"), MSG_NOSIGNAL, undefined, [console]);
  yield* sys.close(fd);
  yield* sys.close(console);
}

export function* writePidFile(c: Call, pid: number): Proc<void> {
  const path = c.value("pid-file");
  if (path !== undefined) yield* withPath("open", path, writeFile(c.sys, path, String(pid), 0o666));
}
