/** What echo(1) prints: bash's and coreutils' (`-neE`), busybox's, and dash's, which always knows the escapes. */

export type EchoDialect = "bash" | "coreutils" | "dash" | "busybox";

/** The output of `echo args…`. */
export function echo(args: readonly string[], dialect: EchoDialect, xpg = false): string {
  let newline = true;
  let escapes = dialect === "dash" || xpg;
  let i = 0;
  if (dialect === "dash") {
    if (args[0] === "-n") {
      newline = false;
      i = 1;
    }
  } else {
    for (; i < args.length; i++) {
      const a = args[i] as string;
      if (!/^-[neE]+$/.test(a)) break;
      for (const c of a.slice(1)) {
        if (c === "n") newline = false;
        else escapes = c === "e";
      }
    }
  }
  const text = (i === 0 ? args : args.slice(i)).join(" ");
  if (!escapes || !text.includes("\\")) return newline ? `${text}\n` : text;
  const { text: out, stop } = echoEscapes(text, dialect);
  return newline && !stop ? `${out}\n` : out;
}

const simple: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\\": "\\" };

/** Replaces escapes as `echo -e` and printf's `%b` do; `stop` after `\c`. */
export function echoEscapes(text: string, dialect: EchoDialect, octalWithoutZero = false): { text: string; stop: boolean } {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c !== "\\" || i + 1 === text.length) {
      out += c;
      continue;
    }
    const e = text[++i] as string;
    const rest = text.slice(i);
    const octal = /^0([0-7]{0,3})/.exec(rest) ?? (octalWithoutZero ? /^([0-7]{1,3})/.exec(rest) : null);
    const hex = dialect === "dash" ? null : /^x([0-9A-Fa-f]{1,2})/.exec(rest);
    const unicode =
      dialect === "bash" || (dialect === "coreutils" && octalWithoutZero)
        ? /^(?:u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8}))/.exec(rest)
        : null;
    if (e === "c") return { text: out, stop: true };
    if (octal !== null) {
      out += byte(Number.parseInt(octal[1] === "" ? "0" : (octal[1] as string), 8) & 255);
      i += octal[0].length - 1;
    } else if (hex !== null) {
      out += byte(Number.parseInt(hex[1] as string, 16));
      i += hex[0].length - 1;
    } else if (unicode !== null) {
      out += String.fromCodePoint(Number.parseInt((unicode[1] ?? unicode[2]) as string, 16));
      i += unicode[0].length - 1;
    } else if (simple[e] !== undefined) out += simple[e];
    else if ((e === "e" && dialect !== "dash") || (e === "E" && dialect === "bash")) out += "\x1b";
    else out += `\\${e}`;
  }
  return { text: out, stop: false };
}

function byte(n: number): string {
  return n < 0x80 ? String.fromCharCode(n) : String.fromCharCode(0xdc00 + n);
}
