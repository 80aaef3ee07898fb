/** The visitor's terminal while it belongs to a container: raw mode, its size, the keys that leave. Real counterparts: moby/term, docker/cli `tty.go`. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import * as t from "../../abi/termios.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../errors.ts";

/** Puts standard input into raw mode. Returns what restores it, once. */
export function* rawMode(cli: Cli): Proc<() => Proc<void>> {
  const { sys } = cli;
  let before: t.Termios;
  try {
    before = yield* sys.ioctl(0, "TCGETS");
  } catch (e) {
    if (e instanceof Errno) return function* () {};
    throw e;
  }
  const cc = [...before.cc];
  cc[t.VMIN] = 1;
  cc[t.VTIME] = 0;
  const input = t.IGNBRK | t.BRKINT | t.PARMRK | t.ISTRIP | t.INLCR | t.IGNCR | t.ICRNL | t.IXON;
  const local = t.ECHO | t.ECHONL | t.ICANON | t.ISIG | t.IEXTEN;
  const raw: t.Termios = {
    iflag: before.iflag & ~input,
    oflag: before.oflag & ~t.OPOST,
    cflag: (before.cflag & ~(t.CSIZE | t.PARENB)) | t.CS8,
    lflag: before.lflag & ~local,
    cc,
  };
  yield* sys.ioctl(0, "TCSETS", raw);
  let done = false;
  return function* () {
    if (done) return;
    done = true;
    yield* sys.ioctl(0, "TCSETS", before);
  };
}

/** Errors: CliError where a terminal is asked for and standard input is none. */
export function* checkTty(cli: Cli, attachStdin: boolean, tty: boolean): Proc<void> {
  if (attachStdin && tty && !(yield* cli.isTerminal(0))) throw new CliError("the input device is not a TTY");
}

/** Rows and columns; zeros where standard output is no terminal. */
export function* ttySize(cli: Cli): Proc<[rows: number, cols: number]> {
  try {
    const { rows, cols } = yield* cli.sys.ioctl(1, "TIOCGWINSZ");
    return [rows, cols];
  } catch (e) {
    if (e instanceof Errno) return [0, 0];
    throw e;
  }
}

const CONTROLS = "@abcdefghijklmnopqrstuvwxyz[\\]^_";
export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";

/** The bytes of `ctrl-p,ctrl-q`; undefined where a key is none. */
export function detachBytes(keys: string): number[] | undefined {
  const bytes: number[] = [];
  for (const key of keys.split(",")) {
    if (key.length === 1) bytes.push(key.charCodeAt(0));
    else if (key === "DEL") bytes.push(127);
    else {
      const code = /^ctrl-(.)$/.exec(key)?.[1];
      const at = code === undefined ? -1 : CONTROLS.indexOf(code);
      if (at < 0) return undefined;
      bytes.push(at);
    }
  }
  return bytes;
}

/** Watches what is typed for the keys that leave. */
export class DetachKeys {
  private matched = 0;

  constructor(private readonly keys: readonly number[]) {}

  /** What to pass on of `bytes`; "detached" once the keys are complete. */
  filter(bytes: Uint8Array): Uint8Array | "detached" {
    if (this.keys.length === 0) return bytes;
    const out: number[] = [];
    for (const byte of bytes) {
      if (byte === this.keys[this.matched]) {
        this.matched++;
        if (this.matched === this.keys.length) return "detached";
        continue;
      }
      out.push(...this.keys.slice(0, this.matched));
      this.matched = 0;
      if (byte === this.keys[0]) this.matched = 1;
      else out.push(byte);
    }
    return Uint8Array.from(out);
  }
}
