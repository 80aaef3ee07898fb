/**
 * The client of the Engine API: HTTP over a Unix or TCP socket, with the version that both sides know. Real counterpart: moby `client`. One connection is kept
 * for the next request; what streams or runs beside gets its own.
 */

import { EACCES, ECONNREFUSED, ENOENT, Errno } from "../abi/errno.ts";
import { formatIpv4 } from "../abi/inet.ts";
import { AF_UNIX, type SocketAddress } from "../abi/socket.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../abi/utf8.ts";
import { encodeBase64 } from "../userland/libc/base64.ts";
import {
  ChunkedSink,
  encodeHead,
  Headers,
  HttpError,
  HttpReader,
  keepsAlive,
  type ResponseHead,
  requestLine,
  responseFraming,
} from "../userland/libc/http.ts";
import { connectTo, inetAddress, type SocketStream } from "../userland/libc/inet.ts";
import { GaiError, getHostIpv4 } from "../userland/libc/netdb.ts";
import { readResolvConf } from "../userland/libc/resolv.ts";
import { type ByteSink, type ByteSource, readUpTo } from "../userland/libc/stream.ts";
import { ApiError, CliError, ConnectionError } from "./errors.ts";
import type { Host } from "./host.ts";

/** What the client speaks at most, and where a daemon is too old to tell. */
const NEWEST = "1.50";
const OLDEST = "1.24";
const USER_AGENT = "Docker-Client/28.2.2 (linux)";
/** An answer that is read as a whole is refused above this. */
const MAX_ANSWER = 256 << 20;

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Writes a body of unknown length. */
  readonly stream?: { readonly type: string; write(sink: ByteSink): Proc<void> };
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer whose body is still to come. */
export interface Response {
  readonly head: ResponseHead;
  readonly body: ByteSource;
  /** Ends the connection. */
  close(): Proc<void>;
}

/** A connection that has become a stream of bytes in both directions. */
export interface Hijacked {
  readonly head: ResponseHead;
  readonly input: ByteSource;
  readonly stream: SocketStream;
}

/** What the daemon says of itself in its headers. */
export interface Ping {
  readonly apiVersion: string;
  readonly experimental: boolean;
  readonly osType: string;
  readonly builderVersion: string;
}

interface Connection {
  readonly stream: SocketStream;
  readonly reader: HttpReader;
}

/** Whether version `a` is older than `b`. */
export function olderThan(a: string, b: string): boolean {
  const [x, y] = [a, b].map((v) => v.split(".").map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(x.length, y.length); i++) if ((x[i] ?? 0) !== (y[i] ?? 0)) return (x[i] ?? 0) < (y[i] ?? 0);
  return false;
}

function queryText(query: Query): string {
  const parts = Object.entries(query)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) => {
      if (value === undefined || value === "" || value === false) return [];
      const values = Array.isArray(value) ? (value as readonly string[]) : [value === true ? "1" : String(value)];
      return values.map((item) => `${encodeURIComponent(key)}=${encodeURIComponent(item).replaceAll("%20", "+")}`);
    });
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

export class Client {
  private idle: Connection | undefined;
  private pinged: Ping | undefined;
  /** What DOCKER_API_VERSION says. */
  private readonly fixedVersion: string | undefined;

  constructor(
    private readonly sys: Sys,
    readonly host: Host,
    fixedVersion: string | undefined,
  ) {
    this.fixedVersion = fixedVersion === undefined || fixedVersion === "" ? undefined : fixedVersion.replace(/^v/, "");
  }

  /** The version of the requests. */
  get version(): string {
    if (this.fixedVersion !== undefined) return this.fixedVersion;
    const theirs = this.pinged?.apiVersion;
    return theirs === undefined || olderThan(NEWEST, theirs) ? NEWEST : theirs;
  }

  /** What it would be without a daemon that knows less. */
  readonly newest = NEWEST;

  /** A client of the same daemon with connections of its own, for a thread. */
  *another(): Proc<Client> {
    const other = new Client(this.sys, this.host, this.fixedVersion);
    other.pinged = yield* this.ping();
    return other;
  }

  /** Asks the daemon who it is, once. Where nobody answers, that is told by the request that follows. */
  *ping(): Proc<Ping | undefined> {
    if (this.pinged !== undefined) return this.pinged;
    try {
      const { head, body } = yield* this.exchange("HEAD", "/_ping", {});
      yield* readUpTo(body, MAX_ANSWER);
      this.pinged = {
        apiVersion: head.headers.get("Api-Version") ?? OLDEST,
        experimental: head.headers.get("Docker-Experimental") === "true",
        osType: head.headers.get("Ostype") ?? "",
        builderVersion: head.headers.get("Builder-Version") ?? "",
      };
    } catch (e) {
      if (!(e instanceof ConnectionError)) throw e;
    }
    return this.pinged;
  }

