/**
 * Services as systemd's unit files describe them, started without systemd: systemd.service(5), as far as `[Service]` ExecStart, ExecReload, LimitNOFILE, LimitNPROC, LimitCORE and `[Unit]` Description go;
 * systemd.socket(5), as far as one ListenStream path goes: init listens, and whoever connects first starts the service of the same name.
 * Differs from Linux: nobody watches over them; who started one leaves its process id in /run/systemd/units/NAME.pid, and its output is in /var/log/NAME.log.
 */

import { EEXIST, Errno, ESRCH } from "../../abi/errno.ts";
import { F_SETFD, O_APPEND, O_CREAT, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { RLIMIT_CORE, RLIMIT_NOFILE, RLIMIT_NPROC } from "../../abi/resource.ts";
import { SIG_SETMASK } from "../../abi/signal.ts";
import type { Env, Proc, Sys } from "../../abi/sys.ts";
import { DEFAULT_PATH, execvp, mkdir, open, optional, readDir, readText, unlink, writeFile } from "./unistd.ts";

export const UNIT_DIR = "/usr/lib/systemd/system";
export const WANTS_DIR = "/etc/systemd/system/multi-user.target.wants";
const SOCKETS_DIR = "/etc/systemd/system/sockets.target.wants";
/** Where services tell that they are ready: sd_notify(3). */
export const NOTIFY_SOCKET = "/run/systemd/notify";
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
  /** Soft and hard alike, by resource. */
  readonly limits: readonly (readonly [resource: number, value: number])[];
}

const LIMITS: readonly (readonly [key: string, resource: number])[] = [
  ["LimitNOFILE", RLIMIT_NOFILE],
  ["LimitNPROC", RLIMIT_NPROC],
  ["LimitCORE", RLIMIT_CORE],
];

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
    limits: LIMITS.flatMap(([key, resource]) => {
      const limit = value(key);
      return limit === undefined ? [] : [[resource, limit === "infinity" ? Number.POSITIVE_INFINITY : Number(limit)] as const];
    }),
  };
}

export interface SocketUnit {
  /** `docker.socket`. */
  readonly name: string;
  readonly path: string;
  readonly mode: number;
  readonly group: string;
  /** `docker.service`. */
  readonly service: string;
}

/** Sockets that init listens on. */
export function* enabledSockets(sys: Sys): Proc<SocketUnit[]> {
  const units: SocketUnit[] = [];
  for (const { name } of (yield* optional(readDir(sys, SOCKETS_DIR))) ?? []) {
    if (!name.endsWith(".socket")) continue;
    const text = yield* optional(readText(sys, `${UNIT_DIR}/${name}`));
    const value = (key: string): string | undefined => new RegExp(`^${key}=(.*)$`, "m").exec(text ?? "")?.[1];
    const path = value("ListenStream");
    if (path?.startsWith("/") !== true) continue;
    const mode = Number.parseInt(value("SocketMode") ?? "0666", 8);
    units.push({ name, path, mode, group: value("SocketGroup") ?? "root", service: name.replace(/socket$/, "service") });
  }
  return units;
}

/** The socket that starts a service, where init listens on one. */
export function* findSocket(sys: Sys, unit: Unit): Proc<SocketUnit | undefined> {
  const units = yield* enabledSockets(sys);
  return units.find(({ service }) => service === unit.name);
}

/** Whether a service that init has started says that it is ready. */
export function* isReady(sys: Sys, unit: Unit): Proc<boolean> {
  return (yield* optional(readText(sys, readyFileOf(unit)))) !== undefined;
}

/** By init, on the service's word. */
export function* markReady(sys: Sys, unit: Unit): Proc<void> {
  yield* writeFile(sys, readyFileOf(unit), "", 0o644);
}

const readyFileOf = (unit: Unit): string => `${RUN_DIR}/${unit.name}.ready`;

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

export interface Surroundings {
  /** Where it tells that it is ready. */
  readonly notifySocket?: string;
  /** A socket that listens for it: its descriptor 3, as sd_listen_fds(3) says. */
  readonly listener?: number;
}

/** In a child: becomes the service. Returns only where it cannot be executed. */
export function* becomeUnit(sys: Sys, unit: Unit, { notifySocket, listener }: Surroundings = {}): Proc<number> {
  yield* sys.rt_sigprocmask(SIG_SETMASK, 0n);
  yield* sys.setsid();
  for (const dir of ["/run/systemd", RUN_DIR]) yield* optional(mkdir(sys, dir, 0o755), [EEXIST]);
  yield* writeFile(sys, pidFileOf(unit), String(yield* sys.getpid()), 0o644);
  const log = yield* open(sys, `/var/log/${unit.name.replace(/\.service$/, "")}.log`, O_WRONLY | O_CREAT | O_APPEND, 0o640);
  const nothing = yield* open(sys, "/dev/null", O_RDONLY);
  yield* sys.dup2(nothing, 0);
  yield* sys.dup2(log, 1);
  yield* sys.dup2(log, 2);
  if (listener !== undefined && listener !== 3) yield* sys.dup2(listener, 3);
  if (listener === 3) yield* sys.fcntl(3, F_SETFD, 0);
  yield* sys.close_range(listener === undefined ? 3 : 4, 0xffffffff, 0);
  yield* optional(unlink(sys, readyFileOf(unit)));
  for (const [resource, value] of unit.limits) yield* sys.prlimit64(0, resource, { cur: value, max: value });
  yield* sys.chdir("/");
  const env: Env = new Map([
    ["PATH", DEFAULT_PATH],
    ["LANG", "C.UTF-8"],
    ...(listener === undefined
      ? []
      : ([
          ["LISTEN_FDS", "1"],
          ["LISTEN_PID", String(yield* sys.getpid())],
        ] as const)),
    ...(notifySocket === undefined ? [] : ([["NOTIFY_SOCKET", notifySocket]] as const)),
  ]);
  try {
    return yield* execvp(sys, unit.execStart[0] ?? "", unit.execStart, env);
  } catch (e) {
    if (e instanceof Errno) return 203;
    throw e;
  }
}
