/**
 * The line discipline: termios(3), Linux `drivers/tty/n_tty.c`, followed function by function. What arrives from the
 * keyboard side is edited (canonical mode) or passed on (raw), echoed, and turned into signals; see opost.ts for output.
 *
 * Left out: EXTPROC, PARMRK of parity errors and breaks (there are no lines that could have them), IUCLC.
 */

import { SIGINT, SIGQUIT, SIGTSTP } from "../../abi/signal.ts";
import {
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ECHONL,
  ECHOPRT,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IXANY,
  IXON,
  NOFLSH,
  PARMRK,
  type Termios,
  VEOF,
  VEOL,
  VEOL2,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VMIN,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VTIME,
  VWERASE,
} from "../../abi/termios.ts";
import { TTY_BUFFER } from "../params.ts";
import { isCntrl, OutputPost, type OutputSink } from "./opost.ts";

const MASK = TTY_BUFFER - 1;
/** Stands in the buffer for an end-of-file character, which ends a line without being part of it. */
const DISABLED = 0;
const BACKSPACE = 8;
const NEWLINE = 10;

/** What the discipline asks of its terminal. */
export interface DisciplineHost extends OutputSink {
  readonly termios: Termios;
  /** Output is stopped by ^S. */
  readonly stopped: boolean;
  start(): void;
  stop(): void;
  /** To the foreground process group. */
  signal(sig: number): void;
  /** Throws away output that has not been read. */
  flushOutput(): void;
  wakeReaders(): void;
  wakeWriters(): void;
}

/** isalnum() of the kernel, which takes Latin-1 for its alphabet, and the underscore. */
function isWordByte(c: number): boolean {
  if (c < 128) return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
  return c >= 0xc0 && c !== 0xd7 && c !== 0xf7;
}

export class LineDiscipline {
  readonly output: OutputPost;
  private readonly buf = new Uint8Array(TTY_BUFFER);
  /** Marks the ends of canonical lines. */
  private readonly lineEnds = new Uint8Array(TTY_BUFFER);
  /** Counts of bytes: what was read, what is complete for a canonical reader, what has arrived. */
  private tail = 0;
  private canonHead = 0;
  private head = 0;
  private literalNext = false;
  /** Within `\…/` of ECHOPRT. */
  private erasing = false;
  /** Bytes that mean something, by code; all others are stored and echoed. */
  private special = new Uint8Array(256);
  private raw = false;
  private icanon = true;

  constructor(private readonly host: DisciplineHost) {
    this.output = new OutputPost(host, () => host.termios);
    this.termiosChanged(undefined);
  }

  private has(flag: number): boolean {
    return (this.host.termios.lflag & flag) !== 0;
  }

  private input(flag: number): boolean {
    return (this.host.termios.iflag & flag) !== 0;
  }

  /** Whether `c` is the control character `which`; one set to 0 is disabled. */
  private is(c: number, which: number): boolean {
    return c !== DISABLED && c === this.host.termios.cc[which];
  }

  // ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** n_tty_set_termios(): the host's termios are new; `old` is what they were. */
  termiosChanged(old: Termios | undefined): void {
    const t = this.host.termios;
    if (old === undefined || ((old.lflag ^ t.lflag) & ICANON) !== 0) this.switchMode((t.lflag & ICANON) !== 0);
    this.mapSpecial(t);
    if (old === undefined) return;
    if ((t.iflag & IXON) === 0 && (old.iflag & IXON) !== 0 && this.host.stopped) this.restart();
    this.host.wakeReaders();
    this.host.wakeWriters();
  }

  /** What raw mode left behind becomes a line; what is left of lines is there for a raw reader. */
  private switchMode(canonical: boolean): void {
    this.lineEnds.fill(0);
    if (!canonical || this.head === this.tail) this.canonHead = this.tail;
    else {
      this.lineEnds[(this.head - 1) & MASK] = 1;
      this.canonHead = this.head;
    }
    this.erasing = false;
    this.literalNext = false;
    this.icanon = canonical;
  }

  private mapSpecial(t: Termios): void {
    const set = new Uint8Array(256);
    const mark = (...which: number[]): void => {
      for (const w of which) set[t.cc[w] ?? 0] = 1;
    };
    if ((t.iflag & (IGNCR | ICRNL)) !== 0) set[13] = 1;
    if ((t.iflag & INLCR) !== 0) set[NEWLINE] = 1;
    if ((t.lflag & ICANON) !== 0) {
      set[NEWLINE] = 1;
      mark(VERASE, VKILL, VEOF, VEOL);
      if ((t.lflag & IEXTEN) !== 0) mark(VWERASE, VLNEXT, VEOL2, VREPRINT);
    }
    if ((t.iflag & IXON) !== 0) mark(VSTART, VSTOP);
    if ((t.lflag & ISIG) !== 0) mark(VINTR, VQUIT, VSUSP);
    set[DISABLED] = 0;
    this.special = set;
    this.raw = (t.iflag & (ISTRIP | INLCR | IGNCR | ICRNL | IXON | PARMRK)) === 0 && (t.lflag & (ICANON | ISIG | ECHO)) === 0;
  }

