/** uname(2), sethostname(2), sysinfo(2), getrandom(2), syslog(2), reboot(2), ptrace(2). */

import { CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYSLOG } from "../../abi/capability.ts";
import { EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import type { PtraceRequest, PtraceStop } from "../../abi/ptrace.ts";
import { SIGHUP, SIGINT } from "../../abi/signal.ts";
import { byteLength } from "../../abi/utf8.ts";
import { exitedStatus } from "../../abi/wait.ts";
import type { MaySleep } from "../blocked.ts";
import { nsCapable } from "../ns/user.ts";
import { LOG_BUF_BYTES, UTS_RELEASE, UTS_VERSION } from "../params.ts";
import { groupExit } from "../task/exit.ts";
import { mayPtrace } from "../task/ptrace-access.ts";
import type { System } from "../task/system.ts";
import { processOf, type Task } from "../task/task.ts";
import { noReturn } from "./gate.ts";
import type { Handlers } from "./handler.ts";
import { requireTask } from "./process.ts";

function checkName(task: Task, name: string): void {
  if (!nsCapable(task.cred, task.ns.uts.userNs, CAP_SYS_ADMIN)) throw EPERM;
  if (byteLength(name) > 64) throw EINVAL;
}

function syslog(system: System, task: Task, type: number): string | number {
  if (!nsCapable(task.cred, system.initUserNs, CAP_SYSLOG) && type !== 10) throw EPERM;
  if (type === 3) return system.log.text();
  if (type === 4) {
    const text = system.log.text();
    system.log.clear();
    return text;
  }
  if (type === 5) {
    system.log.clear();
    return 0;
  }
  if (type === 10) return LOG_BUF_BYTES;
  throw EINVAL;
}

function ptrace(system: System, task: Task, request: PtraceRequest, pid: number, data = 0): PtraceStop | undefined {
  const tracee = requireTask(task, pid);
  if (request === "PTRACE_SEIZE") {
    if (tracee.tg === task.tg || tracee.ptrace !== undefined || tracee.state === "dead") throw EPERM;
    if (!mayPtrace(task, tracee, "real")) throw EPERM;
    attach(tracee, task, data);
    return undefined;
  }
  const trace = tracee.ptrace;
  if (trace === undefined || trace.tracer !== task.tg) throw ESRCH;
  if (request === "PTRACE_GET_SYSCALL_INFO") return trace.stop;
  if (request === "PTRACE_DETACH") {
    task.tg.tracees.delete(tracee);
    tracee.ptrace = undefined;
    if (tracee.state === "traced") system.sched.wake(tracee);
    return undefined;
  }
  // A running tracee of SEIZE may be told in advance to stop at its calls; a stopped one continues.
  trace.syscalls = request === "PTRACE_SYSCALL";
  trace.signal = data;
  if (tracee.state === "traced") system.sched.wake(tracee);
  return undefined;
}

/** Puts `tracee` under `tracer`; also for the children of a tracee. */
export function attach(tracee: Task, tracer: Task, options: number): void {
  tracee.ptrace = { tracer: tracer.tg, options, syscalls: false, stop: { op: "none" }, report: undefined, signal: 0 };
  tracer.tg.tracees.add(tracee);
}

const LINUX_REBOOT_CMD_RESTART = 0x01234567;
const LINUX_REBOOT_CMD_RESTART2 = 0xa1b2c3d4;
const LINUX_REBOOT_CMD_POWER_OFF = 0x4321fedc;
const LINUX_REBOOT_CMD_HALT = 0xcdef0123;
const REBOOT_COMMANDS = new Map([
  [LINUX_REBOOT_CMD_RESTART, "reboot: Restarting system"],
  [LINUX_REBOOT_CMD_POWER_OFF, "reboot: Power down"],
  [LINUX_REBOOT_CMD_HALT, "reboot: System halted"],
]);

/** reboot_pid_ns(): the init of the namespace ends by a signal that tells its parent what was asked for. Does not return. */
function rebootNamespace(system: System, task: Task, cmd: number): MaySleep<never> {
  const restart = cmd === LINUX_REBOOT_CMD_RESTART || cmd === LINUX_REBOOT_CMD_RESTART2;
  if (!restart && cmd !== LINUX_REBOOT_CMD_HALT && cmd !== LINUX_REBOOT_CMD_POWER_OFF) throw EINVAL;
  const { pidNs } = task;
  pidNs.rebootSignal = restart ? SIGHUP : SIGINT;
  const init = processOf(pidNs.find(1));
  if (init !== undefined && init !== task.tg) system.signals.killThreads(init);
  groupExit(task, exitedStatus(0));
  return noReturn();
}

export const systemCalls: Handlers<"uname" | "sethostname" | "setdomainname" | "sysinfo" | "getrandom" | "syslog" | "reboot" | "ptrace"> = {
  uname: (_system, task) => ({
    sysname: "Linux",
    nodename: task.ns.uts.hostname,
    release: UTS_RELEASE,
    version: UTS_VERSION,
    machine: "x86_64",
    domainname: task.ns.uts.domainname,
  }),
  sethostname: (system, task, name) => {
    checkName(task, name);
    task.ns.uts.hostname = name;
    system.initUserNs.live.changed();
    task.ns.uts.userNs.live.changed();
  },
  setdomainname: (_system, task, name) => {
    checkName(task, name);
    task.ns.uts.domainname = name;
  },
  sysinfo: (system, task) => ({
    uptimeSec: Math.floor((system.sched.clockNs + task.ns.time.boottimeNs) / 1e9),
    loads: [...system.loads],
    totalram: system.memory.totalBytes,
    freeram: system.memory.freeBytes,
    sharedram: system.memory.usedBytes.shmem,
    bufferram: 0,
    totalswap: 0,
    freeswap: 0,
    procs: system.tasks.size,
  }),
  getrandom: (system, _task, buf) => {
    system.random.fill(buf);
    system.sched.clockNs += buf.length * 2;
    return buf.length;
  },
  syslog,
  reboot: (system, task, cmd) => {
    if (!nsCapable(task.cred, task.pidNs.userNs, CAP_SYS_BOOT)) throw EPERM;
    if (task.pidNs !== system.initPidNs) return rebootNamespace(system, task, cmd);
    const message = REBOOT_COMMANDS.get(cmd);
    if (message === undefined) throw EINVAL;
    system.log.printk(0, message);
    system.halted = message;
    system.sched.quantumEndNs = system.sched.clockNs;
  },
  ptrace,
};
