/** One transfer of curl: connect, ask, follow, tell. The words are those of 7.88's `lib/connect.c` and `lib/http.c`. */

import { Errno, ETIMEDOUT } from "../../abi/errno.ts";
import { formatIpv4, parseIpv4 } from "../../abi/inet.ts";
import { AF_UNIX } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { encodeBase64 } from "../libc/base64.ts";
import type { Command } from "../libc/command.ts";
import { encodeHead, Headers, HttpError, HttpReader, keepsAlive, type ResponseHead, responseFraming } from "../libc/http.ts";
import { connectTo, inetAddress, nowMs, type SocketStream } from "../libc/inet.ts";
import { GaiError, getHostIpv4 } from "../libc/netdb.ts";
import { isatty, type Output } from "../libc/stdio.ts";
import { writeFile } from "../libc/unistd.ts";
import { formatUrl, hostHeader, parseUrl, resolveUrl, type Url } from "../libc/url.ts";
import { Progress } from "./progress.ts";

/** A transfer that failed; the statuses are those of curl(1), EXIT CODES. */
export class CurlError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface Body {
  readonly bytes: Uint8Array;
  readonly type: string | undefined;
}

export interface Settings {
  method: string | undefined;
  body: Body | undefined;
  readonly headers: string[];
  user: string | undefined;
  agent: string;
  referer: string | undefined;
  unixSocket: string | undefined;
  head: boolean;
  include: boolean;
  follow: boolean;
  maxRedirects: number;
  verbose: boolean;
  fail: boolean;
  failWithBody: boolean;
  http10: boolean;
  connectTimeoutMs: number;
  maxTimeMs: number;
  progress: boolean;
  /** `host:port` to an address. */
  readonly resolve: Map<string, string>;
  dumpHeader: string | undefined;
}

const prefixed = (prefix: string, lines: string): string => lines.replace(/[^\n]*\n/g, (line) => prefix + line);

export class Transfer {
  startMs = 0;
  /** Whether the meter has begun. */
  shows = false;
  private progress: Progress | undefined;
  private got = 0;
  private redirects = 0;
  private headerBytes = 0;
  private sent = 0;
  private head: ResponseHead | undefined;
  private url: Url | undefined;
  private method = "GET";
  private remote: { readonly addr: string; readonly port: number } | undefined;
  private local: { readonly addr: string; readonly port: number } | undefined;
  private namelookupMs = 0;
  private connectMs = 0;
  private firstMs = 0;
  private totalMs = 0;
  private expected: number | undefined;

  constructor(
    private readonly c: Command,
    private readonly s: Settings,
    private readonly sinkOf: () => Proc<Output>,
  ) {}

  /** Errors: CurlError. Blocks. */
  *run(text: string): Proc<void> {
    const { c, s } = this;
    const method = s.method ?? (s.head ? "HEAD" : s.body === undefined ? "GET" : "POST");
    try {
      yield* this.request(text, method, s.body);
      yield* this.meter(true);
    } catch (e) {
      if (e instanceof CurlError && e.status !== 3 && e.status !== 1) yield* this.meter(true);
      throw e;
    } finally {
      this.totalMs = (yield* nowMs(c.sys)) - this.startMs;
    }
  }

  private *request(text: string, firstMethod: string, firstBody: Body | undefined): Proc<void> {
    const { s } = this;
    let method = firstMethod;
    let body = firstBody;
    let next = text;
    for (;;) {
      const url = parseUrl(next);
      if (url === undefined) throw new CurlError(3, "URL using bad/illegal format or missing URL");
      if (url.scheme !== "http" && url.scheme !== "https")
        throw new CurlError(1, `Protocol "${url.scheme}" not supported or disabled in libcurl`);
      this.url = url;
      this.method = method;
      yield* this.meter();
      const stream = yield* this.connect(url);
      // Differs from Linux: there is no TLS here; what is spoken to first is a port that nobody of this world opens.
      if (url.scheme === "https") throw new CurlError(35, "TLS connect error: TLS is not built into this machine");
      let location: string | undefined;
      try {
        location = yield* this.exchange(stream, url, method, body);
      } finally {
        yield* stream.close();
      }
      const kept = this.head !== undefined && keepsAlive(this.head);
      yield* this.say(kept ? `Connection #${this.redirects} to host ${url.host} left intact` : `Closing connection ${this.redirects}`);
      if (location === undefined) return;
      if (++this.redirects > s.maxRedirects) throw new CurlError(47, `Maximum (${s.maxRedirects}) redirects followed`);
      next = resolveUrl(url, location);
      yield* this.say(`Issue another request to this URL: '${next}'`);
      const { status = 0 } = this.head ?? {};
      if (status === 303 || ((status === 301 || status === 302) && method === "POST")) {
        if (s.method === undefined) method = s.head ? "HEAD" : "GET";
        body = undefined;
      }
    }
  }

