/** One request and the way to its answer: what a handler of a route gets. Go's http.Request and http.ResponseWriter, moby `api/server/httputils`. */

import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import type { Platform } from "../../image/oci.ts";
import { InvalidPlatform, parsePlatform } from "../../image/platform.ts";
import {
  ChunkedSink,
  encodeHead,
  Headers,
  type HttpReader,
  keepsAlive,
  reasons,
  requestFraming,
  type RequestHead,
  statusLine,
} from "../../userland/libc/http.ts";
import type { SocketStream } from "../../userland/libc/inet.ts";
import { type ByteSink, type ByteSource, readUpTo } from "../../userland/libc/stream.ts";
import { strftime } from "../../userland/libc/strftime.ts";
import type { Filters } from "../api/events.ts";
import type { Daemon } from "../daemon.ts";
import { Query } from "./query.ts";
import { type EngineError, invalidParameter, systemError } from "../errors.ts";

/** Go's server knows the length of an answer that fits its buffer. */
const BUFFERED = 2048;
const MAX_BODY = 64 * 1024 ** 2;
const MAX_FORM = 10 * 1024 ** 2;

/** A body that is sent as it comes: JSON lines of progress, tar archives, logs. */
export interface AnswerStream extends ByteSink {
  /** One JSON value and a line end. */
  json(value: unknown): Proc<void>;
  end(): Proc<void>;
}

export class Exchange {
  readonly method: string;
  /** Without the query and `/v1.x`. */
  readonly path: string;
  /** What Go's ParseForm gives: a form in the body, then the query. */
  query: Query;
  /** Of the path's pattern, decoded. */
  vars: Readonly<Record<string, string>> = {};
  /** 1.41 as 41; that of the client, or the newest that we speak. */
  apiVersion = 41;
  body: ByteSource;
  /** Sent with whatever is answered. */
  readonly headers = new Headers();
  /** Whether an answer has begun. */
  answered = false;
  /** The connection serves no further request: hijacked, or broken off in the middle of an answer. */
  finished = false;
  private plain = false;
  /** The body was a form, and not empty. */
  private form = false;

  constructor(
    readonly daemon: Daemon,
    readonly head: RequestHead,
    readonly reader: HttpReader,
    readonly stream: SocketStream,
    path: string,
    private readonly queryText: string,
  ) {
    this.method = head.method;
    this.path = path;
    this.query = new Query(queryText);
    this.body = reader.body(requestFraming(head));
  }

  /** A body that calls itself a form is read as one, whatever the route wants with it: `curl -d` says so by itself. Errors: system. Blocks. */
  *takeForm(): Proc<void> {
    const type = (this.head.headers.get("Content-Type") ?? "").split(";")[0] ?? "";
    if (!["POST", "PUT", "PATCH"].includes(this.method) || type.trim().toLowerCase() !== "application/x-www-form-urlencoded") return;
    const bytes = yield* readUpTo(this.body, MAX_FORM);
    if (bytes === undefined) throw systemError("http: POST too large");
    this.form = bytes.length > 0;
    this.query = new Query(`${decodeUtf8(bytes)}&${this.queryText}`);
    this.body = empty;
  }

  /** A variable of the pattern. */
  var(name: string): string {
    return this.vars[name] ?? "";
  }

  /** Go's BoolValue: anything but an empty text, 0, no, false, none is true. */
  flag(name: string, otherwise = false): boolean {
    const value = this.query.get(name);
    if (value === undefined) return otherwise;
    return !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
  }

