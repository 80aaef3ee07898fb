/**
 * socat(1), 1.7.4.4: a relay between two addresses of whatever kind. Left out: IPv6, raw IP and SCTP, TLS, proxies, SOCKS, TUN, `INTERFACE`, readline, most of its several
 * hundred options; they are unknown. Log lines are those that a user sees with -d -d; finer ones are not written.
 */

import { Errno } from "../../abi/errno.ts";
import { SIGHUP, SIGINT, SIGTERM } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { type Address, AddressError, parseAddress } from "./address.ts";
import type { Channel, Then, Ways } from "./channel.ts";
import { openFile } from "./files.ts";
import { Log } from "./log.ts";
import { openSocket } from "./sockets.ts";
import { transfer, type TransferOptions } from "./transfer.ts";

const usage = `socat by Gerhard Rieger and contributors - see www.dest-unreach.org
Usage:
socat [options] <bi-address> <bi-address>
   options:
      -V     print version and feature information to stdout, and exit
      -h|-?  print a help text describing command line options and addresses
      -d     increase verbosity (2 are recommended)
      -lp<progname>  set the program name used for logging
      -v     verbose text dump of data traffic
      -x     verbose hexadecimal dump of data traffic
      -b<size_t>     set data buffer size (8192)
      -t<timeout>    wait seconds before closing second channel
      -T<timeout>    total inactivity timeout in seconds
      -u     unidirectional mode (left to right)
      -U     unidirectional mode (right to left)
      -4     IPv4 only
   bi-address:
      <single-address>!!<single-address>
      <single-address>
   single-address:
      <address-head>[,<opts>]
   address-head:
      abstract-connect:<filename> abstract-listen:<filename>
      create:<filename> exec:<command-line> fd:<num> gopen:<filename> open:<filename>
      pipe[:<filename>] stderr stdin stdio stdout system:<shell-command>
      tcp-connect:<host>:<port> tcp-listen:<port>
      udp-connect:<host>:<port> udp-listen:<port> udp-recv:<port> udp-recvfrom:<port> udp-sendto:<host>:<port>
      unix-connect:<filename> unix-listen:<filename> unix-recv:<filename> unix-sendto:<filename>
`;

interface Asked {
  readonly ways: readonly [Ways, Ways];
  readonly options: TransferOptions;
  readonly addresses: readonly string[];
}

function* parseOptions(c: Command, log: Log): Proc<Asked> {
  const o = { closeSec: 0.5, idleSec: undefined as number | undefined, bufferBytes: 8192, dump: undefined as "text" | "hex" | undefined };
  let ways: Asked["ways"] = ["both", "both"];
  let i = 0;
  for (; i < c.args.length; i++) {
    const arg = c.args[i] as string;
    if (!/^-./.test(arg)) break;
    const value = (): string => (arg.length > 2 ? arg.slice(2) : (c.args[++i] ?? ""));
    const letter = arg[1];
    if (letter === "V") {
      yield* c.print(
        "socat by Gerhard Rieger and contributors - see www.dest-unreach.org\nsocat version 1.7.4.4 on 06 Nov 2022 08:15:51\n",
      );
      throw new Exit(0);
    }
    if (letter === "h" || letter === "?") {
      yield* c.print(usage);
      throw new Exit(0);
    }
    if (/^-d+$/.test(arg)) for (const _ of arg.slice(1)) log.more();
    else if (arg === "-v") o.dump = "text";
    else if (arg === "-x") o.dump = "hex";
    else if (arg === "-u") ways = ["read", "write"];
    else if (arg === "-U") ways = ["write", "read"];
    else if (letter === "t") o.closeSec = Number(value()) || 0;
    else if (letter === "T") o.idleSec = Number(value()) || undefined;
    else if (letter === "b") o.bufferBytes = Math.max(1, Number(value()) || 8192);
    // The log goes to stderr in any case.
    else if (arg !== "-4" && arg !== "-s" && arg !== "-ls" && !arg.startsWith("-lp"))
      return yield* log.fail(`unknown option "${arg}"; use option "-h" for help`);
  }
  return { ways, options: o, addresses: c.args.slice(i) };
}

class Socat {
  /** What is to be undone if a signal ends the program. */
  private readonly undone: (() => Proc<void>)[] = [];

  constructor(private readonly log: Log) {}

  /** Opens one side and goes on with `then`. */
  *open(text: string, ways: Ways, then: Then): Proc<number> {
    const [reading = "", writing] = text.split("!!");
    if (writing !== undefined && ways === "both")
      return yield* this.open(reading, "read", (from) =>
        this.open(writing, "write", (to) => then({ ...from, write: to.write, end: to.end, ...(to.to === undefined ? {} : { to: to.to }) })),
      );
    const address = yield* this.parse(writing !== undefined && ways === "write" ? writing : reading);
    const dressed = (channel: Channel): Proc<number> => then(dress(address, channel, ways));
    if (/^(tcp|udp|unix|abstract)-/.test(address.kind)) return yield* openSocket(this.log, address, dressed, (undo) => this.onExit(undo));
    return yield* openFile(this.log, address, ways, dressed);
  }

  private *parse(text: string): Proc<Address> {
    try {
      return parseAddress(text);
    } catch (e) {
      if (e instanceof AddressError) return yield* this.log.fail(e.message);
      throw e;
    }
  }

  private *onExit(undo: () => Proc<void>): Proc<void> {
    const { log, undone } = this;
    const { sys } = log.c;
    undone.push(undo);
    if (undone.length > 1) return;
    const owner = yield* sys.getpid();
    for (const sig of [SIGHUP, SIGINT, SIGTERM])
      yield* sys.rt_sigaction(sig, {
        *handler() {
          yield* log.say("N", `socat_signal(): handling signal ${sig}`);
          yield* log.say("W", `exiting on signal ${sig}`);
          // A child leaves what is its parent's.
          if ((yield* sys.getpid()) === owner) for (const one of undone) yield* one();
          yield* sys.exit_group(128 + sig);
        },
        flags: 0,
        mask: 0n,
      });
  }
}

/** What options change of a channel: line ends, and how it is closed. */
function dress({ options }: Address, channel: Channel, ways: Ways): Channel {
  const end = options.has("shut-none") ? "none" : options.has("shut-close") ? "close" : options.has("shut-down") ? "shutdown" : channel.end;
  return {
    ...channel,
    read: ways === "write" ? undefined : channel.read,
    write: ways === "read" ? undefined : channel.write,
    end,
    ...(options.has("crlf") ? { lineEnd: "crlf" as const } : options.has("cr") ? { lineEnd: "cr" as const } : {}),
  };
}

function* run(c: Command): Proc<number> {
  const at = c.args.find((arg) => arg.startsWith("-lp"));
  const log = new Log(c, at === undefined ? c.name : at.slice(3));
  const { ways, options, addresses } = yield* parseOptions(c, log);
  if (addresses.length !== 2)
    return yield* log.fail(`exactly 2 addresses required (there are ${addresses.length}); use option "-h" for help`);
  const socat = new Socat(log);
  const [first, second] = addresses as [string, string];
  try {
    return yield* socat.open(first, ways[0], (one) => socat.open(second, ways[1], (two) => transfer(log, one, two, options)));
  } catch (e) {
    if (e instanceof Errno) return yield* log.fail(e.message);
    throw e;
  }
}

export const main = command({ help: usage }, run);
