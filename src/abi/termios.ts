/** termios(3), ioctl_tty(2): Linux `include/uapi/asm-generic/termbits.h`. */

import type { SocketIoctls } from "./sockios.ts";

/** Indexes of c_cc. */
export const VINTR = 0;
export const VQUIT = 1;
export const VERASE = 2;
export const VKILL = 3;
export const VEOF = 4;
export const VTIME = 5;
export const VMIN = 6;
export const VSWTC = 7;
export const VSTART = 8;
export const VSTOP = 9;
export const VSUSP = 10;
export const VEOL = 11;
export const VREPRINT = 12;
export const VDISCARD = 13;
export const VWERASE = 14;
export const VLNEXT = 15;
export const VEOL2 = 16;
export const NCCS = 17;

export const IGNBRK = 0o1;
export const BRKINT = 0o2;
export const IGNPAR = 0o4;
export const PARMRK = 0o10;
export const INPCK = 0o20;
export const ISTRIP = 0o40;
export const INLCR = 0o100;
export const IGNCR = 0o200;
export const ICRNL = 0o400;
export const IUCLC = 0o1000;
export const IXON = 0o2000;
export const IXANY = 0o4000;
export const IXOFF = 0o10000;
export const IMAXBEL = 0o20000;
export const IUTF8 = 0o40000;

export const OPOST = 0o1;
export const OLCUC = 0o2;
export const ONLCR = 0o4;
export const OCRNL = 0o10;
export const ONOCR = 0o20;
export const ONLRET = 0o40;
export const TABDLY = 0o14000;
export const XTABS = 0o14000;

export const CSIZE = 0o60;
export const CS8 = 0o60;
export const CSTOPB = 0o100;
export const CREAD = 0o200;
export const PARENB = 0o400;
export const PARODD = 0o1000;
export const HUPCL = 0o2000;
export const CLOCAL = 0o4000;
export const B38400 = 0o17;

export const ISIG = 0o1;
export const ICANON = 0o2;
export const ECHO = 0o10;
export const ECHOE = 0o20;
export const ECHOK = 0o40;
export const ECHONL = 0o100;
export const NOFLSH = 0o200;
export const TOSTOP = 0o400;
export const ECHOCTL = 0o1000;
export const ECHOPRT = 0o2000;
export const ECHOKE = 0o4000;
export const IEXTEN = 0o100000;

export interface Termios {
  readonly iflag: number;
  readonly oflag: number;
  readonly cflag: number;
  readonly lflag: number;
  /** NCCS bytes, indexed by VINTR …; 0 means disabled. */
  readonly cc: readonly number[];
}

export interface Winsize {
  readonly rows: number;
  readonly cols: number;
}

export const TCSANOW = 0;
export const TCSADRAIN = 1;
export const TCSAFLUSH = 2;

/**
 * ioctl(2) requests with the type of their argument and answer. `arg` replaces the C pointer; the answer is returned.
 * A request that a file does not know fails with ENOTTY.
 */
export interface Ioctls extends SocketIoctls {
  TCGETS: { arg: undefined; answer: Termios };
  TCSETS: { arg: Termios; answer: void };
  TCSETSW: { arg: Termios; answer: void };
  TCSETSF: { arg: Termios; answer: void };
  TIOCGWINSZ: { arg: undefined; answer: Winsize };
  TIOCSWINSZ: { arg: Winsize; answer: void };
  TIOCGPGRP: { arg: undefined; answer: number };
  TIOCSPGRP: { arg: number; answer: void };
  TIOCGSID: { arg: undefined; answer: number };
  TIOCSCTTY: { arg: number; answer: void };
  TIOCNOTTY: { arg: undefined; answer: void };
  TIOCGPTN: { arg: undefined; answer: number };
  TIOCSPTLCK: { arg: number; answer: void };
  /** Writes one byte into the terminal's input, as if typed. */
  TIOCSTI: { arg: number; answer: void };
  TCFLSH: { arg: number; answer: void };
  /** Of a namespace's descriptor, ioctl_ns(2): a descriptor of its owner, or of the namespace that it is nested in; CLONE_NEW…; a user id. */
  NS_GET_USERNS: { arg: undefined; answer: number };
  NS_GET_PARENT: { arg: undefined; answer: number };
  NS_GET_NSTYPE: { arg: undefined; answer: number };
  NS_GET_OWNER_UID: { arg: undefined; answer: number };
  FIONREAD: { arg: undefined; answer: number };
  FIONBIO: { arg: number; answer: void };
}
export type IoctlRequest = keyof Ioctls;
