/**
 * Apache's httpd 2.4: a parent process and a child for each connection, which serve files over HTTP/1.1. Options, signals and messages as httpd(8) has them.
 *
 * Differs from Linux: children are not kept in stock. What is not built (proxying, TLS, rewriting, .htaccess, CGI) is refused by the name of its directive.
 * Left out: -k, -D other than FOREGROUND, -S, -l, -L.
 */

import { EINTR, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_APPEND, O_CLOEXEC, O_CREAT, O_WRONLY } from "../../abi/fcntl.ts";
import { formatIpv4, INADDR_ANY } from "../../abi/inet.ts";
import { POLLIN } from "../../abi/poll.ts";
import { PR_SET_PDEATHSIG } from "../../abi/sched.ts";
import {
  SIG_BLOCK,
  SIG_DFL,
  SIG_IGN,
  SIG_SETMASK,
  SIGCHLD,
  SIGINT,
  SIGPIPE,
  SIGTERM,
  SIGUSR1,
  SIGWINCH,
  sigSet,
} from "../../abi/signal.ts";
import { AF_INET, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { type Command, command } from "../libc/command.ts";
import { inetAddress, SocketStream } from "../libc/inet.ts";
import { getgrnam, getpwnam } from "../libc/passwd.ts";
import { writeAll } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import { optional, unlink, writeFile } from "../libc/unistd.ts";
import { HttpdConnection, SERVER } from "./answer.ts";
import { ConfigError, readConfig, type Settings } from "./config.ts";

const CONF = "/usr/local/apache2/conf/httpd.conf";

const usage = `Usage: httpd [-D name] [-d directory] [-f file]
             [-v] [-V] [-h] [-t] [-M]
Options:
  -D name            : define a name for use in <IfDefine name> directives
  -f file            : specify an alternate ServerConfigFile
  -v                 : show version number
  -h                 : list available command line options (this page)
  -t                 : run syntax check for config files
  -M                 : a synonym for -t -D DUMP_MODULES
  -X                 : debug mode (only one worker, do not detach)
`;

const MODULES = "core so http mpm_event authz_core autoindex dir log_config mime unixd";

interface Options {
  conf: string;
  foreground: boolean;
  action: "run" | "test" | "modules";
}

function* readOptions(c: Command): Proc<Options | number> {
  const o: Options = { conf: CONF, foreground: false, action: "run" };
  for (let i = 0; i < c.args.length; i++) {
    const arg = c.args[i] as string;
    const letter = arg.slice(0, 2);
    const value = ["-D", "-f", "-d"].includes(letter) ? arg.slice(2) || (c.args[++i] ?? "") : "";
    if (letter === "-D") o.foreground ||= value === "FOREGROUND";
    else if (letter === "-f") o.conf = value.startsWith("/") ? value : `/usr/local/apache2/${value}`;
    else if (arg === "-X") o.foreground = true;
    else if (arg === "-t") o.action = "test";
    else if (arg === "-M") o.action = "modules";
    else if (arg === "-v" || arg === "-V") {
      yield* c.print(`Server version: ${SERVER}\nServer built:   Jan 23 2025 21:27:51\n`);
      return 0;
    } else {
      yield* c.eprint(usage);
      return arg === "-h" ? 0 : 1;
    }
  }
  return o;
}

class Httpd {
  private readonly pending = new Set<number>();
  private accessFd: number | undefined;
  private errorFd = 2;

  constructor(
    private readonly c: Command,
    private settings: Settings,
    private readonly o: Options,
  ) {}

  private get pidFile(): string {
    return `${this.settings.root}/logs/httpd.pid`;
  }

  *run(): Proc<number> {
    const { sys } = this.c;
    const { settings } = this;
    if (settings.serverName === "")
      yield* this.c.eprint(
        "AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using 127.0.0.1. Set the 'ServerName' directive globally to suppress this message\n",
      );
    const fd = yield* sys.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    yield* sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    try {
      yield* sys.bind(fd, inetAddress(INADDR_ANY, settings.port));
      yield* sys.listen(fd, 511);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.c.eprint(
        `(${e.code})${e.message}: AH00072: make_sock: could not bind to address 0.0.0.0:${settings.port}\nno listening sockets available, shutting down\nAH00015: Unable to open logs\n`,
      );
      return 1;
    }
    yield* this.openLogs();
    if (this.o.foreground) return yield* this.parent(fd);
    yield* sys.fork(
      function* (this: Httpd): Proc<number> {
        yield* sys.setsid();
        return yield* this.parent(fd);
      }.bind(this),
    );
    return 0;
  }

  private *openLogs(): Proc<void> {
    const { sys } = this.c;
    const openLog = (path: string): Proc<number> => sys.openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644);
    this.errorFd = yield* openLog(this.settings.errorLog);
    this.accessFd = this.settings.accessLog === "" ? undefined : yield* openLog(this.settings.accessLog);
  }

  private *log(module: string, level: string, message: string): Proc<void> {
    const { sec, nsec } = yield* this.c.sys.clock_gettime(0);
    const pid = yield* this.c.sys.getpid();
    const at = { sec, nsec: 0 };
    const time = `${strftime("%a %b %d %H:%M:%S", at)}.${String(Math.floor(nsec / 1000)).padStart(6, "0")} ${strftime("%Y", at)}`;
    yield* writeAll(this.c.sys, this.errorFd, encodeUtf8(`[${time}] [${module}:${level}] [pid ${pid}:tid ${pid}] ${message}\n`));
  }

  private *parent(listener: number): Proc<number> {
    const { sys } = this.c;
    const caught = [SIGTERM, SIGINT, SIGWINCH, SIGUSR1];
    for (const sig of caught) yield* sys.rt_sigaction(sig, { handler: () => this.noted(sig), flags: 0, mask: 0n });
    for (const sig of [SIGCHLD, SIGPIPE]) yield* sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
    const mask = yield* sys.rt_sigprocmask(SIG_BLOCK, sigSet(...caught));
    yield* optional(writeFile(sys, this.pidFile, `${yield* sys.getpid()}\n`, 0o644));
    yield* this.log("mpm_event", "notice", `AH00489: ${SERVER} configured -- resuming normal operations`);
    yield* this.log("core", "notice", `AH00094: Command line: '${["httpd", ...this.c.args].join(" ")}'`);
    for (;;) {
      try {
        yield* sys.ppoll([{ fd: listener, events: POLLIN, revents: 0 }], undefined, mask);
        const accepted = yield* sys.accept4(listener, SOCK_CLOEXEC);
        const from = accepted.addr.family === AF_INET ? accepted.addr : inetAddress(0, 0);
        yield* sys.fork(() => this.child(accepted.fd, listener, formatIpv4(from.addr), from.port, mask));
        yield* sys.close(accepted.fd);
      } catch (e) {
        if (e !== EINTR) throw e;
      }
      for (const sig of [...this.pending]) {
        this.pending.delete(sig);
        if (sig !== SIGUSR1) return yield* this.stop(sig);
        yield* this.log("mpm_event", "notice", "AH00493: SIGUSR1 received.  Doing graceful restart");
        try {
          this.settings = yield* readConfig(sys, this.o.conf);
        } catch (e) {
          if (!(e instanceof ConfigError)) throw e;
          yield* this.log("core", "error", e.message);
        }
        yield* this.log("mpm_event", "notice", `AH00489: ${SERVER} configured -- resuming normal operations`);
      }
    }
  }

  private *noted(sig: number): Proc<void> {
    this.pending.add(sig);
    // A handler takes no time of its own.
    yield* this.c.sys.spend(100);
  }

  private *stop(sig: number): Proc<number> {
    if (sig === SIGWINCH) yield* this.log("mpm_event", "notice", "AH00492: caught SIGWINCH, shutting down gracefully");
    else yield* this.log("mpm_event", "notice", `AH00491: caught ${sig === SIGINT ? "SIGINT" : "SIGTERM"}, shutting down`);
    yield* optional(unlink(this.c.sys, this.pidFile));
    return 0;
  }

  private *child(fd: number, listener: number, addr: string, port: number, mask: bigint): Proc<number> {
    const { sys } = this.c;
    const { settings, accessFd } = this;
    yield* sys.prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (const sig of [SIGTERM, SIGINT]) yield* sys.rt_sigaction(sig, { handler: SIG_DFL, flags: 0, mask: 0n });
    yield* sys.rt_sigprocmask(SIG_SETMASK, mask);
    yield* sys.close(listener);
    const user = yield* getpwnam(sys, settings.user);
    if (user !== undefined && (yield* sys.geteuid()) === 0) {
      const gid = (yield* getgrnam(sys, settings.group))?.gid ?? user.gid;
      yield* sys.setgroups([gid]);
      yield* sys.setgid(gid);
      yield* sys.setuid(user.uid);
    }
    const stream = new SocketStream(sys, fd);
    const logs = {
      access: (line: string) => writeAll(sys, accessFd ?? 1, encodeUtf8(accessFd === undefined ? "" : line)),
      error: (module: string, message: string) => this.log(module, "error", `[client ${addr}:${port}] ${message}`),
    };
    try {
      yield* new HttpdConnection(sys, settings, stream, { addr, port }, logs).serve();
    } catch (e) {
      // The client has gone.
      if (!(e instanceof Errno)) throw e;
    }
    return 0;
  }
}

export const main = command({ help: usage }, function* (c) {
  const o = yield* readOptions(c);
  if (typeof o === "number") return o;
  let settings: Settings;
  try {
    settings = yield* readConfig(c.sys, o.conf);
  } catch (e) {
    if (!(e instanceof ConfigError)) throw e;
    yield* c.eprint(`${e.message}\n`);
    return 1;
  }
  if (o.action === "modules") {
    yield* c.print(
      `Loaded Modules:\n${MODULES.split(" ")
        .map((name) => ` ${name}_module (static)\n`)
        .join("")}`,
    );
    return 0;
  }
  if (o.action === "test") {
    yield* c.eprint("Syntax OK\n");
    return 0;
  }
  return yield* new Httpd(c, settings, o).run();
});
