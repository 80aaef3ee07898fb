/**
 * redis-cli(1): one command, commands from standard input, or a prompt. Redis `redis-cli.c`. Left out: editing of the line and its history (the terminal's own line
 * discipline is what there is), hints, help, -x, --scan, --stat and the other modes, unix sockets, TLS.
 */

import { EINTR, Errno } from "../../abi/errno.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, command } from "../libc/command.ts";
import { connectTo, inetAddress, type SocketStream } from "../libc/inet.ts";
import { GaiError, getHostIpv4 } from "../libc/netdb.ts";
import { isatty } from "../libc/stdio.ts";
import {
  encodeRequest,
  fromBinary,
  NO_ARRAY,
  ProtocolError,
  quoted,
  type Reply,
  ReplyError,
  RespReader,
  splitArgs,
  Status,
  toBinary,
} from "./resp.ts";
import { redisVersion } from "./version.ts";

const help = (version: string): string => `redis-cli ${version}

Usage: redis-cli [OPTIONS] [cmd [arg [arg ...]]]
  -h <hostname>      Server hostname (default: 127.0.0.1).
  -p <port>          Server port (default: 6379).
  -a <password>      Password to use when connecting to the server.
  -r <repeat>        Execute specified command N times.
  -i <interval>      When -r is used, waits <interval> seconds per command.
  -n <db>            Database number.
  -e                 Return exit error code when command execution fails.
  --raw              Use raw formatting for replies (default when STDOUT is
                     not a tty).
  --no-raw           Force formatted output even when STDOUT is not a tty.
  --no-auth-warning  Don't show a warning when a password is given.
  --help             Output this help and exit.
  --version          Output version and exit.

When no command is given, redis-cli starts in interactive mode.
`;

interface Options {
  host: string;
  port: number;
  db: number;
  repeat: number;
  intervalMs: number;
  raw: boolean;
  failing: boolean;
  password: string | undefined;
  words: readonly string[];
}

/** Returns a status where there is nothing to be done. */
function* readOptions(c: Command): Proc<Options | number> {
  const o: Options = {
    host: "127.0.0.1",
    port: 6379,
    db: 0,
    repeat: 1,
    intervalMs: 0,
    raw: !(yield* isatty(c.sys, 1)),
    failing: false,
    password: c.env.get("REDISCLI_AUTH"),
    words: [],
  };
  let warns = false;
  let i = 0;
  for (; i < c.args.length; i++) {
    const arg = c.args[i] as string;
    const value = c.args[i + 1];
    if (["-h", "-p", "-n", "-r", "-i", "-a"].includes(arg) && value !== undefined) {
      i++;
      if (arg === "-h") o.host = value;
      else if (arg === "-p") o.port = Number(value);
      else if (arg === "-n") o.db = Number(value);
      else if (arg === "-r") o.repeat = Number(value) < 0 ? Number.POSITIVE_INFINITY : Number(value);
      else if (arg === "-i") o.intervalMs = Number(value) * 1000;
      else {
        o.password = value;
        warns = true;
      }
      if (arg === "-p" && !(o.port >= 0 && o.port <= 65_535)) {
        yield* c.eprint("Invalid server port.\n");
        return 1;
      }
    } else if (arg === "--raw" || arg === "--no-raw") o.raw = arg === "--raw";
    else if (arg === "-e") o.failing = true;
    else if (arg === "--no-auth-warning") warns = false;
    else if (arg === "--help" || arg === "-h") {
      yield* c.print(help(redisVersion(c.env)));
      return 0;
    } else if (arg === "-v" || arg === "--version") {
      yield* c.print(`redis-cli ${redisVersion(c.env)}\n`);
      return 0;
    } else if (arg.startsWith("-")) {
      yield* c.eprint(`Unrecognized option or bad number of args for: '${arg}'\n`);
      return 1;
    } else break;
  }
  if (warns) yield* c.eprint("Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n");
  return { ...o, words: c.args.slice(i) };
}

/** A reply as a terminal shows it; `prefix` is what stands before its further lines. */
export function formatReply(reply: Reply, prefix = ""): string {
  if (typeof reply === "bigint" || typeof reply === "number") return `(integer) ${reply}\n`;
  if (typeof reply === "string") return `${quoted(reply)}\n`;
  if (reply instanceof Status) return `${reply.text}\n`;
  if (reply instanceof ReplyError) return `(error) ${reply.message}\n`;
  if (reply === null || reply === NO_ARRAY || typeof reply === "symbol") return "(nil)\n";
  if (reply.length === 0) return "(empty array)\n";
  const width = String(reply.length).length;
  return reply
    .map((item, i) => {
      const mark = `${String(i + 1).padStart(width)}) `;
      return `${i === 0 ? "" : prefix}${mark}${formatReply(item, prefix + " ".repeat(mark.length))}`;
    })
    .join("");
}

/** A reply as it is, for pipes. */
export function formatRaw(reply: Reply): string {
  if (typeof reply === "bigint" || typeof reply === "number") return String(reply);
  if (typeof reply === "string") return reply;
  if (reply instanceof Status) return reply.text;
  if (reply instanceof ReplyError) return `${reply.message}\n`;
  if (reply === null || typeof reply === "symbol") return "";
  return reply.map(formatRaw).join("\n");
}

class Cli {
  private stream: SocketStream | undefined;
  private reader = new RespReader();
  private db: number;

  constructor(
    private readonly c: Command,
    private readonly o: Options,
  ) {
    this.db = o.db;
  }

