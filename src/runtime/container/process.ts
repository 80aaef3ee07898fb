/** The runtime's side of starting a process: forks `runc init`, maps ids, sets the cgroup and limits, and hears what went wrong. runc `libcontainer/process_linux.go`. */

import { F_DUPFD } from "../../abi/fcntl.ts";
import { CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS } from "../../abi/sched.ts";
import { SIGKILL } from "../../abi/signal.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { lstat, writeFile } from "../../userland/libc/unistd.ts";
import { RuncError, withPath } from "../error.ts";
import type { IdMapping, NamespaceType, SpecNamespace, SpecProcess } from "../spec.ts";
import { joinCgroup } from "./cgroup.ts";
import { rlimitNumber } from "./finalize.ts";
import { INIT_PIPE } from "./init.ts";
import { type Bootstrap, SyncPipe } from "./sync.ts";

/** In the order in which they are joined: the user namespace first, for the rights that it gives. */
export const NAMESPACES: readonly (readonly [type: NamespaceType, flag: number, proc: string])[] = [
  ["user", CLONE_NEWUSER, "user"],
  ["ipc", CLONE_NEWIPC, "ipc"],
  ["uts", CLONE_NEWUTS, "uts"],
  ["network", CLONE_NEWNET, "net"],
  ["pid", CLONE_NEWPID, "pid"],
  ["mount", CLONE_NEWNS, "mnt"],
  ["cgroup", CLONE_NEWCGROUP, "cgroup"],
];

/** What to make and what to join. Errors: RuncError for a path that does not exist. */
export function* namespacePlan(sys: Sys, namespaces: readonly SpecNamespace[]): Proc<Pick<Bootstrap, "cloneFlags" | "join">> {
  let cloneFlags = 0;
  const join: [number, string][] = [];
  for (const [type, flag] of NAMESPACES) {
    const asked = namespaces.find((namespace) => namespace.type === type);
    if (asked === undefined) continue;
    if (!asked.path) cloneFlags |= flag;
    else {
      yield* withPath("unable to create new parent process: namespace path: lstat", asked.path, lstat(sys, asked.path));
      join.push([flag, asked.path]);
    }
  }
  return { cloneFlags, join };
}

/** The standard streams of the new process. */
export interface Streams {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

export interface Start {
  readonly bootstrap: Bootstrap;
  readonly streams: Streams;
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
  /** Runs before the root is changed, and before the program starts. */
  readonly beforeRoot: (pid: number) => Proc<void>;
  readonly beforeStart: (pid: number) => Proc<void>;
}

export interface Started {
  readonly pid: number;
  /** Master end of its terminal. */
  readonly console: number | undefined;
}

/** Starts a process in a container. It waits at exec.fifo, or runs its program already. Errors: RuncError. */
export function* startProcess(sys: Sys, start: Start): Proc<Started> {
  const { bootstrap } = start;
  const [ours, theirs] = yield* sys.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const stage0 = yield* sys.fork(() => execInit(sys, theirs, start.streams));
  yield* sys.close(theirs);
  const pipe = new SyncPipe(sys, ours);
  try {
    yield* joinCgroup(sys, bootstrap.cgroup, stage0);
    yield* pipe.send({ type: "bootstrap", bootstrap });
    const started = yield* converse(sys, pipe, start);
    yield* sys.wait4(stage0, 0);
    return started;
  } finally {
    yield* sys.close(ours);
  }
}

/** Becomes `runc init`. The conversation is on the descriptor above the standard streams. */
function* execInit(sys: Sys, theirs: number, { stdin, stdout, stderr }: Streams): Proc<number> {
  const safe = yield* sys.fcntl(theirs, F_DUPFD, 10);
  const streams = [yield* sys.fcntl(stdin, F_DUPFD, 10), yield* sys.fcntl(stdout, F_DUPFD, 10), yield* sys.fcntl(stderr, F_DUPFD, 10)];
  for (const [fd, from] of streams.entries()) yield* sys.dup2(from, fd);
  yield* sys.dup2(safe, 3);
  yield* sys.close_range(4, 0xffffffff, 0);
  return yield* sys.execve("/proc/self/exe", ["runc", "init"], new Map([[INIT_PIPE, "3"]]));
}

function* converse(sys: Sys, pipe: SyncPipe, start: Start): Proc<Started> {
  let pid = 0;
  let console: number | undefined;
  let prepared = false;
  for (;;) {
    const message = yield* pipe.receive();
    switch (message?.type) {
      case "maps":
        yield* writeMaps(sys, message.pid, start);
        yield* pipe.send({ type: "go" });
        break;
      case "pid":
        pid = message.pid;
        break;
      case "hooks":
        try {
          yield* start.beforeRoot(pid);
        } catch (e) {
          yield* sys.kill(pid, SIGKILL);
          yield* sys.wait4(pid, 0);
          if (e instanceof RuncError) throw new RuncError(`unable to start container process: error during container init: ${e.message}`);
          throw e;
        }
        yield* pipe.send({ type: "go" });
        break;
      case "ready":
        console = pipe.fds.shift();
        yield* setLimits(sys, pid, start.bootstrap.process);
        yield* start.beforeStart(pid);
        prepared = true;
        yield* pipe.send({ type: "go" });
        break;
      case "error":
        if (pid !== 0) yield* sys.wait4(pid, 0);
        throw new RuncError(`unable to start container process: ${prepared ? "" : "error during container init: "}${message.message}`);
      default:
        // The other end is closed: the program runs, or waits to be started.
        if (prepared) return { pid, console };
        throw new RuncError("unable to start container process: waiting for init preliminary setup: read init-p: connection reset by peer");
    }
  }
}

function* writeMaps(sys: Sys, pid: number, { uidMappings, gidMappings }: Start): Proc<void> {
  const text = (maps: readonly IdMapping[]): string => maps.map((map) => `${map.containerID} ${map.hostID} ${map.size}\n`).join("");
  const write = (name: string, value: string): Proc<void> =>
    withPath("write", `/proc/${pid}/${name}`, writeFile(sys, `/proc/${pid}/${name}`, value));
  if (uidMappings.length > 0) yield* write("uid_map", text(uidMappings));
  if (gidMappings.length > 0) yield* write("gid_map", text(gidMappings));
}

function* setLimits(sys: Sys, pid: number, process: SpecProcess): Proc<void> {
  for (const { type, hard, soft } of process.rlimits ?? [])
    yield* withPath(
      `error setting rlimit type ${rlimitNumber(type)}: prlimit`,
      String(pid),
      sys.prlimit64(pid, rlimitNumber(type), { cur: soft, max: hard }),
    );
  if (process.oomScoreAdj !== undefined) yield* writeFile(sys, `/proc/${pid}/oom_score_adj`, String(process.oomScoreAdj));
}