  /** Errors: system, in the words of strconv. */
  int(name: string): number | undefined {
    const value = this.query.get(name);
    if (value === undefined || value === "") return undefined;
    if (!/^[+-]?\d+$/.test(value)) throw systemError(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
    return Number(value);
  }

  /** Errors: invalidParameter. */
  platform(): Platform | undefined {
    const text = this.query.get("platform");
    if (text === undefined || text === "") return undefined;
    try {
      return parsePlatform(text);
    } catch (e) {
      throw e instanceof InvalidPlatform ? invalidParameter(e.message) : e;
    }
  }

  /** `filters` as `{"name":["x"]}` or as old clients write it, `{"name":{"x":true}}`. Errors: system. */
  filters(): Filters {
    const text = this.query.get("filters");
    if (text === undefined || text === "") return {};
    const parsed = parseJson(text) as Record<string, string[] | Record<string, boolean>>;
    const filters: Filters = {};
    for (const [name, values] of Object.entries(parsed ?? {}))
      filters[name] = Array.isArray(values) ? values.map(String) : Object.keys(values);
    return filters;
  }

  /** The body as JSON; undefined if there is none. Errors: invalidParameter. Blocks. */
  *json<T>(): Proc<T | undefined> {
    const bytes = yield* readUpTo(this.body, MAX_BODY);
    if (bytes === undefined) throw invalidParameter("http: request body too large");
    const text = decodeUtf8(bytes);
    if (text.trim() === "" && !this.form) return undefined;
    const type = this.head.headers.get("Content-Type");
    if (!/^application\/json(;|$)/.test((type ?? "").trim()))
      throw invalidParameter(`Content-Type specified (${type ?? ""}) must be 'application/json'`);
    return parseJson(text) as T;
  }

  // ── Answers ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A JSON value with a line end, as Go's encoder writes it. */
  *send(status: number, value: unknown): Proc<void> {
    yield* this.bytes(status, encodeUtf8(`${JSON.stringify(value)}\n`), "application/json");
  }

  /** Plain text, whose type Go's server sees by itself. */
  *text(status: number, text: string): Proc<void> {
    this.plain = true;
    yield* this.bytes(status, encodeUtf8(text), "text/plain; charset=utf-8");
  }

  /** A status without a body, 204 and 304 above all. */
  *empty(status: number): Proc<void> {
    if (status !== 204 && status !== 304) this.headers.set("Content-Length", "0");
    yield* this.begin(status);
  }

  /** A head without any body, as the answer to HEAD. */
  bare(status: number): Proc<void> {
    return this.begin(status);
  }

  *bytes(status: number, content: Uint8Array, type: string): Proc<void> {
    this.headers.set("Content-Type", type);
    if (content.length > BUFFERED && this.method !== "HEAD") {
      const stream = yield* this.streaming(status, type);
      yield* stream.write(content);
      yield* stream.end();
      return;
    }
    this.headers.set("Content-Length", String(content.length));
    yield* this.begin(status);
    if (this.method !== "HEAD") yield* this.stream.write(content);
  }

  /** The answer's head is sent at once, the body as it comes; end() must be called. */
  *streaming(status: number, type?: string): Proc<AnswerStream> {
    if (type !== undefined) this.headers.set("Content-Type", type);
    const old = this.head.version === "1.0";
    if (old) this.finished = true;
    else this.headers.set("Transfer-Encoding", "chunked");
    yield* this.begin(status);
    const sink = this.method === "HEAD" ? nowhere : old ? this.stream : new ChunkedSink(this.stream);
    return {
      write: (bytes) => sink.write(bytes),
      json: (value) => sink.write(encodeUtf8(`${JSON.stringify(value)}\r\n`)),
      *end() {
        if (sink instanceof ChunkedSink) yield* sink.end();
      },
    };
  }

  /** The connection becomes a stream of bytes in both directions: attach, exec start. With `Upgrade: tcp` by 101. Blocks. */
  *hijack(type: string): Proc<{ readonly input: ByteSource; readonly output: SocketStream }> {
    this.finished = true;
    this.answered = true;
    const upgrade = this.head.headers.get("Upgrade");
    const first = upgrade === undefined ? "HTTP/1.1 200 OK" : "HTTP/1.1 101 UPGRADED";
    const headers = new Headers([["Content-Type", type]]);
    if (upgrade !== undefined) {
      headers.add("Connection", "Upgrade");
      headers.add("Upgrade", "tcp");
    }
    yield* this.stream.write(encodeHead(first, headers));
    // A body that nobody asked for is no input: some clients send their options again.
    if (this.head.headers.has("Content-Length"))
      for (let some = yield* this.body.read(); some !== undefined; ) some = yield* this.body.read();
    return { input: this.reader.rest, output: this.stream };
  }

  /** A failure after the connection was taken over: its status, and its words as they are. */
  *hijackedError({ status, message }: EngineError, type: string): Proc<void> {
    this.finished = true;
    this.answered = true;
    yield* this.stream.write(encodeHead(statusLine(status), new Headers([["Content-Type", type]])));
    yield* this.stream.write(encodeUtf8(`${message}\r\n`));
  }

  get keepAlive(): boolean {
    return !this.finished && keepsAlive(this.head);
  }

  /** The head of the answer. */
  private *begin(status: number): Proc<void> {
    this.answered = true;
    const { sec, nsec } = yield* this.daemon.sys.clock_gettime(0);
    const date = strftime("%a, %d %b %Y %H:%M:%S GMT", { sec, nsec });
    const fields = [...this.headers.fields].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    // Go adds what it finds out by itself behind the date.
    const found = ["Content-Length", "Transfer-Encoding", ...(this.plain ? ["Content-Type"] : [])];
    const tail = fields.filter(([name]) => found.includes(name));
    const all = new Headers([...fields.filter((field) => !tail.includes(field)), ["Date", date], ...tail]);
    if (!this.keepAlive) all.add("Connection", "close");
    const reason = reasons[status] === undefined ? `HTTP/1.1 ${status} ` : statusLine(status);
    yield* this.stream.write(encodeHead(reason, all));
  }
}

const nowhere: ByteSink = { *write() {} };
const empty: ByteSource = {
  *read() {
    return undefined;
  },
};

/** Errors: system, in the manner of Go's decoder. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const first = text.trim()[0] ?? "";
    const looks = /^[[{"\d\-tfn]/.test(first);
    throw systemError(looks ? "unexpected EOF" : `invalid character '${first}' looking for beginning of value`);
  }
}