  private restart(): void {
    this.host.start();
    this.output.processEchoes();
  }

  // ── Arriving ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** n_tty_receive_buf_common(): takes bytes as far as there is room; returns how many. The last of a full canonical line is overwritten. */
  receive(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      let room = TTY_BUFFER - (this.head - this.tail) - 1;
      if (room <= 0) {
        const overflow = this.icanon && this.canonHead === this.tail;
        if (!overflow) break;
        if (room < 0) this.head--;
        room = 1;
      }
      const stop = Math.min(end, at + room);
      if (this.raw) this.receiveRaw(bytes, at, stop);
      else for (let i = at; i < stop; i++) this.receiveChar(bytes[i] as number);
      at = stop;
      this.output.processEchoes();
      if (!this.icanon && this.head !== this.tail) this.host.wakeReaders();
    }
    return at - start;
  }

  private receiveRaw(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.put(bytes[i] as number);
  }

  private put(c: number): void {
    this.buf[this.head++ & MASK] = c;
  }

  private receiveChar(byte: number): void {
    const c = this.input(ISTRIP) ? byte & 0x7f : byte;
    if (this.literalNext) {
      this.literalNext = false;
      this.receivePlain(c);
    } else if (this.special[c] === 1) this.receiveSpecial(c);
    else this.receivePlain(c);
  }

  private receivePlain(c: number): void {
    this.startOnAny();
    if (this.has(ECHO)) this.echoTyped(c);
    this.store(c);
  }

  private echoTyped(c: number): void {
    this.finishErasing();
    if (this.canonHead === this.head) this.output.setCanonColumn();
    this.output.echo(c);
  }

  private store(c: number): void {
    if (c === 0xff && this.input(PARMRK)) this.put(c);
    this.put(c);
  }

  private startOnAny(): void {
    if (this.host.stopped && this.input(IXON) && this.input(IXANY)) this.restart();
  }

  private receiveSpecial(typed: number): void {
    if (this.input(IXON) && this.flowControl(typed)) return;
    if (this.has(ISIG)) {
      const sig = this.is(typed, VINTR) ? SIGINT : this.is(typed, VQUIT) ? SIGQUIT : this.is(typed, VSUSP) ? SIGTSTP : 0;
      if (sig !== 0) {
        this.receiveSignal(sig, typed);
        return;
      }
    }
    this.startOnAny();
    let c = typed;
    if (c === 13) {
      if (this.input(IGNCR)) return;
      if (this.input(ICRNL)) c = NEWLINE;
    } else if (c === NEWLINE && this.input(INLCR)) c = 13;
    if (this.icanon && this.receiveCanonical(c)) return;
    if (this.has(ECHO)) {
      if (c === NEWLINE) {
        this.finishErasing();
        this.output.echoRaw(NEWLINE);
      } else this.echoTyped(c);
    }
    this.store(c);
  }

  private flowControl(c: number): boolean {
    if (this.is(c, VSTART)) this.restart();
    else if (this.is(c, VSTOP)) this.host.stop();
    else return false;
    return true;
  }

  private receiveSignal(sig: number, c: number): void {
    this.host.signal(sig);
    if (!this.has(NOFLSH)) {
      this.output.dropEchoes();
      this.host.flushOutput();
      this.flushInput();
    }
    if (this.input(IXON)) this.host.start();
    if (this.has(ECHO)) this.output.echo(c);
    this.output.processEchoes();
  }

  /** n_tty_receive_char_canon(): returns whether the character was dealt with. */
  private receiveCanonical(c: number): boolean {
    const iexten = this.has(IEXTEN);
    if (this.is(c, VERASE) || this.is(c, VKILL) || (iexten && this.is(c, VWERASE))) this.erase(c);
    else if (iexten && this.is(c, VLNEXT)) this.startLiteral();
    else if (iexten && this.has(ECHO) && this.is(c, VREPRINT)) this.reprint(c);
    else if (c === NEWLINE) {
      if (this.has(ECHO | ECHONL)) this.output.echoRaw(NEWLINE);
      this.endLine(NEWLINE);
    } else if (this.is(c, VEOF)) this.endLine(DISABLED);
    else if (this.is(c, VEOL) || (iexten && this.is(c, VEOL2))) {
      if (this.has(ECHO)) this.echoTyped(c);
      if (c === 0xff && this.input(PARMRK)) this.put(c);
      this.endLine(c);
    } else return false;
    return true;
  }

  private startLiteral(): void {
    this.literalNext = true;
    if (!this.has(ECHO)) return;
    this.finishErasing();
    if (!this.has(ECHOCTL)) return;
    this.output.echoRaw(94);
    this.output.echoRaw(BACKSPACE);
  }

  private reprint(c: number): void {
    this.finishErasing();
    this.output.echo(c);
    this.output.echoRaw(NEWLINE);
    for (let at = this.canonHead; at !== this.head; at++) this.output.echo(this.buf[at & MASK] as number);
  }

  private endLine(c: number): void {
    this.lineEnds[this.head & MASK] = 1;
    this.put(c);
    this.canonHead = this.head;
    this.host.wakeReaders();
  }

  // ── Erasing ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private finishErasing(): void {
    if (!this.erasing) return;
    this.output.echoRaw(47);
    this.erasing = false;
  }

  /** eraser(): one character, a word, or the line. */
  private erase(c: number): void {
    if (this.head === this.canonHead) return;
    const kind = this.is(c, VERASE) ? "char" : this.is(c, VWERASE) ? "word" : "line";
    if (kind === "line" && !(this.has(ECHO) && this.has(ECHOK) && this.has(ECHOKE) && this.has(ECHOE))) {
      this.killSilently();
      return;
    }
    let seenWord = false;
    while (this.head !== this.canonHead) {
      let at = this.head;
      let first: number;
      do first = this.buf[--at & MASK] as number;
      while (this.output.isContinuation(first) && at !== this.canonHead);
      // A sequence is not erased in part.
      if (this.output.isContinuation(first)) break;
      if (kind === "word") {
        if (isWordByte(first)) seenWord = true;
        else if (seenWord) break;
      }
      const length = this.head - at;
      this.head = at;
      if (this.has(ECHO)) this.echoErased(first, length, kind === "char");
      if (kind === "char") break;
    }
    if (this.head === this.canonHead && this.has(ECHO)) this.finishErasing();
  }

  private killSilently(): void {
    this.head = this.canonHead;
    if (!this.has(ECHO)) return;
    this.finishErasing();
    this.output.echo(this.host.termios.cc[VKILL] as number);
    if (this.has(ECHOK)) this.output.echoRaw(NEWLINE);
  }

  private echoErased(c: number, length: number, single: boolean): void {
    if (this.has(ECHOPRT)) {
      if (!this.erasing) this.output.echoRaw(92);
      this.erasing = true;
      this.output.echo(c);
      for (let i = 1; i < length; i++) {
        this.output.echoRaw(this.buf[(this.head + i) & MASK] as number);
        this.output.moveBack();
      }
    } else if (single && !this.has(ECHOE)) this.output.echo(this.host.termios.cc[VERASE] as number);
    else if (c === 9) this.echoErasedTab();
    else {
      if (isCntrl(c) && this.has(ECHOCTL)) this.rubOut();
      if (!isCntrl(c) || this.has(ECHOCTL)) this.rubOut();
    }
  }

  private rubOut(): void {
    this.output.echoRaw(BACKSPACE);
    this.output.echoRaw(32);
    this.output.echoRaw(BACKSPACE);
  }

  private echoErasedTab(): void {
    let columns = 0;
    let afterTab = false;
    for (let at = this.head; at !== this.canonHead; ) {
      const c = this.buf[--at & MASK] as number;
      if (c === 9) {
        afterTab = true;
        break;
      }
      if (isCntrl(c)) columns += this.has(ECHOCTL) ? 2 : 0;
      else if (!this.output.isContinuation(c)) columns++;
    }
    this.output.eraseTab(columns, afterTab);
  }

  // ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether a read, or a poll, finds something. */
  available(polling: boolean): boolean {
    if (this.icanon) return this.canonHead !== this.tail;
    const { cc } = this.host.termios;
    const least = polling && cc[VTIME] === 0 && (cc[VMIN] as number) > 0 ? (cc[VMIN] as number) : 1;
    return this.head - this.tail >= least;
  }

  get canonical(): boolean {
    return this.icanon;
  }

  /** Copies at most one line, or in raw mode what there is, to `buf` from `at` on; returns the number of bytes. */
  copy(buf: Uint8Array, at: number): number {
    return this.icanon ? this.copyLine(buf, at) : this.copyRaw(buf, at);
  }

  private copyRaw(buf: Uint8Array, at: number): number {
    const n = Math.min(buf.length - at, this.head - this.tail);
    for (let i = 0; i < n; i++) buf[at + i] = this.buf[this.tail++ & MASK] as number;
    return n;
  }

  private copyLine(buf: Uint8Array, start: number): number {
    let at = start;
    while (this.tail !== this.canonHead && at < buf.length) {
      const slot = this.tail++ & MASK;
      const c = this.buf[slot] as number;
      const ends = this.lineEnds[slot] === 1;
      this.lineEnds[slot] = 0;
      if (!ends || c !== DISABLED) buf[at++] = c;
      if (ends) return at - start;
    }
    // The buffer was filled right up to an end-of-file character: it is not reported as an empty line of its own.
    const slot = this.tail & MASK;
    if (this.tail !== this.canonHead && this.lineEnds[slot] === 1 && this.buf[slot] === DISABLED) {
      this.lineEnds[slot] = 0;
      this.tail++;
    }
    return at - start;
  }

  /** FIONREAD: bytes that reads would give, without end-of-file characters. */
  get readable(): number {
    if (!this.icanon) return this.head - this.tail;
    let count = 0;
    for (let at = this.tail; at !== this.canonHead; at++) if (this.lineEnds[at & MASK] !== 1 || this.buf[at & MASK] !== DISABLED) count++;
    return count;
  }

  flushInput(): void {
    this.tail = this.canonHead = this.head;
    this.lineEnds.fill(0);
    this.erasing = false;
    this.literalNext = false;
  }
}
