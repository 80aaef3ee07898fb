/** The settings of stty(1) by name: what bit of termios(3) each stands for, and whether a sane terminal has it. */

import * as t from "../../abi/termios.ts";

export type Flags = "cflag" | "iflag" | "oflag" | "lflag";

export interface Mode {
  readonly name: string;
  readonly flags: Flags;
  /** 0: a mode that the machine's terminals do not have; it is always off, and cannot be set. */
  readonly bits: number;
  /** Of the bits under `mask`; `bits` unless given. */
  readonly mask?: number;
  readonly sane?: boolean;
  /** `-name` makes no sense: one value of several. */
  readonly choice?: true;
}

const mode = (flags: Flags, name: string, bits: number, sane?: boolean): Mode => ({
  name,
  flags,
  bits,
  ...(sane === undefined ? {} : { sane }),
});
const choice = (flags: Flags, name: string, bits: number, mask: number): Mode => ({ name, flags, bits, mask, choice: true });

/** In the order of `stty -a`. Delays (nl0 …) have one value only. */
export const modes: readonly Mode[] = [
  mode("cflag", "parenb", t.PARENB),
  mode("cflag", "parodd", t.PARODD),
  mode("cflag", "cmspar", 0),
  choice("cflag", "cs8", t.CS8, t.CSIZE),
  mode("cflag", "hupcl", t.HUPCL),
  mode("cflag", "cstopb", t.CSTOPB),
  mode("cflag", "cread", t.CREAD, true),
  mode("cflag", "clocal", t.CLOCAL),
  mode("cflag", "crtscts", 0),
  mode("iflag", "ignbrk", t.IGNBRK, false),
  mode("iflag", "brkint", t.BRKINT, true),
  mode("iflag", "ignpar", t.IGNPAR),
  mode("iflag", "parmrk", t.PARMRK),
  mode("iflag", "inpck", t.INPCK),
  mode("iflag", "istrip", t.ISTRIP),
  mode("iflag", "inlcr", t.INLCR, false),
  mode("iflag", "igncr", t.IGNCR, false),
  mode("iflag", "icrnl", t.ICRNL, true),
  mode("iflag", "ixon", t.IXON),
  mode("iflag", "ixoff", t.IXOFF, false),
  mode("iflag", "iuclc", t.IUCLC, false),
  mode("iflag", "ixany", t.IXANY, false),
  mode("iflag", "imaxbel", t.IMAXBEL, true),
  mode("iflag", "iutf8", t.IUTF8, false),
  mode("oflag", "opost", t.OPOST, true),
  mode("oflag", "olcuc", t.OLCUC, false),
  mode("oflag", "ocrnl", t.OCRNL, false),
  mode("oflag", "onlcr", t.ONLCR, true),
  mode("oflag", "onocr", t.ONOCR, false),
  mode("oflag", "onlret", t.ONLRET, false),
  mode("oflag", "ofill", 0, false),
  mode("oflag", "ofdel", 0, false),
  choice("oflag", "nl0", 0, 0),
  choice("oflag", "cr0", 0, 0),
  choice("oflag", "tab0", 0, 0),
  choice("oflag", "bs0", 0, 0),
  choice("oflag", "vt0", 0, 0),
  choice("oflag", "ff0", 0, 0),
  mode("lflag", "isig", t.ISIG, true),
  mode("lflag", "icanon", t.ICANON, true),
  mode("lflag", "iexten", t.IEXTEN, true),
  mode("lflag", "echo", t.ECHO, true),
  mode("lflag", "echoe", t.ECHOE, true),
  mode("lflag", "echok", t.ECHOK, true),
  mode("lflag", "echonl", t.ECHONL, false),
  mode("lflag", "noflsh", t.NOFLSH, false),
  mode("lflag", "xcase", 0, false),
  mode("lflag", "tostop", t.TOSTOP, false),
  mode("lflag", "echoprt", t.ECHOPRT, false),
  mode("lflag", "echoctl", t.ECHOCTL, true),
  mode("lflag", "echoke", t.ECHOKE, true),
  mode("lflag", "flusho", 0, false),
  mode("lflag", "extproc", 0, false),
];

