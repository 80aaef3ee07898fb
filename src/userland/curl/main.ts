/**
 * curl(1) 7.88: HTTP over TCP and Unix sockets. Left out: TLS and with it https, other protocols, proxies, cookies, configuration files, compression, resuming, parallel
 * transfers; their options are unknown.
 */

import { Errno } from "../../abi/errno.ts";
import { O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { nowMs } from "../libc/inet.ts";
import { Output, concat } from "../libc/stdio.ts";
import { open, readFile } from "../libc/unistd.ts";
import { fileNameOf, parseUrl } from "../libc/url.ts";
import { parseForm } from "./form.ts";
import { OptionError, parseArgs } from "./options.ts";
import { CurlError, type Settings, Transfer } from "./transfer.ts";

const text = `curl [options...] <url>
 -d, --data <data>          HTTP POST data
 -f, --fail                 Fail fast with no output on HTTP errors
 -F, --form <name=content>  Specify multipart MIME data
 -G, --get                  Put the post data in the URL and use GET
 -h, --help                 Get help
 -H, --header <header>      Pass custom header(s) to server
 -I, --head                 Show document info only
 -i, --include              Include protocol response headers in the output
 -L, --location             Follow redirects
 -m, --max-time <seconds>   Maximum time allowed for transfer
 -o, --output <file>        Write to file instead of stdout
 -O, --remote-name          Write output to a file named as the remote file
 -X, --request <method>     Specify request method to use
 -s, --silent               Silent mode
 -S, --show-error           Show error even when -s is used
 -T, --upload-file <file>   Transfer local FILE to destination
     --unix-socket <path>   Connect through this Unix domain socket
 -u, --user <user:password> Server user and password
 -A, --user-agent <name>    Send User-Agent <name> to server
 -v, --verbose              Make the operation more talkative
 -V, --version              Show version number and quit
 -w, --write-out <format>   Use output FORMAT after completion`;

const VERSION = `curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1
Release-Date: 2023-02-20
Protocols: http
Features: UnixSockets
`;

const HINT = "curl: try 'curl --help' or 'curl --manual' for more information\n";

interface Job {
  readonly settings: Settings;
  readonly urls: string[];
  /** A file for each URL; "" is the remote name. */
  readonly outputs: string[];
  readonly flags: Set<string>;
  writeOut: string;
}

/** `@file` or the text itself. */
function* dataOf(c: Command, option: string, arg: string): Proc<Uint8Array> {
  if (option === "data-urlencode") {
    const equals = arg.indexOf("=");
    const name = equals > 0 ? `${arg.slice(0, equals)}=` : "";
    return encodeUtf8(name + encodeURIComponent(arg.slice(equals + 1)));
  }
  if (!arg.startsWith("@") || option === "data-raw") return encodeUtf8(arg);
  let bytes: Uint8Array;
  try {
    bytes = arg === "@-" ? yield* c.stdin.readAll() : yield* readFile(c.sys, arg.slice(1));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    throw new CurlError(26, "Failed to open/read local data from file/application");
  }
  // --data takes line ends away; --data-binary does not.
  return option === "data-binary" ? bytes : bytes.filter((byte) => byte !== 10 && byte !== 13 && byte !== 0);
}

function* readJob(c: Command): Proc<Job> {
  const settings: Settings = {
    ...{
      method: undefined,
      body: undefined,
      headers: [],
      user: undefined,
      agent: "curl/7.88.1",
      referer: undefined,
      unixSocket: undefined,
    },
    ...{ head: false, include: false, follow: false, maxRedirects: 50, verbose: false, fail: false, failWithBody: false, http10: false },
    ...{ connectTimeoutMs: 300_000, maxTimeMs: Number.POSITIVE_INFINITY, progress: true, resolve: new Map(), dumpHeader: undefined },
  };
  const job: Job = { settings, urls: [], outputs: [], flags: new Set(), writeOut: "" };
  const data: Uint8Array[] = [];
  const form: string[] = [];
  let getData = false;
  for (const { name, arg } of parseArgs(c.args)) {
    if (name === "url") job.urls.push(arg);
    else if (name === "output") job.outputs.push(arg);
    else if (name === "remote-name") job.outputs.push("");
    else if (name === "write-out") job.writeOut = arg;
    else if (name.startsWith("data")) {
      if (data.length > 0) data.push(encodeUtf8("&"));
      data.push(yield* dataOf(c, name, arg));
    } else if (name === "form") form.push(arg);
    else if (name === "get") getData = true;
    else if (name === "header") settings.headers.push(arg);
    else if (name === "request") settings.method = arg;
    else if (name === "user") settings.user = arg;
    else if (name === "user-agent") settings.agent = arg;
    else if (name === "referer") settings.referer = arg;
    else if (name === "unix-socket") settings.unixSocket = arg;
    else if (name === "head") settings.head = true;
    else if (name === "include") settings.include = true;
    else if (name === "location") settings.follow = true;
    else if (name === "verbose") settings.verbose = true;
    else if (name === "fail") settings.fail = true;
    else if (name === "fail-with-body") settings.failWithBody = true;
    else if (name === "http1.0") settings.http10 = true;
    else if (name === "dump-header") settings.dumpHeader = arg;
    else if (name === "max-redirs") settings.maxRedirects = Number(arg);
    else if (name === "max-time") settings.maxTimeMs = secondsOf(name, arg);
    else if (name === "connect-timeout") settings.connectTimeoutMs = secondsOf(name, arg);
    else if (name === "resolve") {
      const [host = "", port = "", addr = ""] = arg.split(":");
      settings.resolve.set(`${host}:${port}`, addr);
    } else if (name === "upload-file") {
      settings.method ??= "PUT";
      settings.body = { bytes: yield* dataOf(c, "data-binary", `@${arg}`), type: undefined };
    } else job.flags.add(name);
  }
  if (form.length > 0) settings.body = yield* parseForm(c, form);
  else if (data.length > 0 && getData)
    job.urls.splice(0, job.urls.length, ...job.urls.map((url) => `${url}${url.includes("?") ? "&" : "?"}${latin(concat(data))}`));
  else if (data.length > 0) settings.body = { bytes: concat(data), type: "application/x-www-form-urlencoded" };
  settings.progress = !job.flags.has("silent") && !job.flags.has("no-progress-meter");
  return job;
}

const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

function secondsOf(name: string, arg: string): number {
  if (!/^\d+(\.\d*)?$/.test(arg)) throw new OptionError(`--${name}`, "expected a proper numerical parameter");
  return Number(arg) * 1000 || Number.POSITIVE_INFINITY;
}

/** One URL. Returns curl's status. */
function* fetchOne(c: Command, job: Job, url: string, output: string | undefined): Proc<number> {
  const { settings, flags } = job;
  let failure: CurlError | undefined;
  let sink: Output | undefined;
  let opened = -1;
  const target =
    output === "" ? fileNameOf(parseUrl(url) ?? { scheme: "", user: "", host: "", port: 0, explicitPort: false, target: "/" }) : output;
  /** The file is made when the first byte comes. */
  function* sinkOf(): Proc<Output> {
    if (sink !== undefined) return sink;
    if (target === undefined || target === "-") sink = c.stdout;
    else {
      try {
        opened = yield* open(c.sys, target, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        throw new CurlError(23, "Failure writing output to destination");
      }
      sink = new Output(c.sys, opened, "full");
    }
    return sink;
  }
  const transfer = new Transfer(c, settings, sinkOf);
  transfer.startMs = yield* nowMs(c.sys);
  try {
    if (output === "" && target === "") throw new CurlError(23, "Remote file name has no length!");
    yield* transfer.run(url);
  } catch (e) {
    if (!(e instanceof CurlError)) throw e;
    failure = e;
  }
  if (sink !== undefined) yield* sink.flush();
  if (opened >= 0) yield* c.sys.close(opened);
  if (settings.progress && transfer.shows) yield* c.eprint("\n");
  if (failure !== undefined && (!flags.has("silent") || flags.has("show-error")))
    yield* c.eprint(`curl: (${failure.status}) ${failure.message}\n`);
  const status = failure?.status ?? 0;
  if (job.writeOut !== "") yield* c.print(transfer.writeOut(job.writeOut, url, status));
  yield* c.stdout.flush();
  return status;
}

function* run(c: Command): Proc<number> {
  let job: Job;
  try {
    job = yield* readJob(c);
  } catch (e) {
    if (e instanceof OptionError) {
      yield* c.eprint(`curl: option ${e.option}: ${e.problem}\n${HINT}`);
      return 2;
    }
    if (e instanceof CurlError) return yield* c.fail(`(${e.status}) ${e.message}`, e.status);
    throw e;
  }
  if (job.flags.has("help")) return yield* c.help();
  if (job.flags.has("version")) {
    yield* c.print(VERSION);
    return 0;
  }
  if (job.urls.length === 0) {
    yield* c.eprint(HINT);
    return 2;
  }
  let status = 0;
  for (const [i, url] of job.urls.entries()) status = yield* fetchOne(c, job, url, job.outputs[i]);
  return status;
}

export const main = command({ help: help(text) }, run);
