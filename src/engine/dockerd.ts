/** dockerd(8): the Docker daemon. Reads its configuration, puts the parts together, listens, and ends in order. moby `cmd/dockerd`. */

import { EADDRINUSE, Errno, ESRCH } from "../abi/errno.ts";
import { parseIpv4 } from "../abi/inet.ts";
import { SA_RESTART, SIG_BLOCK, SIGHUP, SIGINT, SIGPIPE, SIGTERM, sigSet, SIG_IGN } from "../abi/signal.ts";
import { AF_INET, AF_UNIX, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET } from "../abi/socket.ts";
import { AT_FDCWD, F_SETFD, FD_CLOEXEC } from "../abi/fcntl.ts";
import type { Env, Proc, Program, Sys } from "../abi/sys.ts";
import { encodeUtf8 } from "../abi/utf8.ts";
import { getgrnam } from "../userland/libc/passwd.ts";
import { writeAll } from "../userland/libc/stdio.ts";
import { dirname, optional, readText, unlink } from "../userland/libc/unistd.ts";
import { buildConfig, ConfigError, OPTIONS, parseFlags, readConfigFile } from "./config.ts";
import { Containers } from "./containers/containers.ts";
import { Daemon, type DaemonConfig } from "./daemon.ts";
import { wordsOf, EngineError } from "./errors.ts";
import { Events } from "./events.ts";
import { makeDirs, removeTemporaries, writeAtomically } from "./files.ts";
import { Images } from "./images/images.ts";
import { Networks } from "./networks/networks.ts";
import { serveListener } from "./server/connection.ts";
import { Router } from "./server/router.ts";
import { buildRoutes } from "./server/routes/build.ts";
import { containerRoutes } from "./server/routes/containers.ts";
import { imageRoutes } from "./server/routes/images.ts";
import { networkRoutes } from "./server/routes/networks.ts";
import { swarmRoutes } from "./server/routes/swarm.ts";
import { systemRoutes } from "./server/routes/system.ts";
import { usageRoutes } from "./server/routes/usage.ts";
import { volumeRoutes } from "./server/routes/volumes.ts";
import { notifyReady } from "./notify.ts";
import { startThread } from "./sync.ts";
import { ENGINE_VERSION, GIT_COMMIT } from "./version.ts";
import { Volumes } from "./volumes/volumes.ts";

const ROUTES = [systemRoutes, usageRoutes, buildRoutes, containerRoutes, imageRoutes, networkRoutes, volumeRoutes, swarmRoutes];

export const main: Program = function* (sys, argv, env) {
  try {
    return yield* run(sys, argv.slice(1), env);
  } catch (e) {
    if (e instanceof ConfigError) {
      const hint = e.kind === "usage" ? "\nSee 'dockerd --help'." : "";
      yield* writeAll(
        sys,
        2,
        encodeUtf8(
          e.message.startsWith(`"dockerd"`)
            ? `${e.message}${hint}\n\n${USAGE}\n`
            : hint === ""
              ? `${e.message}\n`
              : `Status: ${e.message}${hint}, Code: 125\n`,
        ),
      );
      return 1;
    }
    if (!(e instanceof EngineError || e instanceof Errno)) throw e;
    yield* writeAll(sys, 2, encodeUtf8(`failed to start daemon: ${wordsOf(e)}\n`));
    return 1;
  }
};

const USAGE = "Usage:  dockerd [OPTIONS]\n\nA self-sufficient runtime for containers.\n";

function help(): string {
  const left = OPTIONS.map(({ name, short, kind }) => {
    const value = kind === "bool" ? "" : ` ${kind === "pools" ? "pool-options" : kind}`;
    return `${short === undefined ? "    " : `-${short}, `}--${name}${value}`;
  });
  const width = Math.max(...left.map((text) => text.length));
  return `\n${USAGE}\nOptions:\n${OPTIONS.map(({ usage }, i) => `  ${(left[i] as string).padEnd(width)}   ${usage}\n`).join("")}`;
}

