/**
 * /dev/console: console(4). Nobody looks at it: what is written there is dropped, and nothing is ever typed.
 *
 * Differs from Linux: the kernel log is not copied to the console.
 */

import { makedev } from "../../abi/stat.ts";
import type { System } from "../task/system.ts";
import { CONSOLE_TERMIOS } from "./termios.ts";
import { Tty, type TtyDriver } from "./tty.ts";

const ROOM = 65_536;

const driver: TtyDriver = {
  pty: false,
  closed: false,
  room: () => ROOM,
  push: () => {},
  pushed: () => {},
  flush: () => {},
  inputDrained: () => {},
  opened: () => {},
  released: () => {},
};

const consoles = new WeakMap<System, Tty>();

export function consoleOf(system: System): Tty {
  let tty = consoles.get(system);
  if (tty === undefined) {
    tty = new Tty(system, "console", makedev(5, 1), driver, CONSOLE_TERMIOS);
    consoles.set(system, tty);
  }
  return tty;
}
