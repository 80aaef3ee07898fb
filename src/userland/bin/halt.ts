/**
 * halt(8), poweroff(8), reboot(8), shutdown(8): stops the machine by reboot(2), after sync(2).
 * Left out: the ordered end of services, since there are none; a time other than now; messages to users.
 */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";

const RB_AUTOBOOT = 0x01234567;
const RB_HALT_SYSTEM = 0xcdef0123;
const RB_POWER_OFF = 0x4321fedc;

type Action = "halt" | "poweroff" | "reboot";
const commands: Readonly<Record<Action, number>> = { halt: RB_HALT_SYSTEM, poweroff: RB_POWER_OFF, reboot: RB_AUTOBOOT };

const haltUsage = `halt [OPTIONS...]
       poweroff [OPTIONS...]
       reboot [OPTIONS...]
Halt, power off or reboot the machine, at once.

      --halt      halt
  -p, --poweroff  power off
      --reboot    reboot
  -f, --force     does nothing: it is always by force
  -n, --no-sync   do not sync
      --help      show this help`;

const shutdownUsage = `shutdown [OPTIONS...] now
Shut down the machine. Only "now" (or +0) is a time here.

  -H, --halt      halt
  -P, --poweroff  power off (the default)
  -r, --reboot    reboot
  -h              power off
  -k              do nothing
      --help      show this help`;

const busyboxUsage = `halt [-d DELAY] [-nf]

Halt the system

	-d SEC	Delay interval
	-n	Do not sync
	-f	Force (don't go through init)`;

function* stop(c: Command, action: Action, sync: boolean): Proc<number> {
  try {
    if (sync) yield* c.sys.sync();
    yield* c.sys.reboot(commands[action]);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (c.voice === "busybox") return yield* c.fail(`(null): ${e.message}`);
    yield* c.eprint(`Failed to ${action === "poweroff" ? "power off" : action} system via reboot(2): ${e.message}\n`);
    return 1;
  }
  return 0;
}

function* runHalt(c: Command, own: Action): Proc<number> {
  const { options } = yield* c.getopt({
    short: "pfnwd:",
    long: [{ name: "halt" }, { name: "poweroff", as: "p" }, { name: "reboot" }, { name: "force", as: "f" }, { name: "no-sync", as: "n" }],
  });
  let action = own;
  for (const { name } of options) {
    if (name === "halt" || name === "reboot") action = name;
    else if (name === "p") action = "poweroff";
  }
  return yield* stop(c, action, !options.some((o) => o.name === "n"));
}

function* runShutdown(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({
    short: "HPrhkc",
    long: [
      { name: "halt", as: "H" },
      { name: "poweroff", as: "P" },
      { name: "reboot", as: "r" },
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("c")) return yield* c.fail("no shutdown is scheduled");
  const time = operands[0];
  if (time === undefined) return yield* c.fail('a time is needed: only "now" is supported');
  if (time !== "now" && !/^\+?0+$/.test(time)) return yield* c.fail(`Failed to parse time specification: ${time}`);
  return has("k") ? 0 : yield* stop(c, has("r") ? "reboot" : has("H") ? "halt" : "poweroff", true);
}

const one = (name: Action): Executable => ({
  name,
  main: command({ help: help(haltUsage, busyboxUsage) }, (c) => runHalt(c, name)),
  paths: [`/usr/sbin/${name}`],
  sizeBytes: 26960,
  applet: `/sbin/${name}`,
});

export const halt = one("halt");
export const poweroff = one("poweroff");
export const reboot = one("reboot");

export const shutdown: Executable = {
  name: "shutdown",
  main: command({ help: help(shutdownUsage) }, runShutdown),
  paths: ["/usr/sbin/shutdown"],
  sizeBytes: 26960,
};
