/**
 * wget(1) 1.21, and busybox's: downloads by HTTP. Left out: TLS and with it https, FTP, recursion, continuing, cookies, timestamps, proxies; their options are
 * unknown. Differs from Linux: on a terminal the GNU voice shows dots, too, where wget draws its bar.
 */

import { EEXIST, Errno } from "../../abi/errno.ts";
import { O_CREAT, O_EXCL, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import { formatIpv4 } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { type getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { encodeHead, Headers, HttpError, HttpReader, requestLine, type ResponseHead, responseFraming } from "../libc/http.ts";
import { connectTo, inetAddress, nowMs, type SocketStream } from "../libc/inet.ts";
import { GaiError, getHostIpv4 } from "../libc/netdb.ts";
import { Output } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import { mkdir, open, optional, readFile } from "../libc/unistd.ts";
import { fileNameOf, formatUrl, hostHeader, parseUrl, resolveUrl, type Url } from "../libc/url.ts";
import { busyboxBar, Dots, humanRate, humanSize } from "./progress.ts";

const text = help(
  `wget [OPTION]... [URL]...

  -q,  --quiet                     quiet (no output)
  -nv, --no-verbose                turn off verboseness, without being quiet
  -o,  --output-file=FILE          log messages to FILE
  -O,  --output-document=FILE      write documents to FILE
  -S,  --server-response           print server response
       --spider                    don't download anything
  -T,  --timeout=SECONDS           set all timeout values to SECONDS
  -P,  --directory-prefix=PREFIX   save files to PREFIX/..
  -U,  --user-agent=AGENT          identify as AGENT instead of Wget/VERSION
       --header=STRING             insert STRING among the headers
       --post-data=STRING          use the POST method; send STRING as the data
       --post-file=FILE            use the POST method; send contents of FILE
       --max-redirect              maximum redirections allowed per page`,
  `wget [-qS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]
	[--post-data STR | --post-file FILE] [-P DIR] [-U AGENT] [-T SEC] URL...

Retrieve files via HTTP

	--spider	Only check URL existence: $? is 0 if exists
	--header STR	Add STR (of form 'header: value') to headers
	--post-data STR	Send STR using POST method
	--post-file FILE	Send FILE using POST method
	-q		Quiet
	-P DIR		Save to DIR (default .)
	-S    		Show server response
	-T SEC		Network read timeout is SEC seconds
	-O FILE		Save to FILE ('-' for stdout)
	-o LOGFILE	Log messages to FILE
	-U STR		Use STR for User-Agent header`,
);

interface Settings {
  output: string | undefined;
  log: string | undefined;
  prefix: string | undefined;
  agent: string;
  timeoutMs: number;
  maxRedirects: number;
  post: Uint8Array | undefined;
  readonly headers: string[];
  readonly flags: Set<string>;
}

class Wget {
  private logged: Output;
  /** -O of several URLs goes into one file. */
  private shared: Output | undefined;

  constructor(
    private readonly c: Command,
    private readonly s: Settings,
  ) {
    this.logged = new Output(c.sys, 2, "none");
  }

  private get gnu(): boolean {
    return this.c.voice === "gnu";
  }

  private get quiet(): boolean {
    return this.s.flags.has("q");
  }

  *run(urls: readonly string[]): Proc<number> {
    const { c, s } = this;
    if (s.log !== undefined) this.logged = new Output(c.sys, yield* open(c.sys, s.log, O_WRONLY | O_CREAT | O_TRUNC), "full");
    let status = 0;
    for (const url of urls) status = (yield* this.get(url)) || status;
    if (this.shared !== undefined) yield* this.shared.flush();
    yield* this.logged.flush();
    return status;
  }

  /** What is told without -q, and without -nv. */
  private *say(message: string): Proc<void> {
    if (!this.quiet && !this.s.flags.has("nv")) yield* this.logged.print(message);
  }

  private *stamp(): Proc<string> {
    return strftime("%Y-%m-%d %H:%M:%S", yield* this.c.sys.clock_gettime(CLOCK_REALTIME));
  }

  private *get(typed: string): Proc<number> {
    const { s } = this;
    let next = typed;
    if (s.flags.has("spider") && this.gnu) yield* this.say("Spider mode enabled. Check if remote file exists.\n");
    for (let redirects = 0; ; redirects++) {
      const url = parseUrl(next);
      if (url === undefined || url.scheme !== "http") return yield* this.unsupported(next, url);
      if (this.gnu) yield* this.say(`--${yield* this.stamp()}--  ${formatUrl(url)}\n`);
      if (redirects > s.maxRedirects) {
        yield* this.say(`${s.maxRedirects} redirections exceeded.\n`);
        return 8;
      }
      const stream = yield* this.connect(url);
      if (typeof stream === "number") return stream;
      try {
        const outcome = yield* this.exchange(stream, url, typed);
        if (typeof outcome === "number") return outcome;
        next = resolveUrl(url, outcome.location);
      } catch (e) {
        if (e instanceof HttpError) return yield* this.broken(e.message);
        if (e instanceof Errno) return yield* this.broken(e.message);
        throw e;
      } finally {
        yield* stream.close();
      }
    }
  }

  private *broken(message: string): Proc<number> {
    if (!this.gnu) return yield* this.c.fail(message === "empty reply from server" ? "error getting response" : message);
    yield* this.say(`Read error (${message}) in headers.\nGiving up.\n\n`);
    return 4;
  }

  private *unsupported(typed: string, url: Url | undefined): Proc<number> {
    const { c } = this;
    if (!this.gnu) yield* c.fail(`not an http or ftp url: ${typed}`);
    if (url === undefined) {
      yield* this.say(`${typed}: Invalid host name.\n`);
      return 1;
    }
    // Differs from Linux: wget would speak TLS, which is not built.
    yield* this.say(`${typed}: ${url.scheme === "https" ? "HTTPS support not compiled in" : `Unsupported scheme ‘${url.scheme}’`}.\n`);
    return 1;
  }

  private *connect(url: Url): Proc<SocketStream | number> {
    const { c, s } = this;
    const literal = /^[\d.]+$/.test(url.host);
    let addresses: readonly number[];
    try {
      if (this.gnu && !literal) yield* this.say(`Resolving ${url.host} (${url.host})... `);
      addresses = (yield* getHostIpv4(c.sys, url.host)).addresses;
    } catch (e) {
      if (!(e instanceof GaiError)) throw e;
      if (!this.gnu) return yield* c.fail(`bad address '${url.host}'`);
      yield* this.say(`failed: ${e.message}.\n`);
      if (!this.quiet) yield* this.logged.print(`wget: unable to resolve host address ‘${url.host}’\n`);
      return 4;
    }
    const [first = 0] = addresses;
    if (this.gnu && !literal) yield* this.say(`${addresses.map(formatIpv4).join(", ")}\n`);
    const named = literal ? "" : `${url.host} (${url.host})|${formatIpv4(first)}|`;
    if (this.gnu) yield* this.say(`Connecting to ${literal ? url.host : named}:${url.port}... `);
    else yield* this.say(`Connecting to ${hostHeader(url)} (${formatIpv4(first)}:${url.port})\n`);
    try {
      const stream = yield* connectTo(c.sys, inetAddress(first, url.port), { timeoutMs: s.timeoutMs });
      if (this.gnu) yield* this.say("connected.\n");
      if (s.timeoutMs < Number.POSITIVE_INFINITY) stream.deadlineMs = (yield* nowMs(c.sys)) + s.timeoutMs;
      return stream;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (!this.gnu) return yield* c.fail(`can't connect to remote host (${formatIpv4(first)}): ${e.message}`);
      yield* this.say(`failed: ${e.message}.\n`);
      return 4;
    }
  }

  private *exchange(stream: SocketStream, url: Url, typed: string): Proc<number | { readonly location: string }> {
    const { s } = this;
    const method = s.post !== undefined ? "POST" : s.flags.has("spider") ? "HEAD" : "GET";
    const headers = new Headers([
      ["Host", hostHeader(url)],
      ["User-Agent", s.agent],
    ]);
    if (this.gnu) {
      headers.add("Accept", "*/*");
      headers.add("Accept-Encoding", "identity");
      headers.add("Connection", "Keep-Alive");
    } else headers.add("Connection", "close");
    if (s.post !== undefined) {
      headers.add("Content-Type", "application/x-www-form-urlencoded");
      headers.add("Content-Length", String(s.post.length));
    }
    for (const line of s.headers) {
      const [, name = "", value = ""] = /^([^:]*):\s*(.*)$/.exec(line) ?? [];
      if (name !== "") headers.set(name, value);
    }
    yield* stream.write(encodeHead(requestLine(method, url.target), headers));
    if (s.post !== undefined) yield* stream.write(s.post);
    if (this.gnu) yield* this.say("HTTP request sent, awaiting response... ");
    const reader = new HttpReader(stream);
    const head = yield* reader.responseHead();
    yield* this.showHead(head);
    const location = head.headers.get("Location");
    if (head.status >= 300 && head.status < 400 && location !== undefined) {
      if (this.gnu) yield* this.say(`Location: ${location} [following]\n`);
      return { location };
    }
    if (head.status >= 400 || head.status < 200) return yield* this.refused(head);
    return yield* this.save(reader, method, head, url, typed);
  }

  private *showHead(head: ResponseHead): Proc<void> {
    const status = `${head.status} ${head.reason}`.trim();
    const lines = [`HTTP/${head.version} ${status}`, ...head.headers.fields.map(([name, value]) => `${name}: ${value}`)];
    if (this.s.flags.has("S")) {
      if (this.gnu) yield* this.say(`\n${lines.map((line) => `  ${line}\n`).join("")}`);
      else yield* this.logged.print(`${lines.map((line) => `  ${line}\n`).join("")}  \n`);
    } else if (this.gnu) yield* this.say(`${status}\n`);
  }

  private *refused({ status, reason, version }: ResponseHead): Proc<number> {
    if (!this.gnu) return yield* this.c.fail(`server returned error: HTTP/${version} ${status} ${reason}`);
    if (this.s.flags.has("spider")) yield* this.say("Remote file does not exist -- broken link!!!\n\n");
    else if (this.s.flags.has("nv")) yield* this.logged.print(`${yield* this.stamp()} ERROR ${status}: ${reason}.\n`);
    else yield* this.say(`${yield* this.stamp()} ERROR ${status}: ${reason}.\n\n`);
    return 8;
  }

  private *save(reader: HttpReader, method: string, head: ResponseHead, url: Url, typed: string): Proc<number> {
    const { c, s } = this;
    const length = head.headers.get("Content-Length");
    const total = length === undefined ? undefined : Number(length);
    const type = head.headers.get("Content-Type")?.replace(/;.*/, "");
    if (this.gnu) {
      const human = total !== undefined && total >= 1024 ? ` (${humanSize(total)})` : "";
      yield* this.say(`Length: ${total === undefined ? "unspecified" : total}${human}${type === undefined ? "" : ` [${type}]`}\n`);
    }
    if (s.flags.has("spider")) {
      if (!this.gnu) yield* this.say("remote file exists\n");
      else
        yield* this.say(
          type === "text/html"
            ? "Remote file exists and could contain further links,\nbut recursion is disabled -- not retrieving.\n\n"
            : "Remote file exists.\n\n",
        );
      return 0;
    }
    const { sink, name, close } = yield* this.openOutput(url);
    if (this.gnu) yield* this.say(`Saving to: ‘${name}’\n`);
    else yield* this.say(name === "-" ? "writing to stdout\n" : `saving to '${name}'\n`);
    const startMs = yield* nowMs(c.sys);
    const dots = new Dots(total, startMs);
    const source = reader.body(responseFraming(method, head));
    let got = 0;
    for (let bytes = yield* source.read(); bytes !== undefined; bytes = yield* source.read()) {
      got += bytes.length;
      yield* sink.write(bytes);
      if (name === "STDOUT" || name === "-") yield* sink.flush();
      if (this.gnu) yield* this.say(dots.add(bytes.length, yield* nowMs(c.sys)));
    }
    yield* sink.flush();
    if (close !== undefined) yield* c.sys.close(close);
    const tookMs = (yield* nowMs(c.sys)) - startMs;
    if (!this.gnu) {
      yield* this.say(
        `${busyboxBar(name === "-" ? "-" : name, got, total, tookMs / 1000)}\n${name === "-" ? "written to stdout" : `'${name}' saved`}\n`,
      );
      return 0;
    }
    yield* this.say(dots.finish(yield* nowMs(c.sys), tookMs));
    const { value, unit } = humanRate((got * 1000) / Math.max(tookMs, 1e-3));
    const sizes = `[${got}${total === undefined ? "" : `/${total}`}]`;
    const done = name === "STDOUT" ? "written to stdout" : `‘${name}’ saved`;
    yield* this.say(`${yield* this.stamp()} (${value} ${unit}B/s) - ${done} ${sizes}\n\n`);
    if (s.flags.has("nv") && !this.quiet)
      yield* this.logged.print(
        `${yield* this.stamp()} URL:${formatUrl(parseUrl(typed) ?? url)} ${sizes} -> "${name === "STDOUT" ? "-" : name}" [1]\n`,
      );
    return 0;
  }

  private *openOutput(url: Url): Proc<{ sink: Output; name: string; close: number | undefined }> {
    const { c, s } = this;
    if (s.output === "-") return { sink: c.stdout, name: this.gnu ? "STDOUT" : "-", close: undefined };
    if (s.output !== undefined && this.gnu) {
      this.shared ??= new Output(c.sys, yield* this.create(s.output, O_TRUNC), "full");
      return { sink: this.shared, name: s.output, close: undefined };
    }
    const base = s.output ?? (fileNameOf(url) || "index.html");
    if (s.prefix !== undefined) yield* optional(mkdir(c.sys, s.prefix), [EEXIST]);
    const path = s.prefix === undefined ? base : `${s.prefix}/${base}`;
    if (s.output !== undefined) {
      const fd = yield* this.create(path, O_TRUNC);
      return { sink: new Output(c.sys, fd, "full"), name: base, close: fd };
    }
    for (let i = 0; ; i++) {
      const name = i === 0 ? path : `${path}.${i}`;
      try {
        const fd = yield* open(c.sys, name, O_WRONLY | O_CREAT | O_EXCL);
        return { sink: new Output(c.sys, fd, "full"), name: this.gnu ? name : base, close: fd };
      } catch (e) {
        if (e === EEXIST && this.gnu) continue;
        if (!(e instanceof Errno)) throw e;
        return yield* this.noFile(name, e);
      }
    }
  }

  private *create(path: string, flags: number): Proc<number> {
    try {
      return yield* open(this.c.sys, path, O_WRONLY | O_CREAT | flags);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* this.noFile(path, e);
    }
  }

  private *noFile(path: string, e: Errno): Proc<never> {
    if (!this.gnu) return yield* this.c.fail(`can't open '${path}': ${e.message}`);
    if (!this.quiet) yield* this.logged.print(`${path}: ${e.message}\n`);
    throw new Exit(this.s.output === undefined ? 3 : 1);
  }
}

const long = [
  { name: "quiet", as: "q" },
  { name: "no-verbose", as: "nv" },
  { name: "output-file", as: "o", arg: "required" },
  { name: "output-document", as: "O", arg: "required" },
  { name: "server-response", as: "S" },
  { name: "spider" },
  { name: "timeout", as: "T", arg: "required" },
  { name: "directory-prefix", as: "P", arg: "required" },
  { name: "user-agent", as: "U", arg: "required" },
  { name: "header", arg: "required" },
  { name: "post-data", arg: "required" },
  { name: "post-file", arg: "required" },
  { name: "max-redirect", arg: "required" },
  { name: "no-check-certificate" },
] as const;

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  // wget has letters of two characters.
  const args = gnu ? c.args.map((word) => (word === "-nv" ? "--no-verbose" : word)) : c.args;
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = yield* c.getopt(
      { short: gnu ? "qo:O:ST:P:U:" : "qSO:o:P:U:T:", long: long.filter((option) => gnu || option.name !== "timeout") },
      args,
    );
  } catch (e) {
    if (!(e instanceof UsageError) || !gnu) throw e;
    yield* c.eprint(`wget: ${e.message}\nUsage: wget [OPTION]... [URL]...\n\nTry \`wget --help' for more options.\n`);
    return 2;
  }
  const s: Settings = {
    ...{ output: undefined, log: undefined, prefix: undefined, agent: gnu ? "Wget/1.21.3" : "Wget", timeoutMs: Number.POSITIVE_INFINITY },
    ...{ maxRedirects: 20, post: undefined, headers: [], flags: new Set<string>() },
  };
  for (const { name, arg } of parsed.options) {
    if (name === "O") s.output = arg;
    else if (name === "o") s.log = arg;
    else if (name === "P") s.prefix = arg;
    else if (name === "U") s.agent = arg;
    else if (name === "T") s.timeoutMs = Number(arg) * 1000 || Number.POSITIVE_INFINITY;
    else if (name === "max-redirect") s.maxRedirects = Number(arg);
    else if (name === "header") s.headers.push(arg);
    else if (name === "post-data") s.post = encodeUtf8(arg);
    else if (name === "post-file") s.post = yield* readFile(c.sys, arg);
    else s.flags.add(name);
  }
  if (parsed.operands.length === 0) {
    if (!gnu) throw new UsageError("");
    yield* c.eprint("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n");
    return 1;
  }
  return yield* new Wget(c, s).run(parsed.operands);
}

export const main = command({ help: text }, run);