/** Other names of modes. */
export const aliases: Readonly<Record<string, string>> = {
  tandem: "ixoff",
  crterase: "echoe",
  prterase: "echoprt",
  ctlecho: "echoctl",
  crtkill: "echoke",
};

/** Settings that stand for several; a leading `-` may have its own. */
export const combinations: Readonly<Record<string, readonly string[]>> = {
  cooked: ["brkint", "ignpar", "istrip", "icrnl", "ixon", "opost", "isig", "icanon"],
  "-raw": ["cooked"],
  "-cooked": ["raw"],
  raw: [
    "-ignbrk",
    "-brkint",
    "-ignpar",
    "-parmrk",
    "-inpck",
    "-istrip",
    "-inlcr",
    "-igncr",
    "-icrnl",
    "-ixon",
    "-ixoff",
    "-iuclc",
    "-ixany",
    "-imaxbel",
    "-opost",
    "-isig",
    "-icanon",
    "min",
    "1",
    "time",
    "0",
  ],
  cbreak: ["-icanon"],
  "-cbreak": ["icanon"],
  nl: ["-icrnl", "-onlcr"],
  "-nl": ["icrnl", "-inlcr", "-igncr", "onlcr", "-ocrnl", "-onlret"],
  ek: ["erase", "^?", "kill", "^U"],
  crt: ["echoe", "echoctl", "echoke"],
  dec: ["echoe", "echoctl", "echoke", "-ixany", "intr", "^C", "erase", "^?", "kill", "^U"],
  decctlq: ["-ixany"],
  "-decctlq": ["ixany"],
  evenp: ["parenb", "-parodd"],
  oddp: ["parenb", "parodd"],
  "-evenp": ["-parenb", "cs8"],
  "-oddp": ["-parenb", "cs8"],
  pass8: ["-parenb", "-istrip", "cs8"],
  litout: ["-parenb", "-istrip", "-opost", "cs8"],
};

export interface ControlChar {
  readonly name: string;
  readonly busyboxName?: string;
  readonly index: number;
  readonly sane: number;
}

/** In the order of `stty -a`; min and time stand apart. */
export const controlChars: readonly ControlChar[] = [
  { name: "intr", index: t.VINTR, sane: 3 },
  { name: "quit", index: t.VQUIT, sane: 28 },
  { name: "erase", index: t.VERASE, sane: 127 },
  { name: "kill", index: t.VKILL, sane: 21 },
  { name: "eof", index: t.VEOF, sane: 4 },
  { name: "eol", index: t.VEOL, sane: 0 },
  { name: "eol2", index: t.VEOL2, sane: 0 },
  { name: "swtch", index: t.VSWTC, sane: 0 },
  { name: "start", index: t.VSTART, sane: 17 },
  { name: "stop", index: t.VSTOP, sane: 19 },
  { name: "susp", index: t.VSUSP, sane: 26 },
  { name: "rprnt", index: t.VREPRINT, sane: 18 },
  { name: "werase", index: t.VWERASE, sane: 23 },
  { name: "lnext", index: t.VLNEXT, sane: 22 },
  { name: "discard", busyboxName: "flush", index: t.VDISCARD, sane: 15 },
];

/** How a control character is shown: `^C`, `<undef>`, `M-^A`. */
export function showControl(byte: number): string {
  if (byte === 0) return "<undef>";
  const low = byte & 0x7f;
  const shown = low === 127 ? "^?" : low < 32 ? `^${String.fromCharCode(low + 64)}` : String.fromCharCode(low);
  return byte >= 128 ? `M-${shown}` : shown;
}

/** The byte that `^C`, `undef`, `^-`, `x`, `0x7f` or `3` names; undefined where it is none. */
export function parseControl(text: string): number | undefined {
  if (text === "undef" || text === "^-" || text === "") return 0;
  if (text.length === 1) return text.charCodeAt(0);
  if (/^\^.$/.test(text)) return text === "^?" ? 127 : text.charCodeAt(1) & 31;
  const number = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : /^(?:0x[0-9a-f]+|[0-9]+)$/i.test(text) ? Number(text) : undefined;
  return number !== undefined && number < 256 ? number : undefined;
}