  /** `* text`, with -v. */
  private *say(text: string): Proc<void> {
    if (this.s.verbose) yield* this.c.eprint(`* ${text}\n`);
  }

  private *meter(final = false): Proc<void> {
    const { c, s } = this;
    if (!s.progress) return;
    if (!this.shows) {
      // No meter where the output itself goes to the terminal.
      if ((yield* isatty(c.sys, 1)) && !final) {
        s.progress = false;
        return;
      }
      this.progress = new Progress(this.startMs);
      this.shows = true;
    }
    const shown = this.progress?.show(yield* nowMs(c.sys), this.got, this.expected, this.sent, this.sent, final);
    if (shown !== undefined && shown !== "") yield* c.eprint(shown);
  }

  private *connect(url: Url): Proc<SocketStream> {
    const { c, s } = this;
    const begun = yield* nowMs(c.sys);
    const leftMs = Math.min(s.connectTimeoutMs, s.maxTimeMs - (begun - this.startMs));
    const fail = function* (): Proc<never> {
      const after = Math.floor((yield* nowMs(c.sys)) - begun);
      throw new CurlError(7, `Failed to connect to ${url.host} port ${url.port} after ${after} ms: Couldn't connect to server`);
    };
    if (s.unixSocket !== undefined) {
      yield* this.say(`  Trying ${s.unixSocket}:0...`);
      try {
        const stream = yield* connectTo(c.sys, { family: AF_UNIX, path: s.unixSocket });
        yield* this.say(`Connected to ${url.host} (${s.unixSocket}) port ${url.port} (#0)`);
        stream.deadlineMs = this.startMs + s.maxTimeMs;
        return stream;
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        return yield* fail();
      }
    }
    const forced = parseIpv4(s.resolve.get(`${url.host}:${url.port}`) ?? "");
    const addresses = forced === undefined ? yield* this.lookUp(url.host) : [forced];
    this.namelookupMs = (yield* nowMs(c.sys)) - this.startMs;
    for (const addr of addresses) {
      const shown = formatIpv4(addr);
      yield* this.say(`  Trying ${shown}:${url.port}...`);
      try {
        const stream = yield* connectTo(c.sys, inetAddress(addr, url.port), { timeoutMs: leftMs });
        this.connectMs = (yield* nowMs(c.sys)) - this.startMs;
        yield* this.say(`Connected to ${url.host} (${shown}) port ${url.port} (#${this.redirects})`);
        this.remote = { addr: shown, port: url.port };
        const local = yield* c.sys.getsockname(stream.fd);
        if ("addr" in local && typeof local.addr === "number") this.local = { addr: formatIpv4(local.addr), port: local.port };
        stream.deadlineMs = this.startMs + s.maxTimeMs;
        return stream;
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        if (e === ETIMEDOUT && leftMs < 300_000) {
          const now = yield* nowMs(c.sys);
          // Whichever limit was reached first has words of its own.
          if (now >= this.startMs + s.maxTimeMs)
            throw new CurlError(28, `Connection timed out after ${Math.floor(now - this.startMs)} milliseconds`);
          const after = Math.floor(now - begun);
          throw new CurlError(28, `Failed to connect to ${url.host} port ${url.port} after ${after} ms: Timeout was reached`);
        }
        yield* this.say(`connect to ${shown} port ${url.port} failed: ${e.message}`);
      }
    }
    return yield* fail();
  }

