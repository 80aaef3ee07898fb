/**
 * systemctl(1) and service(8) over the units of `libc/service.ts`: start, stop, restart, reload, status, is-active, enable, disable, is-enabled.
 * Differs from Linux: there is no systemd behind it; it starts and signals the main process itself. Left out: all else.
 */

import { EEXIST, EINTR, Errno, ESRCH } from "../../abi/errno.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";
import { POLLIN } from "../../abi/poll.ts";
import { findSignalNumber, SIGKILL, SIGTERM } from "../../abi/signal.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { becomeUnit, findSocket, findUnit, isReady, type SocketUnit, type Unit, unitPid, WANTS_DIR } from "../libc/service.ts";
import { lstat, mkdir, optional, readText, symlink, unlink } from "../libc/unistd.ts";

const START_MS = 90_000;
const STOP_TENTHS = 900;

/** Starts it and waits until it says that it is ready. Returns the exit status. */
function* start(c: Command, unit: Unit): Proc<number> {
  const { sys } = c;
  if ((yield* unitPid(sys, unit)) !== undefined) return 0;
  const socket = yield* findSocket(sys, unit);
  return socket === undefined ? yield* startAlone(c, unit) : yield* startBySocket(c, unit, socket);
}

/** init has the service's socket, so init has to start it: as for anybody who connects. */
function* startBySocket(c: Command, unit: Unit, socket: SocketUnit): Proc<number> {
  const { sys } = c;
  const fd = yield* sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  yield* sys.connect(fd, { family: AF_UNIX, path: socket.path });
  for (let waited = 0; waited < START_MS; waited += 20) {
    yield* sys.nanosleep(20e6);
    if ((yield* unitPid(sys, unit)) === undefined) {
      if (waited > 1000) break;
      continue;
    }
    if (!unit.notifies || (yield* isReady(sys, unit))) {
      yield* sys.close(fd);
      return 0;
    }
  }
  yield* sys.close(fd);
  return yield* failed(c, unit);
}

function* startAlone(c: Command, unit: Unit): Proc<number> {
  const { sys } = c;
  const path = `/run/systemd-notify-${yield* sys.getpid()}`;
  const socket = yield* sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  yield* sys.bind(socket, { family: AF_UNIX, path });
  // Its parent is to be init: the process in between ends at once.
  const middle = yield* sys.fork(function* () {
    yield* sys.fork(function* () {
      return yield* becomeUnit(sys, unit, unit.notifies ? { notifySocket: path } : {});
    });
    return 0;
  });
  yield* sys.wait4(middle, 0);
  let ready = !unit.notifies;
  for (let waited = 0; !ready && waited < START_MS; waited += 100) {
    const fds = [{ fd: socket, events: POLLIN, revents: 0 }];
    try {
      ready = (yield* sys.poll(fds, 100)) > 0;
    } catch (e) {
      if (e !== EINTR) throw e;
    }
    if (!ready && (yield* unitPid(sys, unit)) === undefined) break;
  }
  yield* sys.close(socket);
  yield* optional(unlink(sys, path));
  return ready ? 0 : yield* failed(c, unit);
}

function* failed(c: Command, unit: Unit): Proc<number> {
  yield* c.eprint(
    `Job for ${unit.name} failed because the control process exited with error code.\nSee "systemctl status ${unit.name}" and "journalctl -xeu ${unit.name}" for details.\n`,
  );
  return 1;
}

function* stop(c: Command, unit: Unit): Proc<number> {
  const { sys } = c;
  const pid = yield* unitPid(sys, unit);
  if (pid === undefined) return 0;
  const socket = yield* findSocket(sys, unit);
  if (socket !== undefined) yield* c.eprint(`Warning: Stopping ${unit.name}, but it can still be activated by:\n  ${socket.name}\n`);
  return yield* end(c, unit, pid);
}

/** Blocks until it has ended. */
function* end({ sys }: Command, unit: Unit, pid: number): Proc<number> {
  yield* optional(sys.kill(pid, SIGTERM), [ESRCH]);
  for (let tenths = 0; (yield* unitPid(sys, unit)) === pid; tenths++) {
    if (tenths === STOP_TENTHS) yield* optional(sys.kill(pid, SIGKILL), [ESRCH]);
    yield* sys.nanosleep(100e6);
  }
  return 0;
}

function* reload(c: Command, unit: Unit): Proc<number> {
  const pid = yield* unitPid(c.sys, unit);
  if (pid === undefined) {
    yield* c.eprint(`${unit.name} is not active, cannot reload.\n`);
    return 1;
  }
  const signal = unit.reloadSignal === undefined ? undefined : findSignalNumber(unit.reloadSignal);
  if (signal === undefined) {
    yield* c.eprint(`Failed to reload ${unit.name}: Job type reload is not applicable for unit ${unit.name}.\n`);
    return 1;
  }
  yield* c.sys.kill(pid, signal);
  return 0;
}

function* isEnabled(c: Command, unit: Unit): Proc<boolean> {
  return (yield* optional(lstat(c.sys, `${WANTS_DIR}/${unit.name}`))) !== undefined;
}

