/**
 * Requests to the world outside, and their failures in the words of Go's net/http, net and net/url. Each has a connection of its own, as moby's registry client.
 * Differs from Linux: nobody here speaks TLS. `https` on its own port, 443, is HTTP as it is; on another port it fails as against a server without TLS.
 */

import { ECONNRESET, ENETUNREACH, EPIPE, Errno, ETIMEDOUT } from "../../../abi/errno.ts";
import { formatIpv4, parseIpv4 } from "../../../abi/inet.ts";
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from "../../../abi/socket.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { decodeUtf8 } from "../../../abi/utf8.ts";
import {
  ChunkedSink,
  encodeHead,
  Headers,
  HttpError,
  HttpReader,
  requestLine,
  type ResponseHead,
  reasons,
  responseFraming,
} from "../../../userland/libc/http.ts";
import { connectTo, inetAddress, nowMs, type SocketStream } from "../../../userland/libc/inet.ts";
import { GaiError, getHostIpv4 } from "../../../userland/libc/netdb.ts";
import { DNS_PORT, readResolvConf } from "../../../userland/libc/resolv.ts";
import { type ByteSource, readUpTo } from "../../../userland/libc/stream.ts";
import { formatUrl, hostHeader, parseUrl, resolveUrl, type Url } from "../../../userland/libc/url.ts";
import { EngineError, isFailure, systemError, wordsOf } from "../../errors.ts";
import { ENGINE_VERSION, GIT_COMMIT, GO_VERSION } from "../../version.ts";

const DIAL_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 10;
const HTTPS_PORT = 443;

export interface Request {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Bytes at once, or as they come. */
  readonly body?: Uint8Array | ByteSource;
  /** For the whole exchange up to the answer's head. */
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  /** `404 Not Found`. */
  readonly statusText: string;
  readonly headers: Headers;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  /** Bytes of the body, if they were told. */
  readonly length: number | undefined;
  /** Its read() fails with a systemError. */
  readonly body: ByteSource;
  close(): Proc<void>;
}

