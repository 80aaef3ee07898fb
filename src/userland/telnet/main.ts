/**
 * telnet(1): the client of GNU inetutils 2.4, as Debian has it, and busybox's. On a terminal lines go out as they are typed, until the other side echoes itself.
 * Left out: ~/.telnetrc, automatic login, encryption, IPv6, and of the commands all but close, open, quit, status, `!` and `?`.
 */

import { Errno } from "../../abi/errno.ts";
import { formatIpv4 } from "../../abi/inet.ts";
import { MSG_NOSIGNAL } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { ECHO, ICANON, ICRNL, ISIG, type Termios, VEOL, VMIN, VTIME } from "../../abi/termios.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { connectTo, inetAddress, type SocketStream } from "../libc/inet.ts";
import { GaiError, getHostIpv4, getPort } from "../libc/netdb.ts";
import { system } from "../libc/popen.ts";
import { relay } from "../libc/relay.ts";
import { isatty, writeAll } from "../libc/stdio.ts";
import { BUSYBOX_OPTIONS, encodeTelnet, INETUTILS_OPTIONS, OPT_ECHO, TelnetCodec } from "./protocol.ts";

const ESCAPE = 0x1d;

const gnuHelp = `telnet [OPTION...] [HOST [PORT]]
Log in to the host HOST, or talk to its port PORT.

  -4, --ipv4                 use only IPv4
  -b, --bind=ADDRESS         call from this local ADDRESS
  -c, --no-rc                there is no .telnetrc to be read
  -e, --escape=CHAR          CHAR leads to the commands instead of ^]
  -E, --no-escape            no character leads to the commands
  -K, --no-login             do not log in automatically
  -?, --help                 give this help list
  -V, --version              print program version`;

const busyboxHelp = `telnet HOST [PORT]

Connect to telnet server`;

interface Telnet {
  readonly c: Command;
  readonly escape: number | undefined;
  readonly from: string | undefined;
  readonly terminal: Termios | undefined;
}

/** Why the talk with the other side is over. */
type End = "closed" | "left" | "escape";

const isBusybox = (t: Telnet): boolean => t.c.voice === "busybox";

/** The other side echoes: every key goes out by itself. Otherwise the terminal gives whole lines, and at once what ends in the escape character. */
function* setTerminal(t: Telnet, byKey: boolean): Proc<void> {
  const { terminal, escape } = t;
  if (terminal === undefined) return;
  const cc = [...terminal.cc];
  if (escape !== undefined) cc[VEOL] = escape;
  if (byKey) {
    cc[VMIN] = 1;
    cc[VTIME] = 0;
  }
  const changed = byKey
    ? { ...terminal, cc, iflag: terminal.iflag & ~ICRNL, lflag: terminal.lflag & ~(ICANON | ECHO | ISIG) }
    : { ...terminal, cc };
  yield* t.c.sys.ioctl(0, "TCSETSW", changed);
}

function* restoreTerminal(t: Telnet): Proc<void> {
  if (t.terminal !== undefined) yield* t.c.sys.ioctl(0, "TCSETSW", t.terminal);
}

function* talk(t: Telnet, stream: SocketStream, codec: TelnetCodec): Proc<End> {
  const { c } = t;
  let end: End = "closed";
  let byKey = false;
  const send = function* (bytes: Uint8Array): Proc<void> {
    for (let at = 0; at < bytes.length; ) at += yield* c.sys.sendmsg(stream.fd, bytes.subarray(at), MSG_NOSIGNAL);
  };
  yield* setTerminal(t, false);
  yield* send(codec.takeReplies());
  let left = false;
  const net = {
    from: stream.fd,
    *write(bytes: Uint8Array): Proc<void> {
      yield* writeAll(c.sys, 1, codec.decode(bytes));
      yield* send(codec.takeReplies());
      if (codec.theirs.has(OPT_ECHO) === byKey) return;
      byKey = !byKey;
      yield* setTerminal(t, byKey);
    },
    *ended(): Proc<boolean> {
      return true;
    },
  };
  class Escape {}
  const keys = {
    from: 0,
    *write(bytes: Uint8Array): Proc<void> {
      const at = t.terminal === undefined || t.escape === undefined ? -1 : bytes.indexOf(t.escape);
      const typed = at < 0 ? bytes : bytes.subarray(0, at);
      if (typed.length > 0) yield* send(encodeTelnet(typed));
      if (at >= 0) throw new Escape();
    },
    *ended(): Proc<boolean> {
      left = true;
      return true;
    },
  };
  try {
    yield* relay(c.sys, [net, keys], { idleMs: -1 });
    if (left) end = "left";
  } catch (e) {
    if (e instanceof Escape) end = "escape";
    else if (!(e instanceof Errno)) throw e;
  } finally {
    yield* restoreTerminal(t);
  }
  return end;
}

