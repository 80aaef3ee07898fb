/** One connection of Apache's httpd: requests are read, answered from files, and logged. `modules/http`, mod_dir, mod_autoindex. */

import { EACCES, ENOENT, ENOTDIR, Errno } from "../../abi/errno.ts";
import { isDir, type Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { clock } from "../libc/clock.ts";
import { encodeHead, Headers, HttpError, HttpReader, keepsAlive, type RequestHead, reasons, requestFraming } from "../libc/http.ts";
import type { SocketStream } from "../libc/inet.ts";
import { strftime } from "../libc/strftime.ts";
import { open, optional, readDir, stat } from "../libc/unistd.ts";
import { isGranted, isListed, type Settings } from "./config.ts";

export const SERVER = "Apache/2.4.63 (Unix)";

export interface Logs {
  access(line: string): Proc<void>;
  error(module: string, message: string): Proc<void>;
}

interface Outcome {
  readonly status: number;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly file?: { readonly path: string; readonly from: number; readonly to: number };
}

const HTML = ["Content-Type", "text/html; charset=iso-8859-1"] as const;

const SENTENCES: Readonly<Record<number, () => string>> = {
  301: () => "",
  400: () => "Your browser sent a request that this server could not understand.<br />",
  403: () => "You don't have permission to access this resource.",
  404: () => "The requested URL was not found on this server.",
  405: () => "The requested method is not allowed for this URL.",
  416: () => "None of the range-specifier values in the Range\nrequest-header field overlap the current extent\nof the selected resource.",
};

function errorPage(status: number, headers: readonly (readonly [string, string])[] = [], sentence?: string): Outcome {
  const reason = reasons[status] ?? "";
  const text = sentence ?? SENTENCES[status]?.() ?? "";
  return {
    status,
    headers: [...headers, HTML],
    body: `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>${status} ${reason}</title>\n</head><body>\n<h1>${reason}</h1>\n<p>${text}</p>\n</body></html>\n`,
  };
}

export class HttpdConnection {
  constructor(
    private readonly sys: Sys,
    private readonly s: Settings,
    private readonly stream: SocketStream,
    private readonly peer: { readonly addr: string; readonly port: number },
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
        yield* this.respond(undefined, errorPage(e.status), false);
        return;
      }
      const alive = keepsAlive(head) && this.s.keepAlive;
      yield* this.respond(head, yield* this.answer(head), alive);
      if (!alive) return;
    }
  }

  private *answer(head: RequestHead): Proc<Outcome> {
    const path = normalize(head.target.replace(/^http:\/\/[^/]*/, "").replace(/\?.*/, ""));
    if (path === undefined) return errorPage(400);
    if (head.method === "OPTIONS") return { status: 200, headers: [["Allow", "GET,POST,OPTIONS,HEAD"]], body: "" };
    if (head.method !== "GET" && head.method !== "HEAD" && head.method !== "POST")
      return errorPage(405, [["Allow", "GET,POST,OPTIONS,HEAD"]], `The requested method ${head.method} is not allowed for this URL.`);
    const full = this.s.documentRoot + path;
    if (!isGranted(this.s, full.replace(/\/$/, ""))) {
      yield* this.logs.error("authz_core", `AH01630: client denied by server configuration: ${full}`);
      return errorPage(403);
    }
    let st: Stat;
    try {
      st = yield* stat(this.sys, full);
      if (path.endsWith("/") && !isDir(st.mode)) throw ENOENT;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.failed(e, path);
    }
    if (!isDir(st.mode)) return yield* this.file(head, full, path, st);
    if (!path.endsWith("/")) {
      const to = `http://${head.headers.get("Host") ?? "localhost"}${encodeURI(path)}/`;
      return errorPage(301, [["Location", to]], `The document has moved <a href="${to}">here</a>.`);
    }
    for (const name of this.s.directoryIndex) {
      const index = yield* optional(stat(this.sys, full + name), [ENOENT, ENOTDIR, EACCES]);
      if (index !== undefined && !isDir(index.mode)) return yield* this.file(head, full + name, path + name, index);
    }
    if (isListed(this.s, full.replace(/\/$/, ""))) return yield* this.listing(full, path);
    yield* this.logs.error(
      "autoindex",
      `AH01276: Cannot serve directory ${full}: No matching DirectoryIndex (${this.s.directoryIndex.join(",")}) found, and server-generated directory index forbidden by Options directive`,
    );
    return errorPage(403);
  }

  private *failed(e: Errno, path: string): Proc<Outcome> {
    if (e !== EACCES) return errorPage(404);
    yield* this.logs.error("core", `(13)Permission denied: AH00132: file permissions deny server access: ${this.s.documentRoot}${path}`);
    return errorPage(403);
  }

  private *file(head: RequestHead, full: string, path: string, { size, mtime }: Stat): Proc<Outcome> {
    try {
      yield* this.sys.close(yield* open(this.sys, full));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.failed(e, path);
    }
    const modified = httpDate(mtime.sec);
    const etag = `"${size.toString(16)}-${(BigInt(mtime.sec) * 1_000_000n + BigInt(Math.floor(mtime.nsec / 1000))).toString(16)}"`;
    const common = [
      ["Last-Modified", modified],
      ["ETag", etag],
    ] as const;
    const match = head.headers.get("If-None-Match");
    if (match === undefined ? head.headers.get("If-Modified-Since") === modified : match === etag || match === "*")
      return { status: 304, headers: common };
    const type = this.s.types.get(/\.([^./]+)$/.exec(full)?.[1] ?? "");
    const typed = type === undefined ? [] : [["Content-Type", type] as const];
    const range = /^bytes=(\d*)-(\d*)$/.exec(head.headers.get("Range") ?? "");
    const accepts = ["Accept-Ranges", "bytes"] as const;
    if (range === null || (range[1] === "" && range[2] === ""))
      return { status: 200, headers: [...common, accepts, ...typed], file: { path: full, from: 0, to: size } };
    const from = range[1] === "" ? Math.max(0, size - Number(range[2])) : Number(range[1]);
    const to = range[1] === "" || range[2] === "" ? size : Math.min(Number(range[2]) + 1, size);
    if (from >= to) return errorPage(416, [["Content-Range", `bytes */${size}`]]);
    return {
      status: 206,
      headers: [...common, accepts, ["Content-Range", `bytes ${from}-${to - 1}/${size}`], ...typed],
      file: { path: full, from, to },
    };
  }

  private *listing(full: string, path: string): Proc<Outcome> {
    const names = (yield* readDir(this.sys, full)).map(({ name }) => name).filter((name) => !name.startsWith("."));
    const rows = path === "/" ? [] : ['<li><a href="../"> Parent Directory</a></li>\n'];
    for (const name of names.sort()) {
      const st = yield* optional(stat(this.sys, full + name));
      const shown = st !== undefined && isDir(st.mode) ? `${name}/` : name;
      rows.push(`<li><a href="${encodeURI(shown)}"> ${shown}</a></li>\n`);
    }
    const title = `Index of ${path.replace(/(.)\/$/, "$1")}`;
    const page = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<html>\n <head>\n  <title>${title}</title>\n </head>\n <body>\n<h1>${title}</h1>\n<ul>${rows.join("")}</ul>\n</body></html>\n`;
    return { status: 200, headers: [["Content-Type", "text/html;charset=ISO-8859-1"]], body: page };
  }

  private *respond(head: RequestHead | undefined, outcome: Outcome, alive: boolean): Proc<void> {
    const { status, headers = [], body = "", file } = outcome;
    const now = yield* clock(this.sys);
    const bytes = file === undefined ? encodeUtf8(body).length : file.to - file.from;
    const type = headers.filter(([name]) => name === "Content-Type");
    const fields = new Headers([
      ["Date", httpDate(Math.floor(now))],
      ["Server", SERVER],
      ...headers.filter(([name]) => name !== "Content-Type"),
      ...(status === 304 ? [] : [["Content-Length", String(bytes)] as const]),
      ...(alive ? [] : [["Connection", "close"] as const]),
      ...type,
    ]);
    yield* this.stream.write(encodeHead(`HTTP/1.1 ${status} ${reasons[status] ?? ""}`, fields));
    const silent = head?.method === "HEAD" || status === 304;
    if (!silent && file === undefined) yield* this.stream.write(encodeUtf8(body));
    if (!silent && file !== undefined) yield* this.sendFile(file);
    yield* this.log(head, status, silent ? 0 : bytes, now);
  }

  private *sendFile({ path, from, to }: { path: string; from: number; to: number }): Proc<void> {
    const fd = yield* open(this.sys, path);
    const buf = new Uint8Array(Math.min(65_536, Math.max(1, to - from)));
    try {
      for (let at = from; at < to; ) {
        const n = yield* this.sys.pread64(fd, buf.subarray(0, Math.min(buf.length, to - at)), at);
        if (n === 0) return;
        yield* this.stream.write(buf.subarray(0, n));
        at += n;
      }
    } finally {
      yield* this.sys.close(fd);
    }
  }

  /** LogFormat of mod_log_config. */
  private *log(head: RequestHead | undefined, status: number, bytes: number, now: number): Proc<void> {
    const time = strftime("[%d/%b/%Y:%H:%M:%S +0000]", { sec: Math.floor(now), nsec: 0 });
    const line = this.s.logFormat.replace(/%(?:\{([\w-]+)\}|[<>])?([a-zA-Z])/g, (whole, name: string | undefined, letter: string) => {
      if (letter === "i") return head?.headers.get(name ?? "") ?? "-";
      const values: Readonly<Record<string, string>> = {
        h: this.peer.addr,
        a: this.peer.addr,
        l: "-",
        u: "-",
        t: time,
        r: head === undefined ? "-" : `${head.method} ${head.target} HTTP/${head.version}`,
        s: String(status),
        b: bytes === 0 ? "-" : String(bytes),
        B: String(bytes),
        m: head?.method ?? "-",
        U: head?.target.replace(/\?.*/, "") ?? "-",
        v: this.s.serverName,
      };
      return values[letter] ?? whole;
    });
    yield* this.logs.access(`${line}\n`);
  }
}

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
