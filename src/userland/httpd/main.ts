/**
 * httpd of busybox 1.35: static files, one process a connection, which is closed after the answer. Left out: CGI, configuration files, authentication, inetd mode,
 * compression; their options are unknown.
 */

import { EINTR, Errno } from "../../abi/errno.ts";
import { formatIpv4, INADDR_ANY, parseIpv4 } from "../../abi/inet.ts";
import { SA_RESTART, SIG_IGN, SIGCHLD, SIGPIPE } from "../../abi/signal.ts";
import { AF_INET, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET, type SocketAddress } from "../../abi/socket.ts";
import { isDir, isReg, type Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { encodeHead, Headers, HttpError, HttpReader, statusLine } from "../libc/http.ts";
import { inetAddress, SocketStream } from "../libc/inet.ts";
import { clock } from "../libc/clock.ts";
import { strftime } from "../libc/strftime.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { open, optional, stat } from "../libc/unistd.ts";

const text = `httpd [-fv[v]] [-p [IP:]PORT] [-h HOME]

Listen for incoming HTTP requests

	-f		Run in foreground
	-v[v]		Verbose
	-p [IP:]PORT	Bind to IP:PORT (default *:80)
	-h HOME		Home directory (default .)`;

const TYPES: Readonly<Record<string, string>> = {
  txt: "text/plain",
  htm: "text/html",
  html: "text/html",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  png: "image/png",
  svg: "image/svg+xml",
  css: "text/css",
  js: "application/javascript",
  json: "application/json",
  xml: "application/xml",
  wav: "audio/wav",
  avi: "video/x-msvideo",
  qt: "video/quicktime",
};

const DETAILS: Readonly<Record<number, readonly [title: string, detail: string]>> = {
  400: ["Bad Request", "Unsupported method"],
  403: ["Forbidden", ""],
  404: ["Not Found", "The requested URL was not found"],
  408: ["Request Timeout", "No request appeared within 60 seconds"],
  501: ["Not Implemented", "The requested method is not recognized"],
};

interface Found {
  readonly path: string;
  readonly stat: Stat;
}

/** One connection. */
class Answer {
  constructor(
    private readonly sys: Sys,
    private readonly stream: SocketStream,
    private readonly log: (status: number) => Proc<void>,
  ) {}

  *serve(): Proc<void> {
    let head: { readonly method: string; readonly target: string; readonly headers: Headers };
    try {
      // A request of one word is none that httpd knows.
      const request = yield* new HttpReader(this.stream).requestHead();
      if (request === undefined) return;
      head = request;
    } catch (e) {
      if (!(e instanceof HttpError)) throw e;
      yield* this.page(400);
      return;
    }
    if (head.method !== "GET" && head.method !== "HEAD") {
      // Only CGI would take what is posted.
      yield* this.page(501);
      return;
    }
    const [target = "/"] = head.target.replace(/^http:\/\/[^/]*/, "").split("?");
    const path = normalize(target);
    if (path === undefined) {
      yield* this.page(400);
      return;
    }
    const found = yield* this.find(path);
    if (found === undefined) {
      yield* this.page(404);
      return;
    }
    if (found === "redirect") {
      yield* this.send(302, [
        ["Content-type", "text/html"],
        ["Location", `${path}/`],
      ]);
      return;
    }
    yield* this.file(found, head.headers.get("Range"));
  }

  private *find(path: string): Proc<Found | "redirect" | undefined> {
    const own = `.${path}`;
    const found = yield* optional(stat(this.sys, own));
    if (found === undefined) return undefined;
    if (isReg(found.mode)) return { path: own, stat: found };
    if (!isDir(found.mode)) return undefined;
    if (!path.endsWith("/")) return "redirect";
    const index = yield* optional(stat(this.sys, `${own}index.html`));
    return index === undefined ? undefined : { path: `${own}index.html`, stat: index };
  }

  private *file({ path, stat: { size, mtime } }: Found, range: string | undefined): Proc<void> {
    let fd: number;
    try {
      fd = yield* open(this.sys, path);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.page(404);
      return;
    }
    const part = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
    const from = part === null ? 0 : Number(part[1]);
    const to = part === null || part[2] === "" ? size - 1 : Math.min(Number(part[2]), size - 1);
    const partial = part !== null && from <= to;
    const extension = path.slice(path.lastIndexOf(".") + 1);
    const fields: [string, string][] = [["Content-type", TYPES[extension] ?? "application/octet-stream"]];
    if (partial) fields.push(["Content-Range", `bytes ${from}-${to}/${size}`]);
    fields.push(
      ["Accept-Ranges", "bytes"],
      ["Last-Modified", httpDate(mtime.sec)],
      ["ETag", `"${mtime.sec.toString(16)}-${size.toString(16)}"`],
      ["Content-Length", String(partial ? to - from + 1 : size)],
    );
    yield* this.send(partial ? 206 : 200, fields);
    // To HEAD, too: busybox 1.35 sends the body all the same.
    yield* this.copy(fd, partial ? from : 0, partial ? to + 1 : size);
    yield* this.sys.close(fd);
  }

  private *copy(fd: number, from: number, end: number): Proc<void> {
    const buf = new Uint8Array(65_536);
    for (let at = from; at < end; ) {
      const n = yield* this.sys.pread64(fd, buf.subarray(0, Math.min(buf.length, end - at)), at);
      if (n === 0) return;
      yield* this.stream.write(buf.subarray(0, n));
      at += n;
    }
  }

  private *page(status: number): Proc<void> {
    const [title, detail] = DETAILS[status] ?? ["Error", ""];
    const name = `${status} ${title}`;
    const page = `<HTML><HEAD><TITLE>${name}</TITLE></HEAD>\n<BODY><H1>${name}</H1>\n${detail}\n</BODY></HTML>\n`;
    yield* this.send(status, [["Content-type", "text/html"]], page);
  }

  private *send(status: number, fields: readonly [string, string][], page = ""): Proc<void> {
    yield* this.log(status);
    const date = httpDate(Math.floor(yield* clock(this.sys)));
    const bytes = encodeHead(statusLine(status), new Headers([["Date", date], ["Connection", "close"], ...fields]));
    const body = encodeUtf8(page);
    const all = new Uint8Array(bytes.length + body.length);
    all.set(bytes);
    all.set(body, bytes.length);
    yield* this.stream.write(all);
  }
}

const httpDate = (sec: number): string => strftime("%a, %d %b %Y %H:%M:%S GMT", { sec, nsec: 0 });

/** A path without `.`, `..` and double slashes; undefined where it leads out or is badly encoded. */
function normalize(target: string): string | undefined {
  if (!target.startsWith("/")) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(target);
  } catch {
    return undefined;
  }
  const parts: string[] = [];
  for (const part of decoded.split("/")) {
    if (part === "..") {
      if (parts.length === 0) return undefined;
      parts.pop();
    } else if (part !== "." && part !== "") parts.push(part);
  }
  return `/${parts.join("/")}${/(\/|\/\.|\/\.\.)$/.test(decoded) && parts.length > 0 ? "/" : ""}`;
}