function* terminalSize(c: Command): Proc<{ rows: number; cols: number }> {
  try {
    return yield* c.sys.ioctl(0, "TIOCGWINSZ");
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return { rows: 0, cols: 0 };
  }
}

/** Calls; undefined where nobody answers, which has been said then. */
function* call(t: Telnet, host: string, service: string): Proc<SocketStream | undefined> {
  const { c } = t;
  let addr: number;
  try {
    addr = (yield* getHostIpv4(c.sys, host)).addresses[0] as number;
  } catch (e) {
    if (!(e instanceof GaiError)) throw e;
    if (isBusybox(t)) yield* c.warn(`bad address '${host}'`);
    else yield* c.eprint(`Server lookup failure:  ${host}:${service}, ${e.message}\n`);
    return undefined;
  }
  const port = yield* getPort(c.sys, service, "tcp");
  if (port === undefined) {
    if (isBusybox(t)) yield* c.warn(`bad port '${service}'`);
    else if (/^\d+$/.test(service)) yield* c.eprint(`Port number ${service} is out of range.\n`);
    else yield* c.eprint(`Server lookup failure:  ${host}:${service}, Servname not supported for ai_socktype\n`);
    return undefined;
  }
  if (!isBusybox(t)) yield* c.print(`Trying ${formatIpv4(addr)}...\n`);
  try {
    const from = t.from === undefined ? {} : { from: inetAddress((yield* getHostIpv4(c.sys, t.from)).addresses[0] as number, 0) };
    return yield* connectTo(c.sys, inetAddress(addr, port), from);
  } catch (e) {
    if (e instanceof GaiError) yield* c.eprint(`Server lookup failure:  ${t.from}:, ${e.message}\n`);
    else if (!(e instanceof Errno)) throw e;
    else if (isBusybox(t)) yield* c.warn(`can't connect to remote host (${formatIpv4(addr)}): ${e.message}`);
    else yield* c.warn(`Unable to connect to remote host: ${e.message}`);
    return undefined;
  }
}

const escapeName = (escape: number): string => (escape < 32 ? `^${String.fromCharCode(escape + 64)}` : String.fromCharCode(escape));

/** A whole call; true where it ended because the user did. */
function* session(t: Telnet, host: string, service: string): Proc<number> {
  const { c } = t;
  const stream = yield* call(t, host, service);
  if (stream === undefined) return 1;
  const codec = new TelnetCodec(INETUTILS_OPTIONS, { kind: c.env.get("TERM") ?? "unknown", ...(yield* terminalSize(c)) });
  if (service === "telnet" || service === "23") codec.greet();
  yield* c.print(`Connected to ${host}.\n`);
  if (t.escape !== undefined) yield* c.print(`Escape character is '${escapeName(t.escape)}'.\n`);
  yield* c.stdout.flush();
  for (;;) {
    const end = yield* talk(t, stream, codec);
    if (end === "escape") {
      yield* c.print("\n");
      const next = yield* commands(t, { host, stream });
      if (next === "resume") continue;
      return next;
    }
    yield* stream.close();
    // Both ends say the same: whoever typed no more has hung up on nobody.
    yield* c.print("Connection closed by foreign host.\n");
    return 0;
  }
}

interface Peer {
  readonly host: string;
  readonly stream: SocketStream;
}

const COMMANDS: readonly (readonly [name: string, what: string])[] = [
  ["close", "close current connection"],
  ["open", "connect to a site"],
  ["quit", "exit telnet"],
  ["status", "print status information"],
  ["!", "invoke a subshell"],
  ["?", "print help information"],
];

