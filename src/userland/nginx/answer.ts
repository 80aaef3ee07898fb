/** One connection of an nginx worker: requests are read, answered from files, and logged. ngx_http_static_module, ngx_http_index_module, ngx_http_autoindex_module. */

import { EACCES, EISDIR, ENOENT, ENOTDIR, Errno } from "../../abi/errno.ts";
import { isDir, isReg, type Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { clock } from "../libc/clock.ts";
import { encodeHead, Headers, HttpError, HttpReader, keepsAlive, type RequestHead, reasons, requestFraming } from "../libc/http.ts";
import type { SocketStream } from "../libc/inet.ts";
import { concat } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import { open, optional, readDir, stat } from "../libc/unistd.ts";
import { locate, type Location, type Server, serverFor, type Site } from "./site.ts";

export const NGINX = "nginx/1.27.5";

export interface Peer {
  readonly addr: string;
  /** Of the server's end. */
  readonly port: number;
  /** The connection's number in the log. */
  readonly number: number;
}

export interface Logs {
  access(line: string): Proc<void>;
  error(level: string, message: string): Proc<void>;
}

interface Outcome {
  readonly status: number;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: Uint8Array;
  readonly file?: { readonly path: string; readonly from: number; readonly to: number };
}

export class HttpConnection {
  constructor(
    private readonly sys: Sys,
    private readonly site: Site,
    private readonly stream: SocketStream,
    private readonly peer: Peer,
    private readonly logs: Logs,
  ) {}

  /** Serves until one side has enough. Blocks. */
  *serve(): Proc<void> {
    const reader = new HttpReader(this.stream);
    for (;;) {
      let head: RequestHead | undefined;
      try {
        head = yield* reader.requestHead();
        if (head === undefined) return;
        const body = reader.body(requestFraming(head));
        while ((yield* body.read()) !== undefined);
      } catch (e) {
        if (!(e instanceof HttpError)) throw e;
        yield* this.respond(undefined, this.errorPage(e.status));
        return;
      }
      const server = serverFor(this.site, this.peer.port, head.headers.get("Host") ?? "");
      const [target = "/"] = head.target.replace(/^http:\/\/[^/]*/, "").split("?");
      const outcome = server === undefined ? this.errorPage(404) : yield* this.outcome(server, head, target);
      yield* this.respond(head, outcome);
      if (!keepsAlive(head)) return;
    }
  }

  private *outcome(server: Server, head: RequestHead, target: string): Proc<Outcome> {
    const path = normalize(target);
    const first = path === undefined ? this.errorPage(400) : yield* this.answer(server, head, path, 0);
    const page = first.status >= 400 ? server.errorPages.get(first.status) : undefined;
    if (page === undefined || first.file !== undefined) return first;
    const other = yield* this.answer(server, head, page, 1);
    return other.status === 200 ? { ...other, status: first.status } : first;
  }

  private *answer(server: Server, head: RequestHead, path: string, depth: number): Proc<Outcome> {
    const location = locate(server, path);
    const { returns } = location;
    if (returns !== undefined) return this.returned(location, returns);
    if (head.method !== "GET" && head.method !== "HEAD") return this.errorPage(405);
    if (location.tryFiles.length > 0 && depth < 10) {
      const words = location.tryFiles.map((word) => word.replace(/\$(?:uri|\{uri\})/g, () => path).replaceAll("$args", ""));
      for (const word of words.slice(0, -1)) {
        const st = yield* optional(stat(this.sys, fileOf(location, word)), [ENOENT, ENOTDIR, EACCES]);
        if (st !== undefined && (word.endsWith("/") ? isDir(st.mode) : isReg(st.mode)))
          return yield* this.file(server, head, location, word, depth);
      }
      const last = words[words.length - 1] as string;
      if (last.startsWith("=")) return this.errorPage(Number(last.slice(1)));
      return yield* this.answer(server, head, last.replace(/\?.*/, ""), depth + 1);
    }
    return yield* this.file(server, head, location, path, depth);
  }

  private returned({ headers }: Location, { status, text }: { status: number; text: string }): Outcome {
    if ([301, 302, 303, 307, 308].includes(status)) {
      const page = this.errorPage(status);
      return { ...page, headers: [...(page.headers ?? []), ["Location", text]] };
    }
    if (text === "") return this.errorPage(status);
    return { status, headers: [["Content-Type", this.site.defaultType], ...headers], body: encodeUtf8(text) };
  }

  private *file(server: Server, head: RequestHead, location: Location, path: string, depth: number): Proc<Outcome> {
    const full = fileOf(location, path);
    let st: Stat;
    try {
      st = yield* stat(this.sys, full);
      if (path.endsWith("/") && !isDir(st.mode)) throw ENOTDIR;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.failed(
        `${path.endsWith("/") ? `"${full}index.html" is not found` : `open() "${full}" failed`} (${e.code}: ${e.message})`,
        server,
        head,
      );
      return this.errorPage(e === EACCES ? 403 : 404);
    }
    if (isDir(st.mode)) {
      if (!path.endsWith("/")) {
        const page = this.errorPage(301);
        return { ...page, headers: [...(page.headers ?? []), ["Location", `http://${head.headers.get("Host") ?? "localhost"}${path}/`]] };
      }
      for (const name of location.index) {
        const index = yield* optional(stat(this.sys, full + name));
        if (index !== undefined && isReg(index.mode)) return yield* this.answer(server, head, path + name, depth + 1);
      }
      if (location.autoindex) return yield* this.listing(full, path);
      yield* this.failed(`directory index of "${full}" is forbidden`, server, head);
      return this.errorPage(403);
    }
    return yield* this.regular(server, head, location, full, st);
  }

  private *regular(server: Server, head: RequestHead, { headers }: Location, full: string, { size, mtime }: Stat): Proc<Outcome> {
    try {
      yield* this.sys.close(yield* open(this.sys, full));
    } catch (e) {
      if (!(e instanceof Errno) || e === EISDIR) throw e;
      yield* this.failed(`open() "${full}" failed (${e.code}: ${e.message})`, server, head);
      return this.errorPage(e === EACCES ? 403 : 404);
    }
    const extension = /\.([^./]+)$/.exec(full)?.[1] ?? "";
    const modified = httpDate(mtime.sec);
    const etag = `"${mtime.sec.toString(16)}-${size.toString(16)}"`;
    const common = [["Last-Modified", modified], ["ETag", etag], ...headers] as const;
    const match = head.headers.get("If-None-Match");
    if (match === undefined ? head.headers.get("If-Modified-Since") === modified : match === etag || match === "*")
      return { status: 304, headers: common };
    const type = ["Content-Type", this.site.types.get(extension) ?? this.site.defaultType] as const;
    const range = /^bytes=(\d*)-(\d*)$/.exec(head.headers.get("Range") ?? "");
    if (range === null || (range[1] === "" && range[2] === ""))
      return { status: 200, headers: [type, ...common, ["Accept-Ranges", "bytes"]], file: { path: full, from: 0, to: size } };
    const from = range[1] === "" ? Math.max(0, size - Number(range[2])) : Number(range[1]);
    const to = range[1] === "" || range[2] === "" ? size : Math.min(Number(range[2]) + 1, size);
    if (from >= to) {
      const page = this.errorPage(416);
      return { ...page, headers: [...(page.headers ?? []), ["Content-Range", `bytes */${size}`]] };
    }
    return {
      status: 206,
      headers: [type, ...common, ["Content-Range", `bytes ${from}-${to - 1}/${size}`]],
      file: { path: full, from, to },
    };
  }

  private *listing(full: string, path: string): Proc<Outcome> {
    const lines: string[] = [];
    const names = (yield* readDir(this.sys, full)).map(({ name }) => name).filter((name) => !name.startsWith("."));
    for (const name of names.sort()) {
      const st = yield* optional(stat(this.sys, full + name));
      if (st === undefined) continue;
      const shown = isDir(st.mode) ? `${name}/` : name;
      const cut = shown.length > 50 ? `${shown.slice(0, 47)}..&gt;` : shown;
      const padding = " ".repeat(Math.max(0, 51 - Math.min(shown.length, 50)));
      lines.push(
        `<a href="${encodeURI(shown)}">${cut}</a>${padding}${strftime("%d-%b-%Y %H:%M", st.mtime)} ${(isDir(st.mode) ? "-" : String(st.size)).padStart(19)}\r\n`,
      );
    }
    const title = `Index of ${path}`;
    const page = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<h1>${title}</h1><hr><pre><a href="../">../</a>\r\n${lines.join("")}</pre><hr></body>\r\n</html>\r\n`;
    return { status: 200, headers: [["Content-Type", "text/html"]], body: encodeUtf8(page) };
  }

  private errorPage(status: number): Outcome {
    const title = `${status} ${words[status] ?? reasons[status] ?? ""}`;
    const page = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>${NGINX}</center>\r\n</body>\r\n</html>\r\n`;
    return { status, headers: [["Content-Type", "text/html"]], body: encodeUtf8(page) };
  }

  private *failed(what: string, server: Server, head: RequestHead): Proc<void> {
    const name = server.names[0] ?? "";
    const request = `request: "${head.method} ${head.target} HTTP/${head.version}", host: "${head.headers.get("Host") ?? ""}"`;
    yield* this.logs.error("error", `*${this.peer.number} ${what}, client: ${this.peer.addr}, server: ${name}, ${request}`);
  }

  private *respond(head: RequestHead | undefined, outcome: Outcome): Proc<void> {
    const { status, headers = [], body = new Uint8Array(0), file } = outcome;
    const now = yield* clock(this.sys);
    const bytes = file === undefined ? body.length : file.to - file.from;
    const [type, others] = [headers.filter(([name]) => name === "Content-Type"), headers.filter(([name]) => name !== "Content-Type")];
    const fields = new Headers([
      ["Server", NGINX],
      ["Date", httpDate(Math.floor(now))],
      ...type,
      ...(status === 304 ? [] : ([["Content-Length", String(bytes)]] as const)),
      ...others.filter(([name]) => name === "Last-Modified"),
      ["Connection", head !== undefined && keepsAlive(head) ? "keep-alive" : "close"],
      ...others.filter(([name]) => name !== "Last-Modified"),
    ]);
    const top = encodeHead(`HTTP/1.1 ${status} ${words[status] ?? reasons[status] ?? ""}`, fields);
    const silent = head?.method === "HEAD" || status === 304;
    let sent = silent ? 0 : bytes;
    if (silent || file === undefined) yield* this.stream.write(silent ? top : concat([top, body]));
    else sent = yield* this.sendFile(top, file);
    yield* this.log(head, status, sent, now);
  }

  private *sendFile(top: Uint8Array, { path, from, to }: { path: string; from: number; to: number }): Proc<number> {
    const fd = yield* open(this.sys, path);
    const buf = new Uint8Array(Math.min(65_536, Math.max(1, to - from)));
    let first: Uint8Array | undefined = top;
    let at = from;
    try {
      while (at < to) {
        const n = yield* this.sys.pread64(fd, buf.subarray(0, Math.min(buf.length, to - at)), at);
        if (n === 0) break;
        const part = buf.subarray(0, n);
        yield* this.stream.write(first === undefined ? part : concat([first, part]));
        first = undefined;
        at += n;
      }
      if (first !== undefined) yield* this.stream.write(first);
    } finally {
      yield* this.sys.close(fd);
    }
    return at - from;
  }

  private *log(head: RequestHead | undefined, status: number, bytes: number, now: number): Proc<void> {
    if (this.site.accessLog === undefined) return;
    const time = { sec: Math.floor(now), nsec: 0 };
    const line = this.site.logFormat.replace(/\$\{?(\w+)\}?/g, (_, name: string) => {
      if (name.startsWith("http_")) return head?.headers.get(name.slice(5).replaceAll("_", "-")) ?? "-";
      switch (name) {
        case "remote_addr":
          return this.peer.addr;
        case "remote_user":
          return "-";
        case "time_local":
          return strftime("%d/%b/%Y:%H:%M:%S +0000", time);
        case "time_iso8601":
          return strftime("%Y-%m-%dT%H:%M:%S+00:00", time);
        case "request":
          return head === undefined ? "" : `${head.method} ${head.target} HTTP/${head.version}`;
        case "request_method":
          return head?.method ?? "";
        case "uri":
        case "request_uri":
          return head?.target ?? "";
        case "status":
          return String(status);
        case "body_bytes_sent":
          return String(bytes);
        case "host":
          return head?.headers.get("Host") ?? "";
        default:
          return "-";
      }
    });
    yield* this.logs.access(`${line}\n`);
  }
}

/** Where nginx has other words than the standard. */
const words: Readonly<Record<number, string>> = { 302: "Moved Temporarily", 405: "Not Allowed" };

const fileOf = ({ root, alias, pattern }: Location, path: string): string =>
  alias === undefined ? root + path : alias + path.slice(pattern.length);

const httpDate = (sec: number): string => strftime("%a, %d %b %Y %H:%M:%S GMT", { sec, nsec: 0 });

/** A decoded path without `.`, `..` and double slashes; undefined where it leads out or is badly encoded. */
function normalize(target: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(target);
  } catch {
    return undefined;
  }
  if (!decoded.startsWith("/") || decoded.includes("\0")) return undefined;
  const parts: string[] = [];
  for (const part of decoded.split("/")) {
    if (part === ".." && parts.pop() === undefined) return undefined;
    if (part !== ".." && part !== "." && part !== "") parts.push(part);
  }
  return `/${parts.join("/")}${/(\/|\/\.|\/\.\.)$/.test(decoded) && parts.length > 0 ? "/" : ""}`;
}