function* status(c: Command, unit: Unit): Proc<number> {
  const pid = yield* unitPid(c.sys, unit);
  const enabled = (yield* isEnabled(c, unit)) ? "enabled" : "disabled";
  yield* c.print(`${pid === undefined ? "○" : "●"} ${unit.name} - ${unit.description}\n`);
  yield* c.print(`     Loaded: loaded (${unit.path.replace("/usr/lib", "/lib")}; ${enabled}; preset: enabled)\n`);
  yield* c.print(`     Active: ${pid === undefined ? "inactive (dead)" : "active (running)"}\n`);
  if (unit.documentation !== "") yield* c.print(`       Docs: ${unit.documentation}\n`);
  if (pid === undefined) return 3;
  const comm = ((yield* optional(readText(c.sys, `/proc/${pid}/comm`))) ?? "").trim();
  yield* c.print(`   Main PID: ${pid} (${comm})\n`);
  const threads = /^Threads:\s+(\d+)/m.exec((yield* optional(readText(c.sys, `/proc/${pid}/status`))) ?? "")?.[1] ?? "1";
  yield* c.print(`      Tasks: ${threads}\n`);
  return 0;
}

function* enable(c: Command, unit: Unit): Proc<number> {
  for (const dir of ["/etc/systemd", "/etc/systemd/system", WANTS_DIR]) yield* optional(mkdir(c.sys, dir, 0o755), [EEXIST]);
  const link = `${WANTS_DIR}/${unit.name}`;
  const target = unit.path.replace("/usr/lib", "/lib");
  if (yield* isEnabled(c, unit)) return 0;
  yield* symlink(c.sys, target, link);
  yield* c.eprint(`Created symlink ${link} → ${target}.\n`);
  return 0;
}

function* disable(c: Command, unit: Unit): Proc<number> {
  const link = `${WANTS_DIR}/${unit.name}`;
  if (!(yield* isEnabled(c, unit))) return 0;
  yield* c.sys.unlinkat(AT_FDCWD, link, 0);
  yield* c.eprint(`Removed "${link}".\n`);
  return 0;
}

const verbs: Readonly<Record<string, (c: Command, unit: Unit) => Proc<number>>> = {
  start,
  stop,
  *restart(c, unit) {
    const pid = yield* unitPid(c.sys, unit);
    if (pid !== undefined) yield* end(c, unit, pid);
    return yield* start(c, unit);
  },
  reload,
  status,
  *"is-active"(c, unit) {
    const active = (yield* unitPid(c.sys, unit)) !== undefined;
    yield* c.print(active ? "active\n" : "inactive\n");
    return active ? 0 : 3;
  },
  *"is-enabled"(c, unit) {
    const enabled = yield* isEnabled(c, unit);
    yield* c.print(enabled ? "enabled\n" : "disabled\n");
    return enabled ? 0 : 1;
  },
  enable,
  disable,
};

/** What is said of a unit that does not exist, by verb. */
function missing(verb: string, name: string): string {
  if (verb === "status") return `Unit ${name} could not be found.\n`;
  if (verb === "enable" || verb === "disable") return `Failed to ${verb} unit: Unit file ${name} does not exist.\n`;
  if (verb === "is-enabled") return `Failed to get unit file state for ${name}: No such file or directory\n`;
  return `Failed to ${verb} ${name}: Unit ${name} not found.\n`;
}

const main = command(
  {
    help: `Usage: systemctl COMMAND UNIT...
Start, stop and look at services.

Commands:
  start, stop, restart, reload, status, is-active
  enable, disable, is-enabled       whether it is started with the machine
`,
  },
  function* (c) {
    const { operands } = yield* c.getopt({ short: "" });
    // service NAME VERB has it the other way round.
    const verb = operands[c.name === "service" ? 1 : 0];
    const units = c.name === "service" ? operands.slice(0, 1) : operands.slice(1);
    if (verb === undefined || (c.name === "service" && operands.length < 2)) {
      yield* c.eprint(
        c.name === "service"
          ? "Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]\n"
          : "Too few arguments.\n",
      );
      return 1;
    }
    const run = verbs[verb];
    if (run === undefined) {
      yield* c.eprint(`Unknown command verb ${verb}.\n`);
      return 1;
    }
    if (units.length === 0) {
      yield* c.eprint("Too few arguments.\n");
      return 1;
    }
    let worst = 0;
    for (const name of units) {
      const unit = yield* findUnit(c.sys, name);
      if (unit === undefined) {
        const full = name.includes(".") ? name : `${name}.service`;
        if (verb === "is-active") yield* c.print("inactive\n");
        else yield* c.eprint(missing(verb, full));
        worst = verb === "is-active" || verb === "status" ? 4 : verb.startsWith("is-") || verb === "enable" || verb === "disable" ? 1 : 5;
        continue;
      }
      try {
        worst = Math.max(worst, yield* run(c, unit));
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.eprint(`Failed to ${verb} ${unit.name}: ${e.message}\n`);
        worst = 1;
      }
    }
    return worst;
  },
);

export const systemctl: Executable = {
  name: "systemctl",
  main,
  paths: ["/usr/bin/systemctl", "/usr/sbin/service"],
  sizeBytes: 1_107_336,
};
