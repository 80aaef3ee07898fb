/**
 * `runc init`: how a process becomes a container. It begins as a child of the runtime, in the host's namespaces; makes or joins the new ones; its child, the
 * first process inside, arranges mounts, root, devices and names, waits at exec.fifo until `runc start`, and becomes the user's program.
 * runc `libcontainer/nsenter/nsexec.c`, `standard_init_linux.go`, `setns_init_linux.go`.
 */

import { EINVAL, Errno } from "../../abi/errno.ts";
import { F_SETFD, FD_CLOEXEC, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { MNT_DETACH, MS_BIND, MS_MOVE, MS_PRIVATE, MS_RDONLY, MS_REC, MS_REMOUNT, MS_SLAVE } from "../../abi/mount.ts";
import { CLONE_NEWCGROUP, CLONE_NEWUSER, CLONE_PARENT, PR_SET_NAME } from "../../abi/sched.ts";
import type { SeccompFilter } from "../../abi/seccomp.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import { open, writeFile } from "../../userland/libc/unistd.ts";
import { goError, RuncError, withPath, wrap } from "../error.ts";
import type { Spec } from "../spec.ts";
import { setupConsole } from "./console.ts";
import { createDevices, reopenNull, setupDevLinks } from "./devices.ts";
import { becomeUser, environment, execProcess, lookPath, seccompFilter } from "./finalize.ts";
import { maskPath, mkdirAll, mountEntry, readonlyPath, rootPropagation } from "./mounts.ts";
import { type Bootstrap, SyncPipe } from "./sync.ts";

/** The descriptor of the conversation with the runtime, by number. */
export const INIT_PIPE = "_LIBCONTAINER_INITPIPE";

/** The program behind `runc init`. */
export function* runInit(sys: Sys, env: ReadonlyMap<string, string>): Proc<number> {
  const fd = Number(env.get(INIT_PIPE));
  if (!Number.isInteger(fd)) throw new RuncError("runc init is not to be called by hand");
  const pipe = new SyncPipe(sys, fd);
  const first = yield* pipe.receive();
  if (first?.type !== "bootstrap") return 1;
  const { bootstrap } = first;
  try {
    yield* enterNamespaces(sys, pipe, bootstrap);
    return 0;
  } catch (e) {
    return yield* tell(pipe, e);
  }
}

function* tell(pipe: SyncPipe, e: unknown): Proc<number> {
  if (!(e instanceof RuncError || e instanceof Errno)) throw e;
  yield* pipe.send({ type: "error", message: goError(e) });
  return 1;
}

/** The container has been started: nobody listens at the pipe, and the fault is part of its output. libcontainer `factory_linux.go:StartInitialization`. */
function* tellOutput(sys: Sys, e: unknown): Proc<never> {
  if (!(e instanceof RuncError || e instanceof Errno)) throw e;
  yield* writeAll(sys, 2, encodeUtf8(`${goError(e)}\n`));
  return yield* sys.exit_group(1);
}

/** Stages 0 and 1 of nsexec.c: joins, unshares, and leaves the rest to a child that is born into all of it. */
function* enterNamespaces(sys: Sys, pipe: SyncPipe, bootstrap: Bootstrap): Proc<void> {
  yield* sys.prctl(PR_SET_NAME, "runc:[1:CHILD]");
  // All are opened before the first is joined: afterwards the paths may lead elsewhere.
  const joined: [flag: number, fd: number][] = [];
  for (const [flag, path] of bootstrap.join)
    joined.push([flag, yield* withPath("failed to open", path, open(sys, path, O_RDONLY | O_CLOEXEC))]);
  for (const [flag, fd] of joined) {
    yield* wrap(`failed to setns into ${flag === CLONE_NEWUSER ? "user " : ""}namespace`, sys.setns(fd, flag));
    yield* sys.close(fd);
  }
  const joinsUser = joined.some(([flag]) => flag === CLONE_NEWUSER);
  if ((bootstrap.cloneFlags & CLONE_NEWUSER) !== 0) {
    yield* wrap("failed to unshare user namespace", sys.unshare(CLONE_NEWUSER));
    yield* pipe.send({ type: "maps", pid: yield* sys.getpid() });
    yield* pipe.receive();
  }
  if (joinsUser || (bootstrap.cloneFlags & CLONE_NEWUSER) !== 0) {
    yield* wrap("failed to become root in user namespace", sys.setresuid(0, 0, 0));
    yield* sys.setresgid(0, 0, 0);
  }
  // The cgroup namespace comes last: its root is the cgroup that the runtime has put this process into.
  const flags = bootstrap.cloneFlags & ~(CLONE_NEWUSER | CLONE_NEWCGROUP);
  const pid = yield* wrap(
    "failed to unshare remaining namespaces",
    // The child is the runtime's, so that the runtime can wait for it.
    sys.clone3({ flags: flags | CLONE_PARENT }, () => containerInit(sys, pipe, bootstrap)),
  );
  yield* pipe.send({ type: "pid", pid });
}

/** Stage 2: the first process inside. */
function* containerInit(sys: Sys, pipe: SyncPipe, bootstrap: Bootstrap): Proc<number> {
  try {
    yield* sys.prctl(PR_SET_NAME, "runc:[2:INIT]");
    yield* sys.setsid();
    if (bootstrap.kind === "standard") yield* standardInit(sys, pipe, bootstrap);
    else yield* setnsInit(sys, pipe, bootstrap);
  } catch (e) {
    return yield* tell(pipe, e);
  }
  return 0;
}

function* standardInit(sys: Sys, pipe: SyncPipe, bootstrap: Bootstrap): Proc<void> {
  const { spec, process } = bootstrap;
  const { linux = {} } = spec;
  // While the host's paths still lead there: what is needed at the very end.
  const fifo = bootstrap.fifo === undefined ? undefined : yield* open(sys, bootstrap.fifo, O_PATH | O_CLOEXEC);
  if ((bootstrap.cloneFlags & CLONE_NEWCGROUP) !== 0) yield* sys.unshare(CLONE_NEWCGROUP);
  const hasMountNs = hasNamespace(spec, "mount");
  if (hasMountNs) yield* prepareRootfs(sys, pipe, bootstrap);
  else yield* plainRoot(sys, pipe, bootstrap);
  const console = process.terminal === true ? yield* setupConsole(sys, process, true) : undefined;
  if (hasMountNs) yield* finalizeRootfs(sys, spec);
  if (spec.hostname && hasNamespace(spec, "uts")) yield* wrap("sethostname", sys.sethostname(spec.hostname));
  if (spec.domainname && hasNamespace(spec, "uts")) yield* wrap("setdomainname", sys.setdomainname(spec.domainname));
  for (const [name, value] of Object.entries(linux.sysctl ?? {})) {
    const path = `/proc/sys/${name.replaceAll(".", "/")}`;
    yield* wrap(`write sysctl key ${name}`, withPath("open", path, writeFile(sys, path, value)));
  }
  for (const path of linux.readonlyPaths ?? []) yield* readonlyPath(sys, path);
  for (const path of linux.maskedPaths ?? []) yield* maskPath(sys, path);
  yield* ready(sys, pipe, console);
  yield* becomeProgram(sys, pipe, bootstrap, fifo);
}

/** One more process in a container that runs. */
function* setnsInit(sys: Sys, pipe: SyncPipe, bootstrap: Bootstrap): Proc<void> {
  const console = bootstrap.process.terminal === true ? yield* setupConsole(sys, bootstrap.process, false) : undefined;
  yield* ready(sys, pipe, console);
  yield* becomeProgram(sys, pipe, bootstrap, undefined);
}

/** Tells the runtime that all is prepared, hands it the terminal, and waits until the limits are in force. */
function* ready(sys: Sys, pipe: SyncPipe, console: number | undefined): Proc<void> {
  yield* pipe.send({ type: "ready" }, console === undefined ? undefined : [console]);
  if (console !== undefined) yield* sys.close(console);
  const answer = yield* pipe.receive();
  if (answer?.type !== "go") throw new RuncError("the runtime is gone");
}

function* becomeProgram(sys: Sys, pipe: SyncPipe, { spec, process }: Bootstrap, fifo: number | undefined): Proc<never> {
  const filter = spec.linux?.seccomp === undefined ? undefined : seccompFilter(spec.linux.seccomp);
  // Without no_new_privs a filter takes a right that is about to be dropped.
  if (filter !== undefined && process.noNewPrivileges !== true) yield* wrap("unable to init seccomp", sys.seccomp(filter));
  yield* becomeUser(sys, process);
  const env = yield* environment(sys, process);
  const argv = process.args as readonly string[];
  const file = yield* lookPath(sys, argv[0] as string, env.get("PATH") ?? "");
  if (fifo !== undefined) {
    // The runtime goes once the conversation ends; whoever opens the other end of the fifo starts the container.
    yield* sys.close(pipe.fd);
    const fd = yield* open(sys, `/proc/self/fd/${fifo}`, O_WRONLY | O_CLOEXEC);
    yield* sys.write(fd, encodeUtf8("0"));
    yield* sys.close(fd);
    yield* sys.close(fifo);
    try {
      return yield* execFiltered(sys, { file, argv, env }, process.noNewPrivileges === true ? filter : undefined);
    } catch (e) {
      return yield* tellOutput(sys, e);
    }
  }
  yield* sys.fcntl(pipe.fd, F_SETFD, FD_CLOEXEC);
  return yield* execFiltered(sys, { file, argv, env }, process.noNewPrivileges === true ? filter : undefined);
}

interface Image {
  readonly file: string;
  readonly argv: readonly string[];
  readonly env: ReadonlyMap<string, string>;
}

function* execFiltered(sys: Sys, { file, argv, env }: Image, filter: SeccompFilter | undefined): Proc<never> {
  if (filter !== undefined) yield* wrap("unable to init seccomp", sys.seccomp(filter));
  return yield* execProcess(sys, file, argv, env);
}

export function hasNamespace(spec: Spec, type: string): boolean {
  return (spec.linux?.namespaces ?? []).some((namespace) => namespace.type === type);
}

// ── The root filesystem ──────────────────────────────────────────────────────────────────────────────────────────────

function* prepareRootfs(sys: Sys, pipe: SyncPipe, { spec, rootfs, noPivot }: Bootstrap): Proc<void> {
  // First cut off the host: what is mounted from here on must not appear there.
  yield* sys.mount("", "/", "", rootPropagation(spec.linux?.rootfsPropagation), "");
  yield* makeParentPrivate(sys, rootfs);
  // pivot_root wants a mount, and a directory is none yet.
  yield* wrap("error preparing rootfs", sys.mount(rootfs, rootfs, "bind", MS_BIND | MS_REC, ""));
  const mounts = spec.mounts ?? [];
  for (const mount of mounts) yield* mountEntry(sys, rootfs, mount);
  // A container that mounts the host's /dev gets no nodes of its own.
  const ownDev = !mounts.some(({ destination, type }) => destination.replace(/\/+$/, "") === "/dev" && type === "bind");
  if (ownDev) {
    yield* wrap("error creating device nodes", createDevices(sys, rootfs, spec.linux?.devices ?? [], hasNamespace(spec, "user")));
    yield* wrap("error setting up /dev symlinks", setupDevLinks(sys, rootfs));
  }
  yield* pipe.send({ type: "hooks" });
  yield* pipe.receive();
  yield* withPath("chdir", rootfs, sys.chdir(rootfs));
  if (noPivot) yield* moveRoot(sys, rootfs);
  else yield* wrap("error jailing process inside rootfs", pivotRoot(sys, rootfs));
  if (ownDev) yield* wrap("error reopening /dev/null inside container", reopenNull(sys));
  yield* mkdirAll(sys, spec.process?.cwd ?? "/", 0o755);
}

/** Without a mount namespace the root is only changed. */
function* plainRoot(sys: Sys, pipe: SyncPipe, { rootfs }: Bootstrap): Proc<void> {
  yield* pipe.send({ type: "hooks" });
  yield* pipe.receive();
  yield* withPath("chroot", rootfs, sys.chroot(rootfs));
  yield* sys.chdir("/");
}

/** pivot_root refuses a parent mount that is shared. */
function* makeParentPrivate(sys: Sys, rootfs: string): Proc<void> {
  for (let path = rootfs; ; path = path.slice(0, path.lastIndexOf("/"))) {
    try {
      yield* sys.mount("", path === "" ? "/" : path, "", MS_PRIVATE, "");
      return;
    } catch (e) {
      if (e !== EINVAL || path === "") throw e;
    }
  }
}

/** pivot_root(".", "."): the old root ends up on top of the new one, and is taken off. */
function* pivotRoot(sys: Sys, rootfs: string): Proc<void> {
  const oldRoot = yield* open(sys, "/", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  const newRoot = yield* open(sys, rootfs, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  yield* sys.fchdir(newRoot);
  yield* wrap("pivot_root .", sys.pivot_root(".", "."));
  yield* sys.fchdir(oldRoot);
  // A slave, so that the unmounting is not seen on the host.
  yield* sys.mount("", ".", "", MS_SLAVE | MS_REC, "");
  yield* sys.umount2(".", MNT_DETACH);
  yield* sys.chdir("/");
  yield* sys.close(oldRoot);
  yield* sys.close(newRoot);
}

function* moveRoot(sys: Sys, rootfs: string): Proc<void> {
  yield* sys.mount(rootfs, "/", "", MS_MOVE, "");
  yield* sys.chroot(".");
  yield* sys.chdir("/");
}

function* finalizeRootfs(sys: Sys, spec: Spec): Proc<void> {
  for (const { destination, options = [] } of spec.mounts ?? []) {
    if (destination.replace(/\/+$/, "") === "/dev" && options.includes("ro"))
      yield* wrap("unable to remount /dev as readonly", sys.mount("tmpfs", "/dev", "", MS_REMOUNT | MS_RDONLY | MS_BIND, ""));
  }
  if (spec.root?.readonly === true) {
    const { flags } = yield* sys.statfs("/");
    yield* wrap(
      "error setting rootfs as readonly",
      sys.mount("/", "/", "bind", (flags & 0xe) | MS_BIND | MS_RDONLY | MS_REMOUNT | MS_REC, ""),
    );
  }
  yield* sys.umask(spec.process?.user.umask ?? 0o022);
}