  private *lookUp(host: string): Proc<readonly number[]> {
    try {
      return (yield* getHostIpv4(this.c.sys, host)).addresses;
    } catch (e) {
      if (!(e instanceof GaiError)) throw e;
      yield* this.say(`Could not resolve host: ${host}`);
      throw new CurlError(6, `Could not resolve host: ${host}`);
    }
  }

  private requestHeaders(url: Url, body: Body | undefined): Headers {
    const { s } = this;
    const headers = new Headers([["Host", hostHeader(url)]]);
    const user = s.user ?? url.user;
    if (user !== undefined) headers.add("Authorization", `Basic ${encodeBase64(encodeUtf8(user.includes(":") ? user : `${user}:`))}`);
    if (s.agent !== "") headers.add("User-Agent", s.agent);
    headers.add("Accept", "*/*");
    if (s.referer !== undefined) headers.add("Referer", s.referer);
    const own = s.headers.map((line) => /^([^:;]+)([:;])\s*(.*)$/.exec(line)).filter((match) => match !== null);
    for (const [, name = ""] of own) headers.delete(name);
    // `Name:` takes a header away, `Name;` sends it empty. A Host of one's own stays in front.
    for (const [, name = "", colon, value = ""] of own) {
      if (value === "" && colon === ":") continue;
      if (name.toLowerCase() === "host") headers.fields.unshift([name, value]);
      else headers.add(name, value);
    }
    const has = (header: string): boolean => own.some(([, name = ""]) => name.toLowerCase() === header);
    if (body !== undefined && !has("content-length")) headers.add("Content-Length", String(body.bytes.length));
    if (body?.type !== undefined && !has("content-type")) headers.add("Content-Type", body.type);
    return headers;
  }

  /** Sends the request and takes the answer. Returns where it leads to, if that is to be followed. */
  private *exchange(stream: SocketStream, url: Url, method: string, body: Body | undefined): Proc<string | undefined> {
    const { c, s } = this;
    const bytes = encodeHead(`${method} ${url.target} HTTP/${s.http10 ? "1.0" : "1.1"}`, this.requestHeaders(url, body));
    if (s.verbose) yield* c.eprint(prefixed("> ", decodeUtf8(bytes)));
    const reader = new HttpReader(stream);
    try {
      yield* stream.write(bytes);
      if (body !== undefined) {
        yield* stream.write(body.bytes);
        this.sent = body.bytes.length;
        if (s.verbose) yield* c.eprint(`} [${body.bytes.length} bytes data]\n`);
      }
      const head = yield* reader.responseHead();
      this.head = head;
      this.firstMs = (yield* nowMs(c.sys)) - this.startMs;
      const location = s.follow && head.status >= 300 && head.status < 400 ? head.headers.get("Location") : undefined;
      yield* this.showHead(head);
      if ((s.fail || s.failWithBody) && head.status >= 400) {
        if (s.failWithBody) yield* this.takeBody(reader, method, head, false);
        throw new CurlError(22, `The requested URL returned error: ${head.status}`);
      }
      yield* this.takeBody(reader, method, head, location !== undefined);
      return location;
    } catch (e) {
      if (e instanceof HttpError) throw this.httpFailure(e);
      if (!(e instanceof Errno)) throw e;
      if (e === ETIMEDOUT) throw yield* this.timedOut();
      throw new CurlError(56, `Recv failure: ${e.message}`);
    }
  }

  private httpFailure(e: HttpError): CurlError {
    if (e.message === "empty reply from server") return new CurlError(52, "Empty reply from server");
    if (e.message === "malformed HTTP response") return new CurlError(1, "Received HTTP/0.9 when not allowed");
    if (e.message === "unexpected end of the body" && this.expected !== undefined)
      return new CurlError(18, `transfer closed with ${this.expected - this.got} bytes remaining to read`);
    return new CurlError(56, `Failure when receiving data from the peer`);
  }