  /** An answer of status 200 to 399, with its body to be read. Blocks. Errors: ApiError, ConnectionError. */
  *request(method: string, path: string, options: RequestOptions = {}): Proc<Response> {
    yield* this.ping();
    const response = yield* this.exchange(method, `/v${this.version}${path}${queryText(options.query ?? {})}`, options);
    if (response.head.status < 400) return response;
    const text = decodeUtf8((yield* readUpTo(response.body, MAX_ANSWER)) ?? new Uint8Array());
    throw this.failure(response.head, path, text);
  }

  private failure(head: ResponseHead, path: string, text: string): ApiError | CliError {
    const url = `${this.host.url}/v${this.version}${path}`;
    if (text === "") {
      const api = "check if the server supports the requested API version";
      return new CliError(`request returned ${head.reason} for API route and version ${url}, ${api}`);
    }
    if (!(head.headers.get("Content-Type") ?? "").startsWith("application/json")) return new ApiError(head.status, text.trim());
    try {
      return new ApiError(head.status, String((JSON.parse(text) as { message?: unknown }).message).trim());
    } catch {
      return new CliError(`Error reading JSON: invalid character in the answer of ${url}`);
    }
  }

  /** An answer without a body. Blocks. Errors: as request. */
  *send(method: string, path: string, options: RequestOptions = {}): Proc<ResponseHead> {
    const { head, body } = yield* this.request(method, path, options);
    yield* readUpTo(body, MAX_ANSWER);
    return head;
  }

  /** An answer in JSON, as text. Blocks. Errors: as request. */
  *text(method: string, path: string, options: RequestOptions = {}): Proc<string> {
    const { body } = yield* this.request(method, path, options);
    const bytes = yield* readUpTo(body, MAX_ANSWER);
    return decodeUtf8(bytes ?? new Uint8Array());
  }

  /** An answer in JSON. The daemon is trusted to keep to the types of the API. Blocks. Errors: as request. */
  *json<T>(method: string, path: string, options: RequestOptions = {}): Proc<T> {
    const text = yield* this.text(method, path, options);
    return JSON.parse(text) as T;
  }

  /** Turns the connection into a raw stream. Blocks. Errors: as request. */
  *hijack(path: string, options: RequestOptions = {}): Proc<Hijacked> {
    yield* this.ping();
    const connection = yield* this.connect(`/v${this.version}${path}`, "POST");
    const headers = { ...options.headers, Connection: "Upgrade", Upgrade: "tcp" };
    const target = `/v${this.version}${path}${queryText(options.query ?? {})}`;
    yield* this.write(connection, "POST", target, { ...options, headers });
    const head = yield* connection.reader.responseHead();
    if (head.status === 101 || head.status === 200) return { head, input: connection.reader.rest, stream: connection.stream };
    const text = decodeUtf8((yield* readUpTo(connection.reader.body(responseFraming("POST", head)), MAX_ANSWER)) ?? new Uint8Array());
    yield* connection.stream.close();
    throw this.failure(head, path, text);
  }

  private *exchange(method: string, target: string, options: RequestOptions): Proc<Response> {
    const kept = this.idle;
    this.idle = undefined;
    const connection = kept ?? (yield* this.connect(target, method));
    let head: ResponseHead;
    try {
      yield* this.write(connection, method, target, options);
      head = yield* connection.reader.responseHead();
    } catch (e) {
      yield* connection.stream.close();
      // A kept connection may have been closed by the daemon meanwhile.
      if (kept !== undefined && options.stream === undefined) return yield* this.exchange(method, target, options);
      if (!(e instanceof HttpError || e instanceof Errno)) throw e;
      const why = e instanceof HttpError && e.message === "empty reply from server" ? "EOF" : e.message;
      throw new ConnectionError(`error during connect: ${methodName(method)} ${JSON.stringify(this.host.url + target)}: ${why}`);
    }
    const body = connection.reader.body(responseFraming(method, head));
    return { head, body: this.reusing(connection, head, body), close: () => connection.stream.close() };
  }

  /** The body; at its end the connection serves the next request. */
  private reusing(connection: Connection, head: ResponseHead, body: ByteSource): ByteSource {
    const client = this;
    let over = false;
    return {
      *read() {
        if (over) return undefined;
        const part = yield* wholePart(body);
        if (part !== undefined) return part;
        over = true;
        if (keepsAlive(head) && client.idle === undefined) client.idle = connection;
        else yield* connection.stream.close();
        return undefined;
      },
    };
  }