function* listenOn(c: Command, where: string): Proc<number> {
  const colon = where.lastIndexOf(":");
  const port = where.slice(colon + 1);
  const addr = colon < 0 ? INADDR_ANY : parseIpv4(where.slice(0, colon));
  if (!/^\d+$/.test(port) || Number(port) > 65_535) yield* c.fail(`bad port '${port}'`);
  if (addr === undefined) yield* c.fail(`bad address '${where.slice(0, colon)}'`);
  const fd = yield* c.sys.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  yield* c.sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  try {
    yield* c.sys.bind(fd, inetAddress(addr ?? INADDR_ANY, Number(port)));
    yield* c.sys.listen(fd, 9);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.fail(`bind: ${e.message}`);
  }
  return fd;
}

function* serve(c: Command, listener: number, verbose: number): Proc<number> {
  const { sys } = c;
  yield* sys.rt_sigaction(SIGCHLD, { handler: SIG_IGN, flags: SA_RESTART, mask: 0n });
  yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
  for (;;) {
    let accepted: { readonly fd: number; readonly addr: SocketAddress };
    try {
      accepted = yield* sys.accept4(listener, 0);
    } catch (e) {
      if (e === EINTR) continue;
      throw e;
    }
    const { fd, addr } = accepted;
    const peer = addr.family === AF_INET ? `${formatIpv4(addr.addr)}:${addr.port}` : "";
    yield* sys.fork(function* () {
      yield* sys.close(listener);
      if (verbose > 1) yield* c.eprint(`${peer}: connected\n`);
      function* log(status: number): Proc<void> {
        if (verbose > 0) yield* c.eprint(`${peer}: response:${status}\n`);
      }
      try {
        yield* new Answer(sys, new SocketStream(sys, fd), log).serve();
      } catch (e) {
        // The client has gone.
        if (!(e instanceof Errno)) throw e;
      }
      if (verbose > 2) yield* c.eprint(`${peer}: closed\n`);
      return 0;
    });
    yield* sys.close(fd);
  }
}

function* run(c: Command): Proc<number> {
  const { options } = getopt(c.args, { short: "fvp:h:" }, "busybox");
  let [home, where, verbose] = [".", "80", 0];
  for (const { name, arg } of options) {
    if (name === "h") home = arg;
    else if (name === "p") where = arg;
    else if (name === "v") verbose++;
  }
  try {
    yield* c.sys.chdir(home);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.fail(`can't change directory to '${home}': ${e.message}`);
  }
  const listener = yield* listenOn(c, where);
  if (options.some(({ name }) => name === "f")) return yield* serve(c, listener, verbose);
  yield* c.sys.fork(function* () {
    yield* c.sys.setsid();
    return yield* serve(c, listener, 0);
  });
  return 0;
}

export const main = command({ help: help(text) }, run);