function* run(sys: Sys, args: readonly string[], env: Env): Proc<number> {
  const settings = parseFlags(args);
  if (settings.get("version") === true) {
    yield* writeAll(sys, 1, encodeUtf8(`Docker version ${ENGINE_VERSION}, build ${GIT_COMMIT}\n`));
    return 0;
  }
  if (settings.get("help") === true) {
    yield* writeAll(sys, 1, encodeUtf8(help()));
    return 0;
  }
  const file = settings.get("config-file") as string | undefined;
  yield* readConfigFile(sys, file ?? "/etc/docker/daemon.json", file !== undefined, settings);
  const config = buildConfig(settings);
  if ((yield* sys.geteuid()) !== 0)
    throw new ConfigError(
      "dockerd needs to be started with root. To see how to run dockerd in rootless mode with unprivileged user, see the documentation",
      "config",
    );
  return yield* serve(sys, config, env);
}

function* serve(sys: Sys, config: DaemonConfig, env: Env): Proc<number> {
  // Threads inherit the mask: signals are for the main thread alone, which takes them one by one.
  const signals = sigSet(SIGTERM, SIGINT, SIGHUP);
  yield* sys.rt_sigprocmask(SIG_BLOCK, signals);
  yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: SA_RESTART, mask: 0n });
  yield* sys.umask(0o022);
  yield* takePidFile(sys, config.pidFile);
  yield* makeDirs(sys, config.root, 0o711);
  yield* makeDirs(sys, config.execRoot, 0o700);
  const daemon = new Daemon(sys, config, env);
  yield* daemon.log("info", "Starting up");
  const listeners: number[] = [];
  for (const host of config.hosts) listeners.push(yield* listenOn(daemon, host, env));
  yield* startParts(daemon);
  yield* daemon.log("info", "Docker daemon", { commit: GIT_COMMIT, graphdriver: "overlay2", version: ENGINE_VERSION });
  yield* daemon.log("info", "Daemon has completed initialization");
  const router = new Router(ROUTES);
  for (const [i, listener] of listeners.entries()) {
    yield* daemon.log("info", `API listen on ${(config.hosts[i] as string).replace(/^unix:\/\//, "")}`);
    yield* startThread(sys, function* () {
      yield* serveListener(daemon, router, listener);
      return 0;
    });
  }
  yield* notifyReady(sys, env);
  for (;;) {
    const { signo } = yield* sys.rt_sigtimedwait(signals);
    if (signo === SIGHUP) {
      yield* daemon.log("info", "Got signal to reload configuration, reloading from: /etc/docker/daemon.json");
      yield* daemon.events.log("daemon", "reload", daemon.id, { name: (yield* sys.uname()).nodename });
      continue;
    }
    yield* daemon.log("info", `Processing signal '${signo === SIGINT ? "interrupt" : "terminated"}'`);
    break;
  }
  yield* shutdown(daemon);
  return 0;
}

/** Below its root: where it writes files that are renamed. Those of a container or a layer are looked after with it. */
const OWN_DIRS = [
  "",
  "/image/overlay2",
  "/image/overlay2/imagedb/content/sha256",
  "/image/overlay2/imagedb/metadata/sha256",
  "/network/files",
  "/volumes",
];

function* startParts(daemon: Daemon): Proc<void> {
  const { sys, config } = daemon;
  for (const dir of OWN_DIRS) yield* removeTemporaries(sys, `${config.root}${dir}`);
  const idFile = `${config.root}/engine-id`;
  daemon.id = (yield* optional(readText(sys, idFile))) ?? "";
  if (daemon.id === "") {
    daemon.id = yield* makeEngineId(sys);
    yield* writeAtomically(sys, idFile, daemon.id);
  }
  daemon.events = new Events(daemon);
  daemon.images = new Images(daemon);
  daemon.volumes = new Volumes(daemon);
  daemon.networks = new Networks(daemon);
  daemon.containers = new Containers(daemon);
  yield* daemon.images.restore();
  yield* daemon.volumes.restore();
  yield* daemon.containers.restore();
}