  private *write({ stream }: Connection, method: string, target: string, options: RequestOptions): Proc<void> {
    const headers = new Headers([
      ["Host", this.host.header],
      ["User-Agent", USER_AGENT],
    ]);
    const json = options.body === undefined ? undefined : encodeUtf8(`${JSON.stringify(options.body)}\n`);
    if (options.stream !== undefined) {
      headers.set("Transfer-Encoding", "chunked");
      headers.set("Content-Type", options.stream.type);
    } else if (json !== undefined) {
      headers.set("Content-Length", String(json.length));
      headers.set("Content-Type", "application/json");
    } else if (method === "POST" || method === "PUT") headers.set("Content-Length", "0");
    for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
    yield* stream.write(encodeHead(requestLine(method, target), headers));
    if (json !== undefined) yield* stream.write(json);
    if (options.stream === undefined) return;
    const sink = new ChunkedSink(stream);
    yield* options.stream.write(sink);
    yield* sink.end();
  }

  private *connect(target: string, method: string): Proc<Connection> {
    const { host } = this;
    let address: SocketAddress;
    if (host.kind === "unix") address = { family: AF_UNIX, path: host.path };
    else {
      try {
        address = inetAddress((yield* getHostIpv4(this.sys, host.name)).addresses[0] as number, host.port);
      } catch (e) {
        if (!(e instanceof GaiError)) throw e;
        const server = formatIpv4((yield* readResolvConf(this.sys)).nameservers[0] ?? 0);
        const request = `${methodName(method)} ${JSON.stringify(host.url + target)}`;
        throw new ConnectionError(`error during connect: ${request}: dial tcp: lookup ${host.name} on ${server}:53: no such host`);
      }
    }
    try {
      const stream = yield* connectTo(this.sys, address);
      return { stream, reader: new HttpReader(stream) };
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (e === EACCES && host.kind === "unix") {
        const request = `${methodName(method)} ${JSON.stringify(`http://${encodeURIComponent(host.path)}${target}`)}`;
        const dial = `${request}: dial unix ${host.path}: connect: permission denied`;
        throw new ConnectionError(`permission denied while trying to connect to the Docker daemon socket at ${host.text}: ${dial}`);
      }
      if (e === ENOENT || e === ECONNREFUSED || host.kind === "unix")
        throw new ConnectionError(`Cannot connect to the Docker daemon at ${host.text}. Is the docker daemon running?`);
      const request = `${methodName(method)} ${JSON.stringify(host.url + target)}`;
      throw new ConnectionError(
        `error during connect: ${request}: dial tcp ${host.name}:${host.port}: connect: ${e.message.toLowerCase()}`,
      );
    }
  }
}

/** Errors: CliError where the daemon breaks off. */
function* wholePart(body: ByteSource): Proc<Uint8Array | undefined> {
  try {
    return yield* body.read();
  } catch (e) {
    if (e instanceof HttpError) throw new CliError("unexpected EOF");
    throw e;
  }
}

/** As Go's url.Error writes it. */
const methodName = (method: string): string => method.slice(0, 1) + method.slice(1).toLowerCase();

/** The value of X-Registry-Auth for someone without an account. */
export const NO_AUTH = encodeBase64(encodeUtf8("{}")).replaceAll("+", "-").replaceAll("/", "_");

/** `?filters=`: name → value → true, as the daemon of any age reads it. */
export function filtersParameter(filters: Readonly<Record<string, readonly string[]>>): string | undefined {
  const names = Object.keys(filters).sort();
  if (names.length === 0) return undefined;
  return JSON.stringify(
    Object.fromEntries(names.map((name) => [name, Object.fromEntries((filters[name] ?? []).map((value) => [value, true]))])),
  );
}

/** One JSON value after another, as they come. Blocks. Errors: CliError where it is none. */
export function* jsonStream<T>(body: ByteSource, each: (value: T, text: string) => Proc<boolean | void>): Proc<void> {
  let pending = "";
  const decoder = new LineDecoder();
  for (let part = yield* body.read(); part !== undefined; part = yield* body.read()) {
    pending += decoder.decode(part);
    for (let end = pending.indexOf("\n"); end >= 0; end = pending.indexOf("\n")) {
      const line = pending.slice(0, end).trim();
      pending = pending.slice(end + 1);
      if (line !== "" && (yield* each(JSON.parse(line) as T, line)) === false) return;
    }
  }
  if (pending.trim() !== "") yield* each(JSON.parse(pending) as T, pending.trim());
}

/** UTF-8 in pieces: a character may be cut in two. */
class LineDecoder {
  private rest = new Uint8Array(0);

  decode(part: Uint8Array): string {
    const all = new Uint8Array(this.rest.length + part.length);
    all.set(this.rest);
    all.set(part, this.rest.length);
    let end = all.length;
    // Back to the last byte that begins a character, if that is not complete.
    for (let back = 1; back <= Math.min(3, all.length); back++) {
      const byte = all[all.length - back] as number;
      if ((byte & 0xc0) === 0x80) continue;
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      if (length > back) end = all.length - back;
      break;
    }
    this.rest = all.slice(end);
    return decodeUtf8(all, 0, end);
  }
}
