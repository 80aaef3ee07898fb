/**
 * Services as systemd's unit files describe them, started without systemd: systemd.service(5), as far as `[Service]` ExecStart, ExecReload and `[Unit]` Description go.
 * Differs from Linux: nobody watches over them; who started one leaves its process id in /run/systemd/units/NAME.pid, and its output is in /var/log/NAME.log.
 */

import { EEXIST, Errno, ESRCH } from "../../abi/errno.ts";
import { O_APPEND, O_CREAT, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { SIG_SETMASK } from "../../abi/signal.ts";
import type { Env, Proc, Sys } from "../../abi/sys.ts";
import { DEFAULT_PATH, execvp, mkdir, open, optional, readDir, readText, writeFile } from "./unistd.ts";

export const UNIT_DIR = "/usr/lib/systemd/system";
export const WANTS_DIR = "/etc/systemd/system/multi-user.target.wants";
const RUN_DIR = "/run/systemd/units";

export interface Unit {
  /** `docker.service`. */
  readonly name: string;
  readonly path: string;
  readonly description: string;
  readonly documentation: string;
  readonly execStart: readonly string[];
  /** A signal's name; undefined where it cannot be reloaded. */
  readonly reloadSignal: string | undefined;
  /** It tells when it is ready: Type=notify. */
  readonly notifies: boolean;
}

/** `docker` and `docker.service` alike; undefined where there is no such unit. */
export function* findUnit(sys: Sys, name: string): Proc<Unit | undefined> {
  const full = name.includes(".") ? name : `${name}.service`;
  const path = `${UNIT_DIR}/${full}`;
  const text = yield* optional(readText(sys, path));
  if (text === undefined) return undefined;
  const value = (key: string): string | undefined => new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1];
  return {
    name: full,
    path,
    description: value("Description") ?? full,
    documentation: value("Documentation") ?? "",
    execStart: (value("ExecStart") ?? "").split(/\s+/).filter((word) => word !== ""),
    reloadSignal: /-s (\w+)/.exec(value("ExecReload") ?? "")?.[1],
    notifies: value("Type") === "notify",
  };
}

/** Units that are to be started when the machine is up. */
export function* enabledUnits(sys: Sys): Proc<string[]> {
  const entries = (yield* optional(readDir(sys, WANTS_DIR))) ?? [];
  return entries.map(({ name }) => name).filter((name) => name.endsWith(".service"));
}

/** The main process of a unit; undefined unless it runs. */
export function* unitPid(sys: Sys, unit: Unit): Proc<number | undefined> {
  const pid = Number((yield* optional(readText(sys, pidFileOf(unit)))) ?? "0");
  if (pid <= 0) return undefined;
  try {
    yield* sys.kill(pid, 0);
    const stat = yield* readText(sys, `/proc/${pid}/stat`);
    return /\) [ZX]/.test(stat) ? undefined : pid;
  } catch (e) {
    if (e === ESRCH || e instanceof Errno) return undefined;
    throw e;
  }
}

const pidFileOf = (unit: Unit): string => `${RUN_DIR}/${unit.name}.pid`;

/** In a child: becomes the service. Returns only where it cannot be executed. */
export function* becomeUnit(sys: Sys, unit: Unit, notifySocket?: string): Proc<number> {
  yield* sys.rt_sigprocmask(SIG_SETMASK, 0n);
  yield* sys.setsid();
  for (const dir of ["/run/systemd", RUN_DIR]) yield* optional(mkdir(sys, dir, 0o755), [EEXIST]);
  yield* writeFile(sys, pidFileOf(unit), String(yield* sys.getpid()), 0o644);
  const log = yield* open(sys, `/var/log/${unit.name.replace(/\.service$/, "")}.log`, O_WRONLY | O_CREAT | O_APPEND, 0o640);
  const nothing = yield* open(sys, "/dev/null", O_RDONLY);
  yield* sys.dup2(nothing, 0);
  yield* sys.dup2(log, 1);
  yield* sys.dup2(log, 2);
  yield* sys.close_range(3, 0xffffffff, 0);
  yield* sys.chdir("/");
  const env: Env = new Map([
    ["PATH", DEFAULT_PATH],
    ["LANG", "C.UTF-8"],
    ...(notifySocket === undefined ? [] : ([["NOTIFY_SOCKET", notifySocket]] as const)),
  ]);
  try {
    return yield* execvp(sys, unit.execStart[0] ?? "", unit.execStart, env);
  } catch (e) {
    if (e instanceof Errno) return 203;
    throw e;
  }
}
