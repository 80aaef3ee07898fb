/**
 * RESP2, the protocol of Redis, both ends: requests in arrays or in plain lines, replies. Strings are bytes here, one a character.
 * Left out: RESP3.
 */

/** A reply of one word, `+OK`. */
export class Status {
  constructor(readonly text: string) {}
}

/** `-ERR …`: thrown by commands, and sent. */
export class ReplyError extends Error {}

/** The array that is not there: `*-1`. */
export const NO_ARRAY = Symbol("no array");
/** Nothing is sent: the command has sent what there is. */
export const NO_REPLY = Symbol("no reply");

export type Reply = number | bigint | string | null | Status | ReplyError | typeof NO_ARRAY | typeof NO_REPLY | readonly Reply[];

export const OK = new Status("OK");

export function toBinary(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}

export function fromBinary(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The bytes of a reply, one a character. */
export function encodeReply(reply: Reply): string {
  if (typeof reply === "number" || typeof reply === "bigint") return `:${reply}\r\n`;
  if (typeof reply === "string") return `$${reply.length}\r\n${reply}\r\n`;
  if (reply === null) return "$-1\r\n";
  if (reply === NO_ARRAY) return "*-1\r\n";
  if (reply === NO_REPLY) return "";
  if (reply instanceof Status) return `+${reply.text}\r\n`;
  if (reply instanceof ReplyError) return `-${reply.message.replace(/[\r\n]/g, " ")}\r\n`;
  return `*${reply.length}\r\n${reply.map(encodeReply).join("")}`;
}

export const encodeRequest = (args: readonly string[]): string => encodeReply(args);

/** What breaks the protocol; the connection ends with it. */
export class ProtocolError extends Error {}

const MAX_BULK = 512 * 1024 * 1024;

/** Cuts requests and replies out of a stream. */
export class RespReader {
  private parts: string[] = [];
  private text = "";
  private at = 0;
  /** Characters without which the message at hand is not complete: spares looking at it again for every packet. */
  private wanted = 0;
  private length = 0;

  add(bytes: Uint8Array): void {
    this.parts.push(toBinary(bytes));
    this.length += bytes.length;
  }

  /** Bytes that are kept. */
  get waiting(): number {
    return this.length;
  }

  /** The words of the next request; undefined if it is not there yet. Errors: ProtocolError. */
  request(): string[] | undefined {
    return this.whole(() => {
      for (;;) {
        const line = this.line();
        if (line === undefined) return undefined;
        if (!line.startsWith("*")) {
          const words = splitArgs(line);
          if (words === undefined) throw new ProtocolError("unbalanced quotes in request");
          if (words.length > 0) return words;
          continue;
        }
        if (!/^\*-?\d{1,7}$/.test(line)) throw new ProtocolError("invalid multibulk length");
        const count = Number(line.slice(1));
        const words: string[] = [];
        while (words.length < count) {
          const head = this.line();
          if (head === undefined) return undefined;
          if (!head.startsWith("$")) throw new ProtocolError(`expected '$', got '${head[0] ?? " "}'`);
          const word = this.bulk(head);
          if (word === undefined) return undefined;
          words.push(word);
        }
        if (count > 0) return words;
      }
    });
  }

  /** The next reply; undefined if it is not there yet. Errors: ProtocolError. */
  reply(): Reply | undefined {
    return this.whole(() => this.value());
  }

  private value(): Reply | undefined {
    const line = this.line();
    if (line === undefined) return undefined;
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
        return new Status(rest);
      case "-":
        return new ReplyError(rest);
      case ":":
        return BigInt(rest);
      case "$":
        return rest === "-1" ? null : this.bulk(line);
      case "*": {
        if (rest === "-1") return NO_ARRAY;
        const items: Reply[] = [];
        for (let n = Number(rest); items.length < n; ) {
          const item = this.value();
          if (item === undefined) return undefined;
          items.push(item);
        }
        return items;
      }
      default:
        throw new ProtocolError(`Protocol error, got ${JSON.stringify(line[0] ?? "")} as reply type byte`);
    }
  }

  /** Takes a message off the front, or leaves all as it is. */
  private whole<T>(read: () => T | undefined): T | undefined {
    if (this.length === 0 || this.length < this.wanted) return undefined;
    this.text = this.text.slice(this.at) + this.parts.join("");
    this.parts = [];
    this.at = 0;
    this.wanted = 0;
    const found = read();
    if (found === undefined) this.at = 0;
    else this.wanted = 0;
    this.length = this.text.length - this.at;
    return found;
  }

  private line(): string | undefined {
    const end = this.text.indexOf("\n", this.at);
    if (end < 0) {
      if (this.text.length - this.at > 65_536) throw new ProtocolError("too big inline request");
      return undefined;
    }
    const line = this.text.slice(this.at, this.text[end - 1] === "\r" && end > this.at ? end - 1 : end);
    this.at = end + 1;
    return line;
  }

  private bulk(head: string): string | undefined {
    if (!/^\$\d{1,10}$/.test(head) || Number(head.slice(1)) > MAX_BULK) throw new ProtocolError("invalid bulk length");
    const end = this.at + Number(head.slice(1));
    if (this.text.length < end + 2) {
      this.wanted = end + 2;
      return undefined;
    }
    const word = this.text.slice(this.at, end);
    this.at = end + 2;
    return word;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };

/** Words of a line with quotes, as sdssplitargs() has them; undefined where a quote is not closed, or something follows one. */
export function splitArgs(line: string): string[] | undefined {
  const words: string[] = [];
  let i = 0;
  for (;;) {
    while (/[\s\0]/.test(line[i] ?? "x")) i++;
    if (i >= line.length) return words;
    let word = "";
    let quote = "";
    for (; ; i++) {
      const c = line[i];
      if (quote === "") {
        if (c === undefined || /[\s\0]/.test(c)) break;
        if (c === '"' || c === "'") quote = c;
        else word += c;
        continue;
      }
      if (c === undefined) return undefined;
      if (c === quote) {
        if (!/^[\s\0]?$/.test(line[i + 1] ?? "")) return undefined;
        quote = "";
      } else if (c === "\\" && quote === '"' && line[i + 1] !== undefined) {
        const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(i + 1, i + 4))?.[1];
        if (hex !== undefined) {
          word += String.fromCharCode(Number.parseInt(hex, 16));
          i += 3;
        } else {
          const next = line[++i] as string;
          word += ESCAPES[next] ?? next;
        }
      } else if (c === "\\" && quote === "'" && line[i + 1] === "'") {
        word += "'";
        i++;
      } else word += c;
    }
    words.push(word);
  }
}

/** A string in quotes, as sdscatrepr() writes it. */
export function quoted(text: string): string {
  let out = '"';
  for (const c of text) {
    const code = c.charCodeAt(0);
    const escape = Object.entries(ESCAPES).find(([, char]) => char === c)?.[0];
    if (c === "\\" || c === '"') out += `\\${c}`;
    else if (escape !== undefined) out += `\\${escape}`;
    else out += code >= 32 && code < 127 ? c : `\\x${code.toString(16).padStart(2, "0")}`;
  }
  return `${out}"`;
}
