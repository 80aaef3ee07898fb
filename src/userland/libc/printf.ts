/**
 * printf(1): the format is used again while arguments last. Shared by the builtins of bash, dash and ash and by the
 * programs of coreutils and busybox, which differ in a few conversions and in the words of their complaints.
 */

import { byteLength, decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { echoEscapes } from "./echo.ts";
import { strftime } from "./strftime.ts";

export type PrintfDialect = "bash" | "dash" | "ash" | "coreutils" | "busybox";

export interface PrintfOptions {
  readonly dialect: PrintfDialect;
  /** How `%q` quotes. */
  quote(text: string): string;
  /** Now in seconds, for `%(…)T`. */
  readonly nowSec?: number;
  /** When the shell began, for `%(…)T` of -2. */
  readonly startSec?: number;
}

export interface PrintfResult {
  readonly text: string;
  readonly warnings: readonly string[];
  readonly status: number;
}

/** Ends the output early: `\c`, or a wrong conversion. */
class Stop {}

export function printf(format: string, args: readonly string[], options: PrintfOptions): PrintfResult {
  const p = new Printer(format, args, options);
  p.run();
  return { text: p.out, warnings: p.warnings, status: p.status };
}

class Printer {
  out = "";
  readonly warnings: string[] = [];
  status = 0;
  private next = 0;
  private used = false;

  constructor(
    private readonly format: string,
    private readonly args: readonly string[],
    private readonly options: PrintfOptions,
  ) {}

  run(): void {
    try {
      do {
        this.used = false;
        this.pass();
      } while (this.used && this.next < this.args.length);
      if (this.next < this.args.length && this.options.dialect === "coreutils") {
        this.warnings.push(`warning: ignoring excess arguments, starting with ‘${this.args[this.next]}’`);
      }
    } catch (e) {
      if (!(e instanceof Stop)) throw e;
    }
  }

  private warn(message: string): void {
    this.warnings.push(message);
    this.status = 1;
  }

  private argument(): string | undefined {
    this.used = true;
    return this.args[this.next++];
  }

  private pass(): void {
    const { format } = this;
    const { dialect } = this.options;
    for (let i = 0; i < format.length; ) {
      const c = format[i] as string;
      if (c === "\\") {
        i = this.escape(i);
        continue;
      }
      if (c !== "%") {
        this.out += c;
        i++;
        continue;
      }
      if (format[i + 1] === "%") {
        this.out += "%";
        i += 2;
        continue;
      }
      const time = dialect === "bash" ? /^%([-#0 +']*)(\*|[0-9]+)?(?:\.(\*|[0-9]*))?\(([^)]*)\)T/.exec(format.slice(i)) : null;
      if (time !== null) {
        this.out += this.pad(this.time(time[4] as string), time[1] as string, this.width(time[2]), undefined);
        i += time[0].length;
        continue;
      }
      const m = /^%([-#0 +']*)(\*|[0-9]+)?(?:\.(\*|-?[0-9]*))?(?:hh|h|ll|l|L|j|z|t)*([a-zA-Z])?/.exec(format.slice(i));
      const letter = m?.[4];
      if (m === null || letter === undefined || !this.knows(letter, m[0])) {
        this.wrong(i, m?.[0] ?? "%");
        throw new Stop();
      }
      this.conversion(m[1] as string, m[2], m[3], letter);
      i += m[0].length;
    }
  }

  private knows(letter: string, whole: string): boolean {
    const { dialect } = this.options;
    if (letter === "q") return dialect === "bash" || dialect === "coreutils";
    if (letter === "b" && dialect === "busybox") return whole === "%b";
    if (letter === "b" && dialect === "ash") return whole === "%b";
    return "diouxXeEfFgGaAcsb".includes(letter);
  }

  private wrong(at: number, spec: string): void {
    const { format } = this;
    const { dialect } = this.options;
    if (dialect === "ash" || dialect === "busybox") this.warn(`${format.slice(at).split("\n").join("\\n")}: invalid format`);
    else if (dialect === "dash") {
      this.warn(`${spec}${/[a-zA-Z]$/.test(spec) ? "" : (format[at + spec.length] ?? "")}: invalid directive`);
      this.status = 2;
    } else if (dialect === "bash") {
      const c = /[a-zA-Z]$/.test(spec)
        ? /[zjtlhL]$/.test(spec)
          ? format[at + spec.length]
          : spec[spec.length - 1]
        : format[at + spec.length];
      this.warn(c === undefined ? `\`${spec}': missing format character` : `\`${c}': invalid format character`);
    } else
      this.warn(
        `${spec}${/[a-zA-Z]$/.test(spec) && !/[zjtlhL]$/.test(spec) ? "" : (format[at + spec.length] ?? "")}: invalid conversion specification`,
      );
  }

  /** A backslash escape of the format; returns where to go on. */
  private escape(i: number): number {
    const { format } = this;
    const { dialect } = this.options;
    const rest = format.slice(i + 1);
    const m = /^([0-7]{1,3}|x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|[\s\S])/.exec(rest);
    if (m === null) {
      this.out += "\\";
      return i + 1;
    }
    let text = m[0];
    if (/^[uU]./.test(text) && dialect !== "bash" && dialect !== "coreutils") text = text[0] as string;
    if (/^x./.test(text) && dialect === "dash") text = "x";
    if (text === "c" && (dialect === "bash" || dialect === "coreutils")) {
      if (dialect === "coreutils") throw new Stop();
      this.out += "\\c";
      return i + 2;
    }
    if (text === '"') this.out += '"';
    else if (text === "'" && dialect === "bash") this.out += "'";
    else if (text === "?" && dialect === "bash") this.out += "?";
    else this.out += echoEscapes(`\\${text}`, dialect === "ash" ? "busybox" : dialect, true).text;
    return i + 1 + text.length;
  }

  private width(text: string | undefined): number | undefined {
    if (text === undefined || text === "") return undefined;
    if (text !== "*") return Number(text);
    return Number(this.integer(this.argument() ?? "0"));
  }

  private conversion(flags: string, widthText: string | undefined, precisionText: string | undefined, letter: string): void {
    let width = this.width(widthText);
    if (width !== undefined && width < 0) {
      flags += "-";
      width = -width;
    }
    let precision = precisionText === undefined ? undefined : precisionText === "" ? 0 : this.width(precisionText);
    if (precision !== undefined && precision < 0) precision = undefined;
    const arg = this.argument();
    switch (letter) {
      case "s":
        this.out += this.pad(cut(arg ?? "", precision), flags, width, undefined);
        return;
      case "c":
        this.out += this.pad(
          firstByte(arg ?? "") ?? (this.options.dialect === "bash" && arg !== undefined ? "\0" : ""),
          flags,
          width,
          undefined,
        );
        return;
      case "q":
        this.out += this.pad(cut(this.options.quote(arg ?? ""), precision), flags, width, undefined);
        return;
      case "b": {
        const dialect = this.options.dialect === "ash" ? "busybox" : this.options.dialect;
        const { text, stop } = echoEscapes(arg ?? "", dialect, true);
        this.out += this.pad(cut(text, precision), flags, width, undefined);
        if (stop) throw new Stop();
        return;
      }
      case "d":
      case "i":
      case "o":
      case "u":
      case "x":
      case "X":
        this.out += this.integerText(this.integer(arg), letter, flags, width, precision);
        return;
      default:
        this.out += this.floatText(this.float(arg), letter, flags, width, precision);
    }
  }

  private integerText(value: bigint, letter: string, flags: string, width: number | undefined, precision: number | undefined): string {
    const unsigned = letter !== "d" && letter !== "i";
    const n = unsigned ? BigInt.asUintN(64, value) : value;
    const base = letter === "o" ? 8 : letter === "x" || letter === "X" ? 16 : 10;
    let digits = (n < 0n ? -n : n).toString(base);
    if (letter === "X") digits = digits.toUpperCase();
    if (precision !== undefined) digits = precision === 0 && n === 0n ? "" : digits.padStart(precision, "0");
    let sign = n < 0n ? "-" : "";
    if (!unsigned && sign === "") sign = flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
    if (flags.includes("#") && n !== 0n) {
      if (letter === "o" && !digits.startsWith("0")) digits = `0${digits}`;
      if (base === 16) sign += `0${letter}`;
    }
    return this.pad(digits, precision === undefined ? flags : flags.replaceAll("0", ""), width, sign);
  }

  private floatText(value: number, letter: string, flags: string, width: number | undefined, precision: number | undefined): string {
    let sign = value < 0 || Object.is(value, -0) ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
    const x = Math.abs(value);
    let text: string;
    if (!Number.isFinite(x)) {
      text = Number.isNaN(x) ? "nan" : "inf";
      if (Number.isNaN(x)) sign = "";
      flags = flags.replaceAll("0", "");
    } else text = formatFloat(x, letter.toLowerCase(), precision ?? 6, flags.includes("#"));
    if (letter !== letter.toLowerCase()) text = text.toUpperCase();
    return this.pad(text, flags, width, sign);
  }

  private pad(text: string, flags: string, width: number | undefined, sign: string | undefined): string {
    const body = (sign ?? "") + text;
    if (width === undefined) return body;
    // Widths count bytes.
    width -= byteLength(body) - body.length;
    if (body.length >= width) return body;
    if (flags.includes("-")) return body.padEnd(width);
    if (flags.includes("0") && sign !== undefined) return sign + text.padStart(width - sign.length, "0");
    return body.padStart(width);
  }

  private time(format: string): string {
    const arg = this.argument();
    const n = arg === undefined ? -1 : Number(this.integer(arg));
    const sec = n === -1 ? (this.options.nowSec ?? 0) : n === -2 ? (this.options.startSec ?? 0) : n;
    return strftime(format === "" ? "%X" : format, { sec, nsec: 0 });
  }

  /** The argument as an integer; complains and takes what can be read. */
  private integer(arg: string | undefined): bigint {
    if (arg === undefined) return 0n;
    const { dialect } = this.options;
    if (/^["']/.test(arg)) return BigInt([...arg.slice(1)][0]?.codePointAt(0) ?? 0);
    const m = /^[ \t\n]*([-+]?)(0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*)/.exec(arg);
    if (m === null) {
      if (arg === "" && (dialect === "bash" || dialect === "dash")) return 0n;
      this.badNumber(arg, false);
      return 0n;
    }
    const text = m[2] as string;
    const magnitude = /^0[0-7]+$/.test(text) ? BigInt(`0o${text.slice(1)}`) : BigInt(text);
    const value = m[1] === "-" ? -magnitude : magnitude;
    if (m[0].length < arg.length) {
      this.badNumber(arg, true);
      return dialect === "ash" || dialect === "busybox" ? 0n : value;
    }
    return this.inRange(value, arg);
  }

  private inRange(value: bigint, arg: string): bigint {
    const { dialect } = this.options;
    if (value <= 0xffffffffffffffffn && value >= -0x8000000000000000n) {
      if (value < 0x8000000000000000n || dialect !== "bash") return value;
    }
    if (dialect === "ash" || dialect === "busybox") {
      this.badNumber(arg, true);
      return 0n;
    }
    if (dialect === "bash") this.warnings.push(`warning: ${arg}: Numerical result out of range`);
    else this.warn(dialect === "coreutils" ? `‘${arg}’: Numerical result out of range` : `${arg}: Numerical result out of range`);
    return value < 0n ? -0x8000000000000000n : 0x7fffffffffffffffn;
  }

  private badNumber(arg: string, partly: boolean): void {
    switch (this.options.dialect) {
      case "bash":
        this.warn(`${arg}: invalid number`);
        return;
      case "dash":
        this.warn(`${arg}: ${partly ? "not completely converted" : "expected numeric value"}`);
        return;
      case "coreutils":
        this.warn(partly ? `‘${arg}’: value not completely converted` : `‘${arg}’: expected a numeric value`);
        return;
      default:
        this.warn(`invalid number '${arg}'`);
    }
  }

  private float(arg: string | undefined): number {
    if (arg === undefined) return 0;
    if (/^["']/.test(arg)) return [...arg.slice(1)][0]?.codePointAt(0) ?? 0;
    const m = /^[ \t\n]*([-+]?(?:0[xX][0-9A-Fa-f]+|inf(?:inity)?|nan|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?))/i.exec(arg);
    if (m === null) {
      if (arg === "" && (this.options.dialect === "bash" || this.options.dialect === "dash")) return 0;
      this.badNumber(arg, false);
      return 0;
    }
    if (m[0].length < arg.length) this.badNumber(arg, true);
    const text = m[1] as string;
    if (/inf/i.test(text)) return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    if (/nan/i.test(text)) return Number.NaN;
    return text.startsWith("-") ? -Number(text.slice(1)) : Number(text.replace(/^\+/, ""));
  }
}

function firstByte(text: string): string | undefined {
  return text === "" ? undefined : decodeUtf8(encodeUtf8(text.slice(0, 2)), 0, 1);
}

function cut(text: string, precision: number | undefined): string {
  return precision === undefined ? text : text.slice(0, precision);
}

/** `%e`, `%f`, `%g`, `%a` of a finite number that is not negative. Differs from Linux: doubles, where bash has long doubles. */
export function formatFloat(x: number, letter: string, precision: number, alternate: boolean): string {
  if (letter === "f") {
    const text = fixed(x, precision);
    return alternate && precision === 0 ? `${text}.` : text;
  }
  if (letter === "e") return exponent(x, precision, alternate);
  if (letter === "a") return hexFloat(x);
  const p = precision === 0 ? 1 : precision;
  const e = x === 0 ? 0 : Number(x.toExponential(Math.min(p - 1, 100)).split("e")[1]);
  let text = e < -4 || e >= p ? exponent(x, p - 1, alternate) : fixed(x, p - 1 - e);
  if (!alternate && text.includes(".")) text = text.replace(/\.?0+(e|$)/, "$1");
  return text;
}

function fixed(x: number, precision: number): string {
  if (x >= 1e21) {
    const whole = BigInt(x).toString();
    return precision > 0 ? `${whole}.${"0".repeat(precision)}` : whole;
  }
  return exactFixed(x, precision);
}

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** As C rounds: from the exact value of the double, ties to even, where toFixed rounds ties up. */
function exactFixed(x: number, precision: number): string {
  float[0] = x;
  const high = words[1] as number;
  const biased = (high >>> 20) & 0x7ff;
  const mantissa = (BigInt((high & 0xfffff) | (biased === 0 ? 0 : 0x100000)) << 32n) | BigInt(words[0] as number);
  const shift = (biased === 0 ? 1 : biased) - 1075;
  const scaled = mantissa * 10n ** BigInt(precision);
  let digits: bigint;
  if (shift >= 0) digits = scaled << BigInt(shift);
  else {
    const divisor = 1n << BigInt(-shift);
    digits = scaled / divisor;
    const twice = (scaled % divisor) * 2n;
    if (twice > divisor || (twice === divisor && digits % 2n === 1n)) digits++;
  }
  const text = digits.toString().padStart(precision + 1, "0");
  return precision === 0 ? text : `${text.slice(0, -precision)}.${text.slice(-precision)}`;
}

function exponent(x: number, precision: number, alternate: boolean): string {
  const [mantissa, e] = x.toExponential(Math.min(precision, 100)).split("e") as [string, string];
  const digits = e.slice(1).padStart(2, "0");
  return `${mantissa}${alternate && precision === 0 ? "." : ""}e${e[0]}${digits}`;
}

function hexFloat(x: number): string {
  if (x === 0) return "0x0p+0";
  let e = Math.floor(Math.log2(x));
  let m = x / 2 ** e;
  while (m >= 2) {
    m /= 2;
    e++;
  }
  while (m < 1) {
    m *= 2;
    e--;
  }
  const text = m.toString(16);
  return `0x${text}p${e < 0 ? "-" : "+"}${Math.abs(e)}`;
}
