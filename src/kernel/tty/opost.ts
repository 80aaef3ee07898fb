/**
 * Output processing and echo of the line discipline: termios(3) c_oflag, Linux `drivers/tty/n_tty.c` (do_output_char,
 * process_echoes). Echo waits in a queue of its own while the terminal is stopped or its reader slow, and goes out before
 * what programs write later.
 */

import { ECHOCTL, IUTF8, OCRNL, OLCUC, ONLCR, ONLRET, ONOCR, OPOST, TABDLY, XTABS, type Termios } from "../../abi/termios.ts";
import { TTY_BUFFER } from "../params.ts";

/** Where processed bytes go: the other side of the terminal. */
export interface OutputSink {
  /** Bytes that can be taken now; 0 while output is stopped (^S). */
  room(): number;
  push(byte: number): void;
}

/** Echo entries: a byte, a byte shown as ^X (CTRL + byte), or one of the following. */
const CTRL = 0x100;
const MOVE_BACK = 0x200;
const SET_CANON_COLUMN = 0x201;
/** Plus the columns before the tab, modulo 8, and AFTER_TAB. */
const ERASE_TAB = 0x400;
const AFTER_TAB = 0x80;
/** Linux marks its echo operations by this byte; where it is itself echoed, it passes output processing by. */
const ECHO_OP_START = 0xff;
/** The most bytes that one entry or character becomes. */
const MOST_BYTES = 8;

export const isCntrl = (c: number): boolean => c < 32 || c === 127;

/** islower() of the kernel, which takes Latin-1 for its alphabet. */
const isLower = (c: number): boolean => (c >= 97 && c <= 122) || (c >= 0xe0 && c !== 0xf7);

export class OutputPost {
  /** Cursor column as far as the discipline knows it; where the canonical line began. */
  private column = 0;
  private canonColumn = 0;
  private echoes: number[] = [];
  private echoAt = 0;

  constructor(
    private readonly sink: OutputSink,
    private readonly termios: () => Termios,
  ) {}

  /** A UTF-8 continuation byte, where IUTF8 says that it is one. */
  isContinuation(c: number): boolean {
    return (this.termios().iflag & IUTF8) !== 0 && (c & 0xc0) === 0x80;
  }

  /** Writes what programs write, from `start` on; returns where it stopped for lack of room. */
  write(buf: Uint8Array, start: number, end: number): number {
    const { oflag } = this.termios();
    let room = this.sink.room();
    let at = start;
    if ((oflag & OPOST) === 0) {
      for (; at < end && room > 0; at++, room--) this.sink.push(buf[at] as number);
      return at;
    }
    for (; at < end && room > 0; at++) {
      const c = buf[at] as number;
      const n = c >= 32 && c < 127 && (oflag & OLCUC) === 0 ? this.printable(c) : this.outputChar(c, room);
      if (n < 0) break;
      room -= n;
    }
    return at;
  }

  private printable(c: number): number {
    this.column++;
    this.sink.push(c);
    return 1;
  }

  /** do_output_char(): returns the number of bytes sent, or -1 if they do not fit. */
  private outputChar(c: number, room: number): number {
    const { oflag } = this.termios();
    switch (c) {
      case 10:
        if ((oflag & ONLRET) !== 0) this.column = 0;
        if ((oflag & ONLCR) !== 0) {
          if (room < 2) return -1;
          this.column = this.canonColumn = 0;
          this.sink.push(13);
          this.sink.push(10);
          return 2;
        }
        this.canonColumn = this.column;
        break;
      case 13:
        if ((oflag & ONOCR) !== 0 && this.column === 0) return 0;
        if ((oflag & OCRNL) !== 0) {
          if ((oflag & ONLRET) !== 0) this.column = this.canonColumn = 0;
          this.sink.push(10);
          return 1;
        }
        this.column = this.canonColumn = 0;
        break;
      case 9:
        return this.outputTab((oflag & TABDLY) === XTABS, room);
      case 8:
        if (this.column > 0) this.column--;
        break;
      default:
        return this.outputOther(c, oflag);
    }
    this.sink.push(c);
    return 1;
  }

  private outputTab(expand: boolean, room: number): number {
    const spaces = 8 - (this.column & 7);
    if (expand && room < spaces) return -1;
    this.column += spaces;
    if (!expand) {
      this.sink.push(9);
      return 1;
    }
    for (let i = 0; i < spaces; i++) this.sink.push(32);
    return spaces;
  }

  private outputOther(c: number, oflag: number): number {
    if (!isCntrl(c) && !this.isContinuation(c)) this.column++;
    this.sink.push((oflag & OLCUC) !== 0 && isLower(c) ? c - 32 : c);
    return 1;
  }

  // ── Echo ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A character that was typed: control characters as ^X where ECHOCTL asks for it. */
  echo(c: number): void {
    this.add((this.termios().lflag & ECHOCTL) !== 0 && isCntrl(c) && c !== 9 ? CTRL + c : c);
  }

  echoRaw(c: number): void {
    this.add(c);
  }

  moveBack(): void {
    this.add(MOVE_BACK);
  }

  setCanonColumn(): void {
    this.add(SET_CANON_COLUMN);
  }

  /** Erases a tab before which `columns` were used since the last tab, or since the start of the line. */
  eraseTab(columns: number, afterTab: boolean): void {
    this.add(ERASE_TAB + (columns & 7) + (afterTab ? AFTER_TAB : 0));
  }

  private add(entry: number): void {
    this.echoes.push(entry);
    if (this.echoes.length - this.echoAt > TTY_BUFFER) this.echoAt++;
  }

  /** Sends the echo that fits. To be called before programs write. */
  processEchoes(): void {
    if (this.echoAt === this.echoes.length) return;
    let room = this.sink.room();
    while (this.echoAt < this.echoes.length && room >= MOST_BYTES) {
      room -= this.processEcho(this.echoes[this.echoAt] as number, room);
      this.echoAt++;
    }
    if (this.echoAt === this.echoes.length) {
      this.echoes = [];
      this.echoAt = 0;
    }
  }

  private processEcho(entry: number, room: number): number {
    if (entry >= ERASE_TAB) return this.processEraseTab(entry - ERASE_TAB);
    if (entry === SET_CANON_COLUMN) this.canonColumn = this.column;
    else if (entry === MOVE_BACK) this.column = Math.max(0, this.column - 1);
    else if (entry >= CTRL) {
      this.sink.push(94);
      this.sink.push((entry - CTRL) ^ 0x40);
      this.column += 2;
      return 2;
    } else if (entry === ECHO_OP_START) {
      this.sink.push(entry);
      this.column++;
      return 1;
    } else if ((this.termios().oflag & OPOST) !== 0) return this.outputChar(entry, room);
    else {
      this.sink.push(entry);
      return 1;
    }
    return 0;
  }

  private processEraseTab(code: number): number {
    const used = (code & AFTER_TAB) !== 0 ? code & 7 : (code & 7) + this.canonColumn;
    const back = 8 - (used & 7);
    for (let i = 0; i < back; i++) this.sink.push(8);
    this.column = Math.max(0, this.column - back);
    return back;
  }

  /** A signal character flushed the terminal. */
  dropEchoes(): void {
    this.echoes = [];
    this.echoAt = 0;
  }

  get pendingEchoes(): number {
    return this.echoes.length - this.echoAt;
  }
}