function* shutdown(daemon: Daemon): Proc<void> {
  const { sys, config } = daemon;
  daemon.shuttingDown = true;
  yield* daemon.containers.shutdown();
  // With live-restore they run on, and keep their networks.
  if (!daemon.containers.list().some(({ running }) => running)) yield* daemon.networks.shutdown();
  for (const host of config.hosts) if (host.startsWith("unix://")) yield* optional(unlink(sys, host.slice(7)));
  yield* optional(unlink(sys, config.pidFile));
  yield* daemon.log("info", "Daemon shutdown complete");
}

/** Twelve groups of four, as libtrust's key ids. */
function* makeEngineId(sys: Sys): Proc<string> {
  const bytes = new Uint8Array(48);
  yield* sys.getrandom(bytes, 0);
  const text = [...bytes].map((byte) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[byte % 32]).join("");
  return (text.match(/.{4}/g) ?? []).join(":");
}

/** Errors: ConfigError where another daemon runs. */
function* takePidFile(sys: Sys, path: string): Proc<void> {
  const old = Number((yield* optional(readText(sys, path))) ?? "");
  const own = yield* sys.getpid();
  if (old > 0 && old !== own && (yield* isAlive(sys, old)))
    throw new ConfigError(
      `failed to start daemon, ensure docker is not running or delete ${path}: process with PID ${old} is still running`,
      "config",
    );
  yield* makeDirs(sys, dirname(path), 0o755);
  yield* writeAtomically(sys, path, String(own), 0o644);
}

function* isAlive(sys: Sys, pid: number): Proc<boolean> {
  try {
    yield* sys.kill(pid, 0);
    return true;
  } catch (e) {
    if (e === ESRCH) return false;
    throw e;
  }
}

/** sd_listen_fds(3). */
const LISTEN_FD = 3;

/** Errors: ConfigError. */
function* listenOn(daemon: Daemon, host: string, env: Env): Proc<number> {
  const { sys } = daemon;
  if (host.startsWith("fd://")) {
    if (env.get("LISTEN_FDS") === undefined || env.get("LISTEN_PID") !== String(yield* sys.getpid()))
      throw new ConfigError(
        "failed to load listeners: no sockets found via socket activation: make sure the service was started by systemd",
        "config",
      );
    yield* sys.fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC);
    return LISTEN_FD;
  }
  const [, protocol, address] = /^(\w+):\/\/(.*)$/.exec(host) ?? [];
  if (protocol === "unix") {
    const path = address as string;
    yield* makeDirs(sys, dirname(path), 0o755);
    // One that a killed daemon has left.
    yield* optional(unlink(sys, path));
    const fd = yield* sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    yield* sys.bind(fd, { family: AF_UNIX, path });
    yield* sys.fchmodat(AT_FDCWD, path, 0o660);
    const group = yield* getgrnam(sys, "docker");
    if (group === undefined) yield* daemon.log("warning", `could not change group ${path} to docker: group docker not found`);
    else yield* sys.fchownat(AT_FDCWD, path, 0, group.gid, 0);
    yield* sys.listen(fd, 4096);
    return fd;
  }
  if (protocol === "tcp") {
    const [, name = "", port = "2375"] = /^([^:]*)(?::(\d+))?$/.exec(address as string) ?? [];
    const addr = name === "" || name === "localhost" ? parseIpv4("127.0.0.1") : parseIpv4(name);
    if (addr === undefined) throw new ConfigError(`failed to load listeners: listen tcp: lookup ${name}: no such host`, "config");
    const fd = yield* sys.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    yield* sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    try {
      yield* sys.bind(fd, { family: AF_INET, addr, port: Number(port) });
    } catch (e) {
      if (e !== EADDRINUSE) throw e;
      throw new ConfigError(`failed to load listeners: listen tcp ${address}: bind: address already in use`, "config");
    }
    yield* sys.listen(fd, 4096);
    return fd;
  }
  throw new ConfigError(`failed to load listeners: Invalid bind address format: ${host}`, "config");
}
