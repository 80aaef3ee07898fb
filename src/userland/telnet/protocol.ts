/**
 * The telnet protocol, RFC 854 and 855: commands in the stream, options that both sides agree on, and of them the terminal's kind (RFC 1091) and size (RFC 1073).
 * Left out: line mode's own characters, the environment, encryption and authentication are offered as the real client offers them, and then not spoken of.
 */

import { encodeUtf8 } from "../../abi/utf8.ts";

const IAC = 255;
const DONT = 254;
const DO = 253;
const WONT = 252;
const WILL = 251;
const SB = 250;
const SE = 240;

export const OPT_ECHO = 1;
export const OPT_SGA = 3;
const OPT_STATUS = 5;
const OPT_TTYPE = 24;
const OPT_NAWS = 31;
const OPT_TSPEED = 32;
const OPT_LFLOW = 33;
const OPT_LINEMODE = 34;
const OPT_ENCRYPT = 38;
const OPT_NEW_ENVIRON = 39;

/** What inetutils' client says at once to whom it calls at port 23. */
const GREETING: readonly (readonly [verb: number, option: number])[] = [
  [DO, OPT_ENCRYPT],
  [WILL, OPT_ENCRYPT],
  [DO, OPT_SGA],
  [WILL, OPT_TTYPE],
  [WILL, OPT_NAWS],
  [WILL, OPT_TSPEED],
  [WILL, OPT_LFLOW],
  [WILL, OPT_LINEMODE],
  [WILL, OPT_NEW_ENVIRON],
  [DO, OPT_STATUS],
];

export interface TelnetTerminal {
  readonly kind: string;
  readonly rows: number;
  readonly cols: number;
}

/** One side of a conversation: bytes of the other side in, text out, answers in `replies`. */
export class TelnetCodec {
  /** Bytes to send, taken by `takeReplies`. */
  private replies: number[] = [];
  /** Options that we do, and that the other does; also what has been offered and not answered. */
  private readonly ours = new Set<number>();
  readonly theirs = new Set<number>();
  private state: "data" | "cr" | "iac" | "verb" | "sub" | "sub-iac" = "data";
  private verb = 0;
  private sub: number[] = [];

  constructor(
    /** The options that we can do. */
    private readonly can: ReadonlySet<number>,
    private readonly terminal: TelnetTerminal,
    /** Line ends come through as they are. */
    private readonly raw = false,
  ) {}

  greet(): void {
    for (const [verb, option] of GREETING) {
      (verb === WILL ? this.ours : this.theirs).add(option);
      this.replies.push(IAC, verb, option);
    }
  }

  takeReplies(): Uint8Array {
    const bytes = Uint8Array.from(this.replies);
    this.replies = [];
    return bytes;
  }

  /** What of `bytes` is for the user. */
  decode(bytes: Uint8Array): Uint8Array {
    const out: number[] = [];
    for (const byte of bytes) this.step(byte, out);
    return Uint8Array.from(out);
  }

  private step(byte: number, out: number[]): void {
    switch (this.state) {
      case "cr":
        this.state = "data";
        // CR NUL is a bare CR; CR LF is a new line.
        if (byte === 0) return;
        if (byte === 10) {
          out.push(10);
          return;
        }
        this.step(byte, out);
        return;
      case "data":
        if (byte === IAC) this.state = "iac";
        else if (byte === 13 && !this.raw && !this.theirs.has(OPT_ECHO)) this.state = "cr";
        else out.push(byte);
        return;
      case "iac":
        this.state = "data";
        if (byte === IAC) out.push(IAC);
        else if (byte === SB) this.state = "sub";
        else if (byte >= WILL) {
          this.verb = byte;
          this.state = "verb";
        }
        return;
      case "verb":
        this.state = "data";
        this.negotiate(byte);
        return;
      case "sub":
        if (byte === IAC) this.state = "sub-iac";
        else this.sub.push(byte);
        return;
      case "sub-iac":
        if (byte === SE) {
          this.subnegotiate();
          this.sub = [];
          this.state = "data";
        } else {
          this.sub.push(byte);
          this.state = "sub";
        }
    }
  }

  private negotiate(option: number): void {
    const asked = this.verb === DO || this.verb === DONT;
    const on = this.verb === DO || this.verb === WILL;
    const set = asked ? this.ours : this.theirs;
    const agreed = on && (asked ? this.can.has(option) : option === OPT_ECHO || option === OPT_SGA);
    const was = set.has(option);
    if (agreed) set.add(option);
    else set.delete(option);
    // Only a change is answered, and what cannot be.
    if (agreed !== was || on !== agreed) this.replies.push(IAC, asked ? (agreed ? WILL : WONT) : agreed ? DO : DONT, option);
    if (agreed && option === OPT_NAWS) this.sendSize();
  }

  private sendSize(): void {
    const { rows, cols } = this.terminal;
    const size = [cols >> 8, cols & 255, rows >> 8, rows & 255];
    this.replies.push(IAC, SB, OPT_NAWS, ...size.flatMap((byte) => (byte === IAC ? [IAC, IAC] : [byte])), IAC, SE);
  }

  private subnegotiate(): void {
    // TTYPE SEND is answered with IS and the name.
    if (this.sub[0] === OPT_TTYPE && this.sub[1] === 1)
      this.replies.push(IAC, SB, OPT_TTYPE, 0, ...encodeUtf8(this.terminal.kind.toUpperCase()), IAC, SE);
  }
}

/** The user's bytes as they go out: lines end in CR LF, 255 is doubled. */
export function encodeTelnet(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const byte of bytes) {
    if (byte === 10) out.push(13, 10);
    else if (byte === IAC) out.push(IAC, IAC);
    else out.push(byte);
  }
  return Uint8Array.from(out);
}

export const INETUTILS_OPTIONS: ReadonlySet<number> = new Set([OPT_TTYPE, OPT_NAWS, OPT_SGA]);
export const BUSYBOX_OPTIONS: ReadonlySet<number> = new Set([OPT_TTYPE, OPT_NAWS, OPT_SGA, OPT_ECHO]);
