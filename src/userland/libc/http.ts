/**
 * HTTP/1.1 messages over any pair of byte streams, both ends: RFC 9112. Requests and responses, keep-alive, chunked bodies, upgrade. Who connects, resolves
 * names or follows redirects is above it. Left out: trailers (they are read and dropped), pipelining on the client's side, content codings.
 */

import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { type ByteSink, type ByteSource, ExactSource } from "./stream.ts";

/** Bytes of a request or status line, or of a header; headers of one message. */
const MAX_LINE = 8_192;
const MAX_HEADERS = 200;

/** A message that breaks the protocol. `status` is what a server answers. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Header fields in order; names compare without case. */
export class Headers {
  readonly fields: [name: string, value: string][];

  constructor(fields: readonly (readonly [name: string, value: string])[] = []) {
    this.fields = fields.map(([name, value]) => [name, value]);
  }

  /** The values of all fields with this name, joined; undefined if there is none. */
  get(name: string): string | undefined {
    const wanted = name.toLowerCase();
    const values = this.fields.filter(([field]) => field.toLowerCase() === wanted).map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(", ");
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Whether a list such as `Connection: keep-alive, Upgrade` names `token`. */
  lists(name: string, token: string): boolean {
    return (this.get(name) ?? "").split(",").some((item) => item.trim().toLowerCase() === token);
  }

  add(name: string, value: string): void {
    this.fields.push([name, value]);
  }

  set(name: string, value: string): void {
    this.delete(name);
    this.add(name, value);
  }

  delete(name: string): void {
    const wanted = name.toLowerCase();
    for (let i = this.fields.length - 1; i >= 0; i--) if (this.fields[i]?.[0].toLowerCase() === wanted) this.fields.splice(i, 1);
  }
}

export interface RequestHead {
  readonly method: string;
  /** As it stands in the request line: `/path?query`, or a whole URL for a proxy. */
  readonly target: string;
  readonly version: "1.0" | "1.1";
  readonly headers: Headers;
}

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly version: "1.0" | "1.1";
  readonly headers: Headers;
}

/** How the end of a body is known. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  /** Up to the end of the connection. */
  | { readonly kind: "close" };

// ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The reading end of a connection: one message after another. */
export class HttpReader {
  private readonly source: ExactSource;

  constructor(source: ByteSource) {
    this.source = new ExactSource(source);
  }

  /** The head of the next request; undefined if the client has closed the connection. Errors: HttpError. Blocks. */
  *requestHead(): Proc<RequestHead | undefined> {
    let line = yield* this.line();
    // RFC 9112, 2.2: empty lines before a request are to be ignored.
    while (line === "") line = yield* this.line();
    if (line === undefined) return undefined;
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/(\d)\.(\d)$/.exec(line);
    if (match === null) throw new HttpError(400, "malformed request line");
    const version = versionOf(match[3] as string, match[4] as string);
    if (version === undefined) throw new HttpError(505, "unsupported protocol version");
    const headers = yield* this.headers();
    if (version === "1.1" && headers.get("Host") === undefined) throw new HttpError(400, "missing required Host header");
    return { method: match[1] as string, target: match[2] as string, version, headers };
  }

  /** The head of a response, after those with status 100 to 199 except 101. Errors: HttpError, also where the connection ends. Blocks. */
  *responseHead(): Proc<ResponseHead> {
    for (;;) {
      const line = yield* this.line();
      if (line === undefined) throw new HttpError(502, "empty reply from server");
      const match = /^HTTP\/(\d)\.(\d) (\d{3})(?: (.*))?$/.exec(line);
      const version = match === null ? undefined : versionOf(match[1] as string, match[2] as string);
      if (match === null || version === undefined) throw new HttpError(502, "malformed HTTP response");
      const head = { status: Number(match[3]), reason: match[4] ?? "", version, headers: yield* this.headers() };
      if (head.status >= 200 || head.status === 101) return head;
    }
  }

  /** The body of a message, piece by piece. It must be read to its end before the next head. */
  body(framing: Framing): ByteSource {
    const { source } = this;
    switch (framing.kind) {
      case "none":
        return { read: noMore };
      case "length":
        return new LengthBody(source, framing.bytes);
      case "chunked":
        return new ChunkedBody(source, () => this.line());
      case "close":
        return { read: () => source.some(65_536) };
    }
  }

  /** After an upgrade: whatever comes, beginning with what has been read ahead. */
  get rest(): ByteSource {
    return this.body({ kind: "close" });
  }

  /** A line without its end; undefined at the end of the stream. */
  private *line(): Proc<string | undefined> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const some = yield* this.source.some(MAX_LINE);
      if (some === undefined) {
        if (length === 0) return undefined;
        throw new HttpError(400, "unexpected end of the message");
      }
      const end = some.indexOf(10);
      const taken = end < 0 ? some : some.subarray(0, end);
      if (length + taken.length > MAX_LINE) throw new HttpError(431, "request header fields too large");
      parts.push(taken.slice());
      length += taken.length;
      if (end < 0) continue;
      this.source.unread(some.slice(end + 1));
      const text = parts.map((part) => decodeUtf8(part)).join("");
      return text.endsWith("\r") ? text.slice(0, -1) : text;
    }
  }

  private *headers(): Proc<Headers> {
    const headers = new Headers();
    for (let line = yield* this.line(); line !== ""; line = yield* this.line()) {
      if (line === undefined) throw new HttpError(400, "unexpected end of the message");
      const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
      if (match === null) throw new HttpError(400, "malformed header field");
      if (headers.fields.length >= MAX_HEADERS) throw new HttpError(431, "request header fields too large");
      headers.add(match[1] as string, match[2] as string);
    }
    return headers;
  }
}

