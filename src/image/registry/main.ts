/**
 * registry, the program of the image of that name: the distribution API on a TCP port, with its data below /var/lib/registry. Distribution 2.8 and 3.0.
 *
 * Differs from Linux: a process for each connection, where Go has goroutines. Left out: TLS, authentication, proxying, notifications, caches, garbage-collect; a
 * configuration that asks for one of them is refused.
 */

import { EINTR, Errno } from "../../abi/errno.ts";
import { formatIpv4, INADDR_ANY, parseIpv4 } from "../../abi/inet.ts";
import { PR_SET_PDEATHSIG } from "../../abi/sched.ts";
import { SIG_IGN, SIGCHLD, SIGPIPE, SIGTERM } from "../../abi/signal.ts";
import { AF_INET, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { clock } from "../../userland/libc/clock.ts";
import { type Command, command, Exit } from "../../userland/libc/command.ts";
import {
  encodeHead,
  Headers,
  HttpError,
  HttpReader,
  keepsAlive,
  type RequestHead,
  requestFraming,
  statusLine,
} from "../../userland/libc/http.ts";
import { inetAddress, SocketStream } from "../../userland/libc/inet.ts";
import { concat, writeAll } from "../../userland/libc/stdio.ts";
import { strftime } from "../../userland/libc/strftime.ts";
import { open, optional, readText, stat } from "../../userland/libc/unistd.ts";
import { hex } from "../oci.ts";
import { DiskApi } from "./disk-api.ts";
import { DiskStore } from "./disk.ts";

const usage = `\`registry\`

Usage:
  registry [flags]
  registry [command]

Available Commands:
  garbage-collect \`garbage-collect\` deletes layers not referenced by any manifests
  help            Help about any command
  serve           \`serve\` stores and distributes Docker images

Flags:
  -h, --help      help for registry
  -v, --version   show the version and exit
`;

interface Settings {
  readonly version: string;
  readonly addr: number;
  readonly port: number;
  readonly root: string;
  readonly deletes: boolean;
}

/** What of the configuration there is something behind. Differs from Linux: found line by line, not by a reader of YAML. */
function* readSettings(c: Command, path: string, version: string): Proc<Settings> {
  let text: string;
  try {
    text = yield* readText(c.sys, path);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.eprint(`configuration error: open ${path}: ${e.message.toLowerCase()}\n`);
    throw new Exit(1);
  }
  for (const key of ["auth", "proxy", "notifications", "middleware", "redis"])
    if (new RegExp(`^${key}:`, "m").test(text)) {
      yield* c.eprint(`configuration error: "${key}" is not in Drydock yet\n`);
      throw new Exit(1);
    }
  const addr = c.env.get("REGISTRY_HTTP_ADDR") ?? /^ {2}addr: *"?([\w.:]*)/m.exec(text)?.[1] ?? ":5000";
  const colon = addr.lastIndexOf(":");
  const deletes = c.env.get("REGISTRY_STORAGE_DELETE_ENABLED") ?? /^ {2}delete:\n {4}enabled: *(\w+)/m.exec(text)?.[1];
  return {
    version,
    addr: parseIpv4(addr.slice(0, colon)) ?? INADDR_ANY,
    port: Number(addr.slice(colon + 1)),
    root: c.env.get("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY") ?? /^ {4}rootdirectory: *(\S+)/m.exec(text)?.[1] ?? "/var/lib/registry",
    deletes: deletes === "true",
  };
}

const GO: Readonly<Record<string, string>> = { "2.8.3": "go1.20.8", "3.0.0": "go1.23.7" };

class RegistryProcess {
  private instance = "";

  constructor(
    private readonly c: Command,
    private readonly settings: Settings,
  ) {}

  *run(): Proc<number> {
    const { sys } = this.c;
    const { addr, port, version } = this.settings;
    this.instance = yield* uuid(sys);
    const own = [
      ["go.version", GO[version] ?? ""],
      ["instance.id", this.instance],
      ["service", "registry"],
      ["version", version],
    ] as const;
    if (version.startsWith("2."))
      yield* this.log(
        "warning",
        "No HTTP secret provided - generated random secret. This may cause problems with uploads if multiple registries are behind a load-balancer. To provide a shared secret, fill in http.secret in the configuration file or set the REGISTRY_HTTP_SECRET environment variable.",
        own,
      );
    yield* this.log("info", "redis not configured", own);
    yield* this.log("info", "using inmemory blob descriptor cache", own);
    const fd = yield* sys.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    yield* sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    try {
      yield* sys.bind(fd, inetAddress(addr, port));
      yield* sys.listen(fd, 4096);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.log("fatal", `listen tcp ${addr === 0 ? "" : formatIpv4(addr)}:${port}: bind: ${e.message.toLowerCase()}`, []);
      return 1;
    }
    yield* this.log("info", `listening on ${addr === 0 ? "[::]" : formatIpv4(addr)}:${port}`, own);
    for (const sig of [SIGCHLD, SIGPIPE]) yield* sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
    // The first process of a container does not die of a signal that it does not handle.
    yield* sys.rt_sigaction(SIGTERM, { handler: () => this.stop(own), flags: 0, mask: 0n });
    for (;;) {
      try {
        const accepted = yield* sys.accept4(fd, SOCK_CLOEXEC);
        const from = accepted.addr.family === AF_INET ? accepted.addr : inetAddress(0, 0);
        yield* sys.fork(() => this.connection(accepted.fd, fd, formatIpv4(from.addr), from.port));
        yield* sys.close(accepted.fd);
      } catch (e) {
        if (e !== EINTR) throw e;
      }
    }
  }

  private *stop(own: readonly (readonly [string, string])[]): Proc<void> {
    if (!this.settings.version.startsWith("2.")) yield* this.log("info", "stopping server gracefully. Draining connections for 0s", own);
    // Go ends of the signal itself where nothing is to be drained.
    yield* this.c.sys.exit_group(this.settings.version.startsWith("2.") ? 2 : 0);
  }

  /** A line of logrus: `time="…" level=info msg="…" key=value`. */
  private *log(level: string, msg: string, fields: readonly (readonly [string, string | number])[]): Proc<void> {
    const { sec, nsec } = yield* this.c.sys.clock_gettime(0);
    const time = `${strftime("%Y-%m-%dT%H:%M:%S", { sec, nsec: 0 })}.${String(nsec).padStart(9, "0")}Z`;
    const rest = fields.map(([key, value]) => ` ${key}=${logfmt(String(value))}`).join("");
    yield* writeAll(this.c.sys, 2, encodeUtf8(`time="${time}" level=${level} msg=${logfmt(msg)}${rest} \n`));
  }

  // ── A connection ───────────────────────────────────────────────────────────────────────────────────────────────────

  private *connection(fd: number, listener: number, host: string, port: number): Proc<number> {
    const { sys } = this.c;
    yield* sys.prctl(PR_SET_PDEATHSIG, SIGTERM);
    yield* sys.rt_sigaction(SIGTERM, { handler: "SIG_DFL", flags: 0, mask: 0n });
    yield* sys.close(listener);
    const stream = new SocketStream(sys, fd);
    const reader = new HttpReader(stream);
    try {
      for (;;) {
        const head = yield* reader.requestHead();
        if (head === undefined) return 0;
        if (head.headers.lists("Expect", "100-continue")) yield* stream.write(encodeUtf8("HTTP/1.1 100 Continue\r\n\r\n"));
        yield* this.request(stream, reader, head, host, port);
        if (!keepsAlive(head)) return 0;
      }
    } catch (e) {
      if (e instanceof HttpError)
        yield* stream.write(
          encodeUtf8(
            `${statusLine(e.status)}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${statusLine(e.status).slice(9)}`,
          ),
        );
      // The client has gone.
      else if (!(e instanceof Errno)) throw e;
      return 0;
    }
  }

  private *request(stream: SocketStream, reader: HttpReader, head: RequestHead, host: string, port: number): Proc<void> {
    const { sys } = this.c;
    const { settings } = this;
    const started = yield* clock(sys);
    const called = head.headers.get("Host") ?? "";
    const now = strftime("%Y-%m-%dT%H:%M:%SZ", { sec: Math.floor(started), nsec: 0 });
    const disk = new DiskStore(sys, settings.root);
    const body = reader.body(requestFraming(head));
    const target = head.target.replace(/^http:\/\/[^/]*/, "");
    const api = new DiskApi(disk, `http://${called}`, settings.deletes, now);
    const path = decodePath(target.replace(/\?.*/, ""));
    const { response, blob } = yield* api.answer({ method: head.method, target, path, headers: head.headers }, body);
    while ((yield* body.read()) !== undefined);
    const content = typeof response.body === "string" ? encodeUtf8(response.body) : response.body;
    const bytes = content instanceof Uint8Array ? content.length : content.bytes;
    const fields = new Headers([
      ...(response.headers ?? []),
      ["X-Content-Type-Options", "nosniff"],
      ["Date", strftime("%a, %d %b %Y %H:%M:%S GMT", { sec: Math.floor(started), nsec: 0 })],
      ...(response.status === 204 ? [] : [["Content-Length", String(bytes)] as const]),
    ]);
    const top = encodeHead(statusLine(response.status), fields);
    if (head.method === "HEAD" || content instanceof Uint8Array)
      yield* stream.write(head.method === "HEAD" || !(content instanceof Uint8Array) ? top : concat([top, content]));
    else {
      yield* stream.write(top);
      const from = Number(/^bytes (\d+)-/.exec(fields.get("Content-Range") ?? "")?.[1] ?? 0);
      yield* sendFile(sys, stream, disk.blobPath(blob ?? ""), from, bytes);
    }
    const written = head.method === "HEAD" ? 0 : bytes;
    yield* this.logRequest(head, response.status, written, fields.get("Content-Type") ?? "", started, host, port);
  }

  private *logRequest(
    head: RequestHead,
    status: number,
    written: number,
    type: string,
    started: number,
    host: string,
    port: number,
  ): Proc<void> {
    const { sys } = this.c;
    const { version } = this.settings;
    const agent = head.headers.get("User-Agent") ?? "";
    const duration = `${(((yield* clock(sys)) - started) * 1000).toFixed(6).replace(/\.?0+$/, "")}ms`;
    yield* this.log("info", "response completed", [
      ["go.version", GO[version] ?? ""],
      ["http.request.host", head.headers.get("Host") ?? ""],
      ["http.request.id", yield* uuid(sys)],
      ["http.request.method", head.method],
      ["http.request.remoteaddr", `${host}:${port}`],
      ["http.request.uri", head.target],
      ["http.request.useragent", agent],
      ...(type === "" ? [] : [["http.response.contenttype", type] as const]),
      ["http.response.duration", duration],
      ["http.response.status", status],
      ["http.response.written", written],
    ]);
    const time = strftime("%d/%b/%Y:%H:%M:%S +0000", { sec: Math.floor(started), nsec: 0 });
    const line = `${host} - - [${time}] "${head.method} ${head.target} HTTP/${head.version}" ${status} ${written} "${head.headers.get("Referer") ?? ""}" "${agent}"\n`;
    yield* writeAll(sys, 1, encodeUtf8(line));
  }
}

const logfmt = (text: string): string => (/^[\w.:/@^+-]+$/.test(text) ? text : JSON.stringify(text));

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function* uuid(sys: Sys): Proc<string> {
  const random = new Uint8Array(16);
  yield* sys.getrandom(random, 0);
  const digits = hex(random);
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20)}`;
}

function* sendFile(sys: Sys, stream: SocketStream, path: string, from: number, bytes: number): Proc<void> {
  const fd = yield* open(sys, path);
  const buf = new Uint8Array(65_536);
  try {
    for (let at = from; at < from + bytes; ) {
      const n = yield* sys.pread64(fd, buf.subarray(0, Math.min(buf.length, from + bytes - at)), at);
      if (n === 0) return;
      yield* stream.write(buf.subarray(0, n));
      at += n;
    }
  } finally {
    yield* sys.close(fd);
  }
}

export const main = command({ help: usage }, function* (c) {
  const [verb = "", path] = c.args;
  // One program stands behind both images; where its configuration lies tells them apart.
  const third = (path ?? "").startsWith("/etc/distribution/") || (yield* optional(stat(c.sys, "/etc/distribution"))) !== undefined;
  const version = third ? "3.0.0" : "2.8.3";
  if (verb === "-v" || verb === "--version") {
    yield* c.print(
      third ? "registry github.com/distribution/distribution/v3 v3.0.0\n" : "registry github.com/docker/distribution v2.8.3\n",
    );
    return 0;
  }
  if (verb === "garbage-collect") return yield* c.fail("garbage-collect is not in Drydock yet");
  if (verb !== "serve") {
    yield* c.print(usage);
    return verb === "" || verb === "help" || verb === "-h" || verb === "--help" ? 0 : 1;
  }
  const file = path ?? c.env.get("REGISTRY_CONFIGURATION_PATH");
  if (file === undefined) {
    yield* c.eprint("configuration error: configuration path unspecified\nUsage:\n  registry serve <config> [flags]\n\n");
    return 1;
  }
  return yield* new RegistryProcess(c, yield* readSettings(c, file, version)).run();
});
