/** pidof(8) of sysvinit: the PIDs of programs by name, the newest first. Left out: -n, which is about network shares. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { BUSYBOX_VERSION } from "../libc/help.ts";
import { type Process, readProcess, readProcesses, readProcLink } from "../libc/libproc.ts";
import { basename } from "../libc/unistd.ts";

const usage = `pidof usage: [options] <program-name>

 -c           Return PIDs with the same root directory
 -d <sep>     Use the provided character as output separator
 -h           Display this help text
 -o <pid>     Omit results with a given PID
 -q           Quiet mode. Do not display output
 -s           Only return one PID
 -x           Return PIDs of shells running scripts with a matching name
 -z           List zombie and I/O waiting processes. May cause pidof to hang.

`;

const busyboxUsage = `BusyBox v${BUSYBOX_VERSION} multi-call binary.

Usage: pidof [NAME]...

List PIDs of all processes with names that match NAMEs
`;

function matches(p: Process, exe: string | undefined, name: string, scripts: boolean): boolean {
  const base = basename(name);
  const zero = (p.cmdline[0] ?? "").replace(/^-/, "");
  if (name.includes("/")) return exe === name || zero === name;
  if (zero !== "" && (zero === name || basename(zero) === base)) return true;
  if (exe !== undefined && basename(exe) === base) return true;
  if (p.cmdline.length === 0 && p.comm === base) return true;
  // `sh script`: the interpreter's process bears the script's name in comm or as its first argument.
  return scripts && (p.comm === base || p.cmdline.slice(1).some((word) => basename(word) === base));
}

/** Every process with one of `names`, for each name in turn, the newest first. */
export function* findByName(c: Command, names: readonly string[], scripts: boolean, zombies = false): Proc<Process[]> {
  const all = (yield* readProcesses(c.sys, { cmdline: true })).reverse();
  const found: Process[] = [];
  for (const name of names) {
    for (const p of all) {
      if (!zombies && (p.state === "Z" || p.state === "D")) continue;
      const exe = yield* readProcLink(c.sys, `/proc/${p.pid}/exe`);
      if (matches(p, exe, name, scripts)) found.push(p);
    }
  }
  return found;
}

function* run(c: Command): Proc<number> {
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = getopt(c.args, { short: c.voice === "busybox" ? "so:" : "cd:ho:qsxzn" }, c.voice);
  } catch (e) {
    if (!(e instanceof UsageError) || c.voice === "busybox") throw e;
    // It says nothing at all.
    return 1;
  }
  const { options, operands } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) {
    yield* c.print(usage);
    return 0;
  }
  if (has("n")) return yield* c.fail("option -n is not supported");
  const omit = new Set<number>();
  for (const { name, arg } of options) {
    if (name !== "o") continue;
    for (const word of arg.split(",")) omit.add(word === "%PPID" ? yield* c.sys.getppid() : Number(word));
  }
  const own = yield* readProcLink(c.sys, "/proc/self/root");
  const pids: number[] = [];
  const self = yield* c.sys.getpid();
  for (const p of yield* findByName(c, operands, has("x") || c.voice === "busybox", has("z"))) {
    if (omit.has(p.pid) || p.pid === self) continue;
    if (has("c") && (yield* readProcLink(c.sys, `/proc/${p.pid}/root`)) !== own) continue;
    if ((yield* readProcess(c.sys, p.pid)) !== undefined) pids.push(p.pid);
    if (has("s")) break;
  }
  if (pids.length > 0 && !has("q")) yield* c.print(`${pids.join(options.findLast((o) => o.name === "d")?.arg ?? " ")}\n`);
  return pids.length > 0 ? 0 : 1;
}

export const pidof: Executable = {
  name: "pidof",
  main: command({ help: busyboxUsage }, run),
  paths: ["/usr/sbin/killall5", "/usr/bin/pidof"],
  sizeBytes: 26944,
  applet: "/bin/pidof",
};