  /** Connects where there is no connection; false if that fails, which is said. */
  *connect(): Proc<boolean> {
    const { c, o } = this;
    if (this.stream !== undefined) return true;
    this.reader = new RespReader();
    try {
      const { addresses } = yield* getHostIpv4(c.sys, o.host);
      this.stream = yield* connectTo(c.sys, inetAddress(addresses[0] as number, o.port));
    } catch (e) {
      if (!(e instanceof Errno || e instanceof GaiError)) throw e;
      yield* c.eprint(`Could not connect to Redis at ${o.host}:${o.port}: ${e.message}\n`);
      return false;
    }
    if (o.password !== undefined) {
      const reply = yield* this.ask(["AUTH", toBinary(encodeUtf8(o.password))]);
      if (reply instanceof ReplyError) yield* c.eprint(`AUTH failed: ${reply.message}\n`);
    }
    if (this.db !== 0) {
      const reply = yield* this.ask(["SELECT", String(this.db)]);
      if (reply instanceof ReplyError) yield* c.eprint(`SELECT ${this.db} failed: ${reply.message}\n`);
    }
    return true;
  }

  private *ask(words: readonly string[]): Proc<Reply | undefined> {
    yield* this.stream?.write(fromBinary(encodeRequest(words))) ?? none();
    return yield* this.next();
  }

  /** The next reply; undefined where the connection has ended. */
  private *next(): Proc<Reply | undefined> {
    for (;;) {
      const reply = this.reader.reply();
      if (reply !== undefined) return reply;
      const some = yield* this.stream?.read() ?? none();
      if (some === undefined) return undefined;
      this.reader.add(some);
    }
  }

  /** Sends a command and prints what comes back. Returns the status to end with. */
  *send(words: readonly string[]): Proc<number> {
    const name = (words[0] ?? "").toLowerCase();
    for (let attempt = 0; ; attempt++) {
      if (!(yield* this.connect())) return 1;
      try {
        const reply = yield* this.ask(words);
        if (reply !== undefined) return yield* this.answered(name, words, reply);
      } catch (e) {
        if (e instanceof ProtocolError) return yield* this.c.fail(`Error: ${e.message}`);
        if (!(e instanceof Errno) || e === EINTR) throw e;
      }
      yield* this.close();
      if (name === "shutdown") return 0;
      if (attempt > 0) {
        yield* this.c.eprint("Error: Server closed the connection\n");
        return 1;
      }
    }
  }

  private *answered(name: string, words: readonly string[], first: Reply): Proc<number> {
    const wrong = first instanceof ReplyError;
    if (name === "select" && !wrong) this.db = Number(words[1]);
    yield* this.show(first);
    if (!/^p?subscribe$/.test(name) || wrong) {
      if (name === "quit") yield* this.close();
      return wrong && this.o.failing ? 1 : 0;
    }
    for (let reply = yield* this.next(); reply !== undefined; reply = yield* this.next()) yield* this.show(reply);
    yield* this.close();
    return 1;
  }

  private *show(reply: Reply): Proc<void> {
    const text = this.o.raw ? `${formatRaw(reply)}\n` : formatReply(reply);
    yield* this.c.stdout.write(fromBinary(text));
    yield* this.c.stdout.flush();
  }

  *close(): Proc<void> {
    yield* this.stream?.close() ?? none();
    this.stream = undefined;
  }

  /** The words of one call, as often as asked. */
  *repeat(words: readonly string[], times: number): Proc<number> {
    let status = 0;
    if (!this.o.raw && /^p?subscribe$/i.test(words[0] ?? "")) yield* this.c.print("Reading messages... (press Ctrl-C to quit)\n");
    for (let i = 0; i < times; i++) {
      status = yield* this.send(words);
      if (status !== 0) return status;
      if (this.o.intervalMs > 0) yield* this.c.sys.nanosleep(this.o.intervalMs * 1e6);
    }
    return status;
  }

  /** Lines from standard input, with a prompt where somebody sits there. */
  *interact(): Proc<number> {
    const { c, o } = this;
    const prompting = yield* isatty(c.sys, 0);
    if (prompting) yield* this.connect();
    let status = 0;
    for (;;) {
      if (prompting) {
        yield* c.print(this.stream === undefined ? "not connected> " : `${o.host}:${o.port}${this.db === 0 ? "" : `[${this.db}]`}> `);
        yield* c.stdout.flush();
      }
      const line = yield* c.stdin.readLine();
      if (line === undefined) {
        if (prompting) yield* c.print("\n");
        return status;
      }
      let words = splitArgs(toBinary(encodeUtf8(line)));
      if (words === undefined) {
        yield* c.print("Invalid argument(s)\n");
        continue;
      }
      const times = words.length > 1 && /^\d+$/.test(words[0] as string) ? Number(words[0]) : 1;
      if (times !== 1 || /^1$/.test(words[0] ?? "")) words = words.slice(1);
      const [name = ""] = words;
      if (name === "") continue;
      if (/^(quit|exit)$/i.test(name)) return status;
      if (/^clear$/i.test(name)) yield* c.print("\x1b[H\x1b[2J");
      else if (/^connect$/i.test(name) && words.length === 3) {
        [o.host, o.port] = [decodeUtf8(fromBinary(words[1] as string)), Number(words[2])];
        yield* this.close();
        yield* this.connect();
      } else if (/^(help|\?)$/i.test(name))
        yield* c.print(`redis-cli ${redisVersion(c.env)}\nThe help for commands is not in Drydock yet.\n`);
      else {
        const result = yield* this.repeat(words, times);
        if (!prompting) status = result;
      }
    }
  }
}

function* none(): Proc<undefined> {
  return undefined;
}

export const main = command({ help: "" }, function* (c) {
  const o = yield* readOptions(c);
  if (typeof o === "number") return o;
  const cli = new Cli(c, o);
  if (o.words.length === 0) return yield* cli.interact();
  return yield* cli.repeat(
    o.words.map((word) => toBinary(encodeUtf8(word))),
    o.repeat,
  );
});