/** The prompt; with a connection, an empty line goes back to it. */
function* commands(t: Telnet, peer: Peer | undefined): Proc<number | "resume"> {
  const { c } = t;
  for (;;) {
    yield* c.print("telnet> ");
    yield* c.stdout.flush();
    const line = yield* c.stdin.readLine();
    if (line === undefined) {
      yield* c.print("\n");
      return 0;
    }
    const [word = "", ...args] = line.trim().split(/\s+/);
    if (word === "") {
      if (peer !== undefined) return "resume";
      continue;
    }
    const shell = word.startsWith("!");
    const found = shell ? COMMANDS.filter(([name]) => name === "!") : COMMANDS.filter(([name]) => name.startsWith(word));
    const [name] = found.length === 1 ? (found[0] as readonly [string, string]) : [undefined];
    if (name === undefined) yield* c.print(found.length === 0 ? "?Invalid command\n" : "?Ambiguous command\n");
    else if (name === "quit") {
      if (peer !== undefined) {
        yield* peer.stream.close();
        yield* c.print("Connection closed.\n");
      }
      return 0;
    } else if (name === "close") {
      if (peer === undefined) yield* c.print("?Need to be connected first.\n");
      else {
        yield* peer.stream.close();
        yield* c.print("Connection closed.\n");
        return 0;
      }
    } else if (name === "status") {
      yield* c.print(
        peer === undefined ? "No connection.\n" : `Connected to ${peer.host}.\nOperating in obsolete linemode\nLocal character echo\n`,
      );
      if (t.escape !== undefined) yield* c.print(`Escape character is '${escapeName(t.escape)}'.\n`);
      if (peer !== undefined) return "resume";
    } else if (name === "open") {
      if (peer !== undefined) yield* c.print(`?Already connected to ${peer.host}\n`);
      else if (args[0] === undefined) yield* c.print("usage: open [-l user] [-a] host-name [port]\n");
      else {
        const status = yield* session(t, args[0], args[1] ?? "telnet");
        if (status === 0) return 0;
      }
    } else if (name === "!") yield* system(c.sys, [word.slice(1), ...args].join(" ").trim() || "sh", c.env);
    else
      yield* c.print(
        `Commands may be abbreviated.  Commands are:\n\n${COMMANDS.map(([one, what]) => `${one.padEnd(8)}\t${what}\n`).join("")}`,
      );
  }
}

function* savedTerminal(c: Command): Proc<Termios | undefined> {
  return (yield* isatty(c.sys, 0)) ? yield* c.sys.ioctl(0, "TCGETS") : undefined;
}

function* runInetutils(c: Command): Proc<number> {
  let escape: number | undefined = ESCAPE;
  let from: string | undefined;
  let operands: readonly string[];
  try {
    const parsed = getopt(c.args, {
      short: "4b:ce:EKV?",
      long: [
        { name: "ipv4", as: "4" },
        { name: "bind", as: "b", arg: "required" },
        { name: "no-rc", as: "c" },
        { name: "escape", as: "e", arg: "required" },
        { name: "no-escape", as: "E" },
        { name: "no-login", as: "K" },
        { name: "help", as: "?" },
        { name: "version", as: "V" },
      ],
    });
    operands = parsed.operands;
    for (const { name, arg } of parsed.options) {
      if (name === "?") yield* c.help();
      else if (name === "V") {
        yield* c.print("telnet (GNU inetutils) 2.4\n");
        return 0;
      } else if (name === "E") escape = undefined;
      else if (name === "e") escape = /^\^./.test(arg) ? arg.charCodeAt(1) & 31 : arg === "" ? undefined : arg.charCodeAt(0);
      else if (name === "b") from = arg;
    }
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.warn(e.message);
    yield* c.eprint(`Try '${c.name} --help' or '${c.name} --usage' for more information.\n`);
    return 64;
  }
  if (operands.length > 2) return yield* c.fail("too many arguments");
  const t: Telnet = { c, escape, from, terminal: yield* savedTerminal(c) };
  const [host, service = "telnet"] = operands;
  if (host !== undefined) return yield* session(t, host, service);
  const status = yield* commands(t, undefined);
  return status === "resume" ? 0 : status;
}

function* runBusybox(c: Command): Proc<number> {
  const { operands } = getopt(c.args, { short: "" }, "busybox");
  const [host, service = "telnet"] = operands;
  if (host === undefined || operands.length > 2) throw new UsageError("");
  const t: Telnet = { c, escape: undefined, from: undefined, terminal: yield* savedTerminal(c) };
  const stream = yield* call(t, host, service);
  if (stream === undefined) return 1;
  // Not flushed: where nobody watches, it comes at the end.
  yield* c.print(`Connected to ${host}\n`);
  const codec = new TelnetCodec(BUSYBOX_OPTIONS, { kind: c.env.get("TERM") ?? "", ...(yield* terminalSize(c)) }, true);
  if ((yield* talk(t, stream, codec)) === "left") return 0;
  yield* writeAll(c.sys, 1, encodeUtf8("Connection closed by foreign host\r\n"));
  return 1;
}

export const main = command({ help: help(gnuHelp, busyboxHelp) }, (c) => (c.voice === "gnu" ? runInetutils(c) : runBusybox(c)));