  private *timedOut(): Proc<CurlError> {
    const after = Math.floor((yield* nowMs(this.c.sys)) - this.startMs);
    const { expected } = this;
    if (this.head === undefined || expected === undefined)
      return new CurlError(28, `Operation timed out after ${after} milliseconds with ${this.got} bytes received`);
    return new CurlError(28, `Operation timed out after ${after} milliseconds with ${this.got} out of ${expected} bytes received`);
  }

  private *showHead(head: ResponseHead): Proc<void> {
    const { c, s } = this;
    const lines = decodeUtf8(encodeHead(`HTTP/${head.version} ${head.status}${head.reason === "" ? "" : ` ${head.reason}`}`, head.headers));
    this.headerBytes += lines.length;
    if (s.verbose) yield* c.eprint(prefixed("< ", lines));
    if (s.include || s.head) yield* (yield* this.sinkOf()).print(lines);
    if (s.dumpHeader === "-") yield* c.print(lines);
    else if (s.dumpHeader !== undefined) yield* writeFile(c.sys, s.dumpHeader, lines);
  }

  private *takeBody(reader: HttpReader, method: string, head: ResponseHead, ignore: boolean): Proc<void> {
    const { c, s } = this;
    const framing = responseFraming(method, head);
    this.expected = framing.kind === "length" ? framing.bytes : undefined;
    this.got = 0;
    const source = reader.body(framing);
    const verbose = s.verbose;
    for (let bytes = yield* source.read(); bytes !== undefined; bytes = yield* source.read()) {
      this.got += bytes.length;
      if (verbose && this.got === bytes.length) yield* c.eprint(`{ [${bytes.length} bytes data]\n`);
      if (!ignore) {
        const sink = yield* this.sinkOf();
        try {
          yield* sink.write(bytes);
        } catch (e) {
          if (!(e instanceof Errno)) throw e;
          throw new CurlError(23, "Failure writing output to destination");
        }
      }
      yield* this.meter();
      if ((yield* nowMs(c.sys)) - this.startMs >= s.maxTimeMs) throw ETIMEDOUT;
    }
    // A file of nothing is a file, too.
    if (!ignore && this.got === 0 && head.status !== 304) yield* this.sinkOf();
  }

  /** The text of -w. */
  writeOut(format: string, typed: string, status: number): string {
    const seconds = (ms: number): string => (ms / 1000).toFixed(6);
    const { head } = this;
    const variables: Readonly<Record<string, string | number>> = {
      http_code: String(head?.status ?? 0).padStart(3, "0"),
      response_code: String(head?.status ?? 0).padStart(3, "0"),
      size_download: this.got,
      size_upload: this.sent,
      size_header: this.headerBytes,
      speed_download: Math.floor(this.got / Math.max(this.totalMs / 1000, 1e-6)),
      content_type: head?.headers.get("Content-Type") ?? "",
      num_redirects: this.redirects,
      num_headers: head?.headers.fields.length ?? 0,
      redirect_url:
        head?.headers.has("Location") && this.url !== undefined ? resolveUrl(this.url, head.headers.get("Location") as string) : "",
      url: typed,
      url_effective: this.url === undefined ? typed : formatUrl(this.url),
      remote_ip: this.remote?.addr ?? "",
      remote_port: this.remote?.port ?? 0,
      local_ip: this.local?.addr ?? "",
      local_port: this.local?.port ?? 0,
      method: this.method,
      http_version: head?.version === "1.0" ? "1" : head === undefined ? "0" : "1.1",
      scheme: (this.url?.scheme ?? "").toUpperCase(),
      exitcode: status,
      time_namelookup: seconds(this.namelookupMs),
      time_connect: seconds(this.connectMs),
      time_starttransfer: seconds(this.firstMs),
      time_total: seconds(this.totalMs),
    };
    return format
      .replace(/\\n/g, "\n")
      .replace(/\\t/g, "\t")
      .replace(/\\r/g, "\r")
      .replace(/%\{([a-z_]+)\}|%%/g, (whole, name: string | undefined) =>
        name === undefined ? "%" : name in variables ? String(variables[name]) : whole,
      );
  }
}