/** Sends a request and returns the answer; close() it. Errors: systemError `Get "https://…": dial tcp: …`. Blocks. */
export function* send(sys: Sys, request: Request): Proc<Answer> {
  let url = request.url;
  let headers = request.headers ?? [];
  const follows = request.method === "GET" || request.method === "HEAD";
  for (let hops = 0; ; hops++) {
    const parsed = parseUrl(url);
    if (parsed === undefined) throw urlError(request.method, url.replace(/^http:\/\/$/, "http:"), "http: no Host in request URL");
    const answer = yield* exchange(sys, { ...request, url, headers }, parsed);
    const location = answer.headers.get("Location");
    if (!follows || ![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
    yield* answer.close();
    if (hops >= MAX_REDIRECTS) throw urlError(request.method, location, "stopped after 10 redirects");
    url = resolveUrl(parsed, location);
    // What proves who we are is for nobody else.
    if (parseUrl(url)?.host !== parsed.host) headers = headers.filter(([name]) => name !== "Authorization");
  }
}

/** GET that fails with a status of 400 and above. Errors: by the status. Blocks. */
export function* get(sys: Sys, url: string): Proc<Answer> {
  const answer = yield* send(sys, { method: "GET", url });
  if (answer.status < 400) return answer;
  const text = yield* readText(answer);
  const category = ({ 400: "invalidParameter", 401: "unauthorized", 403: "forbidden", 404: "notFound" } as const)[answer.status as 400];
  throw new EngineError(category ?? "system", `failed to GET ${url} with status ${answer.statusText}: ${text.trim()}`);
}

const MAX_TEXT = 4 * 1024 * 1024;

/** The whole body, and the connection closed. Errors: systemError. Blocks. */
export function* readText(answer: Answer): Proc<string> {
  try {
    const bytes = yield* readUpTo(answer.body, MAX_TEXT);
    if (bytes === undefined) throw systemError("http: response body too large");
    return decodeUtf8(bytes);
  } finally {
    yield* answer.close();
  }
}

const urlError = (method: string, url: string, why: string): EngineError =>
  systemError(`${method.slice(0, 1)}${method.slice(1).toLowerCase()} ${JSON.stringify(url)}: ${why}`);

function* exchange(sys: Sys, request: Request, url: Url): Proc<Answer> {
  const { method } = request;
  try {
    if (url.scheme !== "http" && url.scheme !== "https") throw systemError(`unsupported protocol scheme ${JSON.stringify(url.scheme)}`);
    const stream = yield* dial(sys, url, request.timeoutMs);
    try {
      if (url.scheme === "https" && url.port !== HTTPS_PORT) throw systemError("http: server gave HTTP response to HTTPS client");
      return yield* converse(stream, request, url);
    } catch (e) {
      yield* stream.close();
      throw e;
    }
  } catch (e) {
    if (e instanceof HttpError) throw urlError(method, request.url, e.message === "empty reply from server" ? "EOF" : e.message);
    if (!isFailure(e)) throw e;
    throw urlError(method, request.url, wordsOfIo(e));
  }
}

const wordsOfIo = (e: EngineError | Errno): string =>
  e === ETIMEDOUT
    ? "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
    : e === ECONNRESET
      ? "read: connection reset by peer"
      : e === EPIPE
        ? "write: broken pipe"
        : wordsOf(e);

function* converse(stream: SocketStream, request: Request, url: Url): Proc<Answer> {
  const { method, body } = request;
  const headers = new Headers([["Host", hostHeader(url)], ["User-Agent", yield* userAgent(stream.sys)], ...(request.headers ?? [])]);
  if (body instanceof Uint8Array) headers.add("Content-Length", String(body.length));
  else if (body !== undefined) headers.add("Transfer-Encoding", "chunked");
  else if (method === "POST" || method === "PUT" || method === "PATCH") headers.add("Content-Length", "0");
  headers.add("Connection", "close");
  yield* stream.write(encodeHead(requestLine(method, url.target), headers));
  if (body instanceof Uint8Array) yield* stream.write(body);
  else if (body !== undefined) {
    const sink = new ChunkedSink(stream);
    for (let part = yield* body.read(); part !== undefined; part = yield* body.read()) yield* sink.write(part);
    yield* sink.end();
  }
  const reader = new HttpReader(stream);
  const head = yield* reader.responseHead();
  stream.deadlineMs = Number.POSITIVE_INFINITY;
  return answerOf(stream, reader, head, method, formatUrl(url));
}

function answerOf(stream: SocketStream, reader: HttpReader, head: ResponseHead, method: string, url: string): Answer {
  const framing = responseFraming(method, head);
  const source = reader.body(framing);
  return {
    status: head.status,
    statusText: `${head.status} ${head.reason === "" ? (reasons[head.status] ?? "") : head.reason}`,
    headers: head.headers,
    url,
    length: framing.kind === "length" ? framing.bytes : undefined,
    body: {
      *read() {
        try {
          return yield* source.read();
        } catch (e) {
          if (e instanceof HttpError) throw systemError("unexpected EOF");
          throw e;
        }
      },
    },
    close: () => stream.close(),
  };
}

/** What the daemon calls itself towards registries. */
function* userAgent(sys: Sys): Proc<string> {
  const { release } = yield* sys.uname();
  return `docker/${ENGINE_VERSION} go/${GO_VERSION} git-commit/${GIT_COMMIT} kernel/${release} os/linux arch/amd64`;
}

/** Errors: systemError `dial tcp …`. */
function* dial(sys: Sys, { host, port }: Url, timeoutMs = DIAL_TIMEOUT_MS): Proc<SocketStream> {
  const started = yield* nowMs(sys);
  const addr = parseIpv4(host) ?? (yield* lookUp(sys, host));
  try {
    const stream = yield* connectTo(sys, inetAddress(addr, port), { timeoutMs });
    if (timeoutMs < DIAL_TIMEOUT_MS) stream.deadlineMs = started + timeoutMs;
    return stream;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (e === ETIMEDOUT && timeoutMs < DIAL_TIMEOUT_MS)
      throw systemError("net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)");
    throw systemError(`dial tcp ${formatIpv4(addr)}:${port}: ${e === ETIMEDOUT ? "i/o timeout" : `connect: ${wordsOf(e)}`}`);
  }
}

function* lookUp(sys: Sys, name: string): Proc<number> {
  try {
    const { addresses } = yield* getHostIpv4(sys, name);
    if (addresses[0] !== undefined) return addresses[0];
  } catch (e) {
    if (!(e instanceof GaiError)) throw e;
    if (e.code === "EAI_AGAIN") throw systemError(`dial tcp: lookup ${name} on ${yield* nameServer(sys)}: ${yield* whyNoAnswer(sys)}`);
  }
  throw systemError(`dial tcp: lookup ${name} on ${yield* nameServer(sys)}: no such host`);
}

function* nameServer(sys: Sys): Proc<string> {
  const server = (yield* readResolvConf(sys)).nameservers[0];
  return `${server === undefined ? "127.0.0.1" : formatIpv4(server)}:${DNS_PORT}`;
}

/** Whether there was no way to the name server, or no answer from it. */
function* whyNoAnswer(sys: Sys): Proc<string> {
  const server = (yield* readResolvConf(sys)).nameservers[0] ?? (parseIpv4("127.0.0.1") as number);
  const where = `${formatIpv4(server)}:${DNS_PORT}`;
  const fd = yield* sys.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    yield* sys.connect(fd, inetAddress(server, DNS_PORT));
    const own = yield* sys.getsockname(fd);
    const from = own.family === AF_INET ? `${formatIpv4(own.addr)}:${own.port}` : "";
    return `read udp ${from}->${where}: i/o timeout`;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return `dial udp ${where}: connect: ${wordsOf(e === ENETUNREACH ? ENETUNREACH : e)}`;
  } finally {
    yield* sys.close(fd);
  }
}