function* noMore(): Proc<undefined> {
  return undefined;
}

function versionOf(major: string, minor: string): "1.0" | "1.1" | undefined {
  return major === "1" ? (minor === "0" ? "1.0" : "1.1") : undefined;
}

class LengthBody implements ByteSource {
  constructor(
    private readonly source: ExactSource,
    private left: number,
  ) {}

  *read(): Proc<Uint8Array | undefined> {
    if (this.left === 0) return undefined;
    const some = yield* this.source.some(Math.min(this.left, 65_536));
    if (some === undefined) throw new HttpError(400, "unexpected end of the body");
    this.left -= some.length;
    return some;
  }
}

class ChunkedBody implements ByteSource {
  /** Bytes of the present chunk to come; undefined after the last one. */
  private left: number | undefined = 0;
  private first = true;

  constructor(
    private readonly source: ExactSource,
    private readonly line: () => Proc<string | undefined>,
  ) {}

  *read(): Proc<Uint8Array | undefined> {
    if (this.left === 0) yield* this.nextChunk();
    if (this.left === undefined) return undefined;
    const some = yield* this.source.some(Math.min(this.left, 65_536));
    if (some === undefined) throw new HttpError(400, "unexpected end of the body");
    this.left -= some.length;
    return some;
  }

  private *nextChunk(): Proc<void> {
    // Each chunk's bytes end with a line end of their own.
    if (!this.first && (yield* this.line()) !== "") throw new HttpError(400, "malformed chunked encoding");
    this.first = false;
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(;.*)?$/.exec((yield* this.line()) ?? "")?.[1];
    if (size === undefined) throw new HttpError(400, "malformed chunked encoding");
    const bytes = Number.parseInt(size, 16);
    this.left = bytes === 0 ? undefined : bytes;
    // Trailers.
    if (bytes === 0) for (let line = yield* this.line(); line !== "" && line !== undefined; ) line = yield* this.line();
  }
}

/** How the body of a request ends. Errors: HttpError where the headers contradict each other. */
export function requestFraming({ headers }: RequestHead): Framing {
  return framingOf(headers) ?? { kind: "none" };
}

/** How the body of a response to `method` ends. Errors: HttpError. */
export function responseFraming(method: string, { status, headers }: ResponseHead): Framing {
  if (method === "HEAD" || status === 204 || status === 304 || status < 200) return { kind: "none" };
  return framingOf(headers) ?? { kind: "close" };
}

function framingOf(headers: Headers): Framing | undefined {
  const encoding = headers.get("Transfer-Encoding");
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== "chunked") throw new HttpError(501, `unsupported transfer encoding: ${JSON.stringify(encoding)}`);
    return { kind: "chunked" };
  }
  const length = headers.get("Content-Length");
  if (length === undefined) return undefined;
  if (!/^\d{1,15}$/.test(length)) throw new HttpError(400, `bad Content-Length ${JSON.stringify(length)}`);
  return { kind: "length", bytes: Number(length) };
}

/** Whether the connection is to be used again after this message. */
export function keepsAlive({ version, headers }: RequestHead | ResponseHead): boolean {
  if (headers.lists("Connection", "close")) return false;
  return version === "1.1" || headers.lists("Connection", "keep-alive");
}

// ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A request line or status line with its header fields. */
export function encodeHead(first: string, headers: Headers): Uint8Array {
  return encodeUtf8(`${first}\r\n${headers.fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
}

export const requestLine = (method: string, target: string): string => `${method} ${target} HTTP/1.1`;
export const statusLine = (status: number): string => `HTTP/1.1 ${status} ${reasons[status] ?? ""}`;

/** A body in chunks, as it comes. */
export class ChunkedSink implements ByteSink {
  constructor(private readonly sink: ByteSink) {}

  *write(bytes: Uint8Array): Proc<void> {
    // A chunk of nothing would end the body.
    if (bytes.length === 0) return;
    const size = encodeUtf8(`${bytes.length.toString(16)}\r\n`);
    const chunk = new Uint8Array(size.length + bytes.length + 2);
    chunk.set(size);
    chunk.set(bytes, size.length);
    chunk.set([13, 10], size.length + bytes.length);
    yield* this.sink.write(chunk);
  }

  *end(): Proc<void> {
    yield* this.sink.write(encodeUtf8("0\r\n\r\n"));
  }
}

/** RFC 9110, 15. */
export const reasons: Readonly<Record<number, string>> = {
  100: "Continue",
  101: "Switching Protocols",
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Request Entity Too Large",
  416: "Requested Range Not Satisfiable",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};
