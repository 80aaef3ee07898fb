/** Addresses of socat(1) as they are written: `KEYWORD:parameter:…,option=value,…`. What there is of keywords and options stands in tables; nothing else is known. */

/** An address that cannot be: its words, for a line of the log. */
export class AddressError {
  constructor(readonly message: string) {}
}

export type AddressKind =
  | "stdio"
  | "stdin"
  | "stdout"
  | "stderr"
  | "fd"
  | "open"
  | "create"
  | "gopen"
  | "pipe"
  | "exec"
  | "system"
  | "tcp-connect"
  | "tcp-listen"
  | "udp-connect"
  | "udp-listen"
  | "udp-sendto"
  | "udp-recv"
  | "udp-recvfrom"
  | "unix-connect"
  | "unix-listen"
  | "unix-sendto"
  | "unix-recv"
  | "abstract-connect"
  | "abstract-listen";

interface Keyword {
  readonly kind: AddressKind;
  /** How many parameters it takes: at least, at most. */
  readonly parameters: readonly [number, number];
}

const of = (kind: AddressKind, least: number, most = least): Keyword => ({ kind, parameters: [least, most] });

const HEADS: readonly (readonly [names: string, keyword: Keyword])[] = [
  ["- stdio", of("stdio", 0)],
  ["stdin", of("stdin", 0)],
  ["stdout", of("stdout", 0)],
  ["stderr", of("stderr", 0)],
  ["fd", of("fd", 1)],
  ["open file", of("open", 1)],
  ["create creat", of("create", 1)],
  ["gopen", of("gopen", 1)],
  ["pipe fifo echo", of("pipe", 0, 1)],
  ["exec", of("exec", 1)],
  ["system", of("system", 1)],
  ["tcp tcp-connect tcp4 tcp4-connect", of("tcp-connect", 2)],
  ["tcp-listen tcp-l tcp4-listen tcp4-l", of("tcp-listen", 1)],
  ["udp udp-connect udp4 udp4-connect", of("udp-connect", 2)],
  ["udp-listen udp-l udp4-listen udp4-l", of("udp-listen", 1)],
  ["udp-sendto udp4-sendto udp-datagram udp4-datagram", of("udp-sendto", 2)],
  ["udp-recv udp-receive udp4-recv udp4-receive", of("udp-recv", 1)],
  ["udp-recvfrom udp4-recvfrom", of("udp-recvfrom", 1)],
  ["unix unix-connect local unix-client", of("unix-connect", 1)],
  ["unix-listen unix-l", of("unix-listen", 1)],
  ["unix-sendto", of("unix-sendto", 1)],
  ["unix-recv", of("unix-recv", 1)],
  ["abstract abstract-connect abstract-client", of("abstract-connect", 1)],
  ["abstract-listen abstract-l", of("abstract-listen", 1)],
];
const KEYWORDS = new Map(HEADS.flatMap(([names, keyword]) => names.split(" ").map((name) => [name, keyword] as const)));

/** Options by all their names. */
const OPTION_NAMES: readonly string[] = [
  "fork",
  "reuseaddr so-reuseaddr",
  "reuseport so-reuseport",
  "keepalive so-keepalive",
  "broadcast so-broadcast",
  "bindtodevice so-bindtodevice if interface",
  "nodelay tcp-nodelay",
  "bind",
  "sourceport sp",
  "backlog",
  "max-children",
  "retry",
  "forever",
  "interval intervall",
  "connect-timeout",
  "accept-timeout listen-timeout",
  "creat create o-creat",
  "excl o-excl",
  "append o-append",
  "trunc o-trunc",
  "rdonly o-rdonly",
  "wronly o-wronly",
  "rdwr o-rdwr",
  "mode",
  "unlink-early",
  "unlink-close",
  "stderr",
  "pipes",
  "pty",
  "setsid",
  "ctty controlling-terminal",
  "echo",
  "raw",
  "rawer",
  "cfmakeraw",
  "isig",
  "icanon",
  "shut-none",
  "shut-down",
  "shut-close",
  "ignoreeof",
  "crlf crnl",
  "cr",
];
const OPTIONS = new Map(OPTION_NAMES.flatMap((names) => names.split(" ").map((name) => [name, names.split(" ")[0] as string] as const)));

export interface Address {
  /** As it was typed, for messages. */
  readonly keyword: string;
  readonly kind: AddressKind;
  readonly parameters: readonly string[];
  /** By the first of their names; undefined is an option without a value. */
  readonly options: ReadonlyMap<string, string | undefined>;
}

/** Cuts at `separator`, but not within quotes or after a backslash, which are taken off. */
function split(text: string, separator: string, keep: boolean): string[] {
  const parts = [""];
  const add = (piece: string): void => {
    parts[parts.length - 1] += piece;
  };
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const ch = text[i] as string;
    if (ch === "\\" && quote !== "'" && i + 1 < text.length) {
      i++;
      add(keep ? `\\${text[i]}` : (text[i] as string));
    } else if (quote !== "") {
      if (ch !== quote || keep) add(ch);
      if (ch === quote) quote = "";
    } else if (ch === '"' || ch === "'") {
      quote = ch;
      if (keep) add(ch);
    } else if (ch === separator) parts.push("");
    else add(ch);
  }
  return parts;
}

/** Errors: AddressError. */
export function parseAddress(text: string): Address {
  const [head = "", ...rest] = split(text, ",", true);
  const options = new Map<string, string | undefined>();
  const pieces = split(head, ":", false);
  let [keyword = "", ...parameters] = pieces;
  if (/^\d+$/.test(keyword) && parameters.length === 0) [keyword, parameters] = ["FD", [keyword]];
  else if (keyword.includes("/")) [keyword, parameters] = ["GOPEN", [split(head, "\0", false).join("")]];
  const known = KEYWORDS.get(keyword.toLowerCase());
  if (known === undefined) throw new AddressError(`unknown device/address "${keyword}"`);
  const [least, most] = known.parameters;
  if (parameters.length < least || parameters.length > most)
    throw new AddressError(
      `${known.kind === "exec" || known.kind === "system" ? `"${pieces.slice(0, 2).join(":")}"` : keyword}: wrong number of parameters (${parameters.length} instead of ${least})`,
    );
  for (const option of rest) {
    const at = option.indexOf("=");
    const name = at < 0 ? option : option.slice(0, at);
    const first = OPTIONS.get(name.toLowerCase());
    if (first === undefined) throw new AddressError(`parseopts_table(): unknown option "${name}"`);
    options.set(first, at < 0 ? undefined : split(option.slice(at + 1), "\0", false).join(""));
  }
  return { keyword, kind: known.kind, parameters, options };
}

/** Whether an option is on: `fork`, `fork=1`. */
export const isOn = ({ options }: Address, name: string): boolean => options.has(name) && options.get(name) !== "0";

/** The words of a command line for EXEC. */
export function commandWords(text: string): string[] {
  return split(text, " ", false).filter((word) => word !== "");
}
