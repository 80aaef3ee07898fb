/** Text or data, and which: libmagic's `encoding.c` and `ascmagic.c`, with the rules of its magic file for scripts and sources. */

import { decodeUtf8 } from "../../abi/utf8.ts";

interface Encoding {
  /** As in `ASCII text`; the MIME charset. */
  readonly name: string;
  readonly charset: string;
  readonly text: string;
}

/** Lines longer than this are remarked upon. */
const LONG_LINE = 300;

/** Control characters that text may have: BEL BS HT LF VT FF CR ESC. */
const isTextControl = (b: number): boolean => (b >= 7 && b <= 13) || b === 27;

/** How the bytes encode text; undefined if they are no text. */
export function findEncoding(bytes: Uint8Array): Encoding | undefined {
  let high = false;
  let extended = false;
  let plain = true;
  for (const b of bytes) {
    if (b >= 0x80) {
      high = true;
      if (b < 0xa0 && b !== 0x85) extended = true;
    } else if (!(b >= 0x20 && b < 0x7f) && !isTextControl(b)) {
      plain = false;
      break;
    }
  }
  const utf16 = bytes.length >= 2 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff));
  if (utf16) return decodeUtf16(bytes);
  if (!plain) return undefined;
  if (!high) return { name: "ASCII", charset: "us-ascii", text: decodeUtf8(bytes) };
  const text = decodeUtf8(cutIncomplete(bytes));
  if (!/[\udc80-\udcff]/.test(text)) {
    if (text.startsWith("\ufeff")) return { name: "Unicode text, UTF-8 (with BOM)", charset: "utf-8", text: text.slice(1) };
    return { name: "Unicode text, UTF-8", charset: "utf-8", text };
  }
  const latin = Array.from(bytes, (b) => String.fromCharCode(b)).join("");
  if (!extended) return { name: "ISO-8859", charset: "iso-8859-1", text: latin };
  return { name: "Non-ISO extended-ASCII", charset: "unknown-8bit", text: latin };
}

/** Without a sequence that the end of the buffer cuts off. */
function cutIncomplete(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const b = bytes[bytes.length - back] as number;
    if (b < 0x80) break;
    if (b >= 0xc0) return back < (b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2) ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

function decodeUtf16(bytes: Uint8Array): Encoding | undefined {
  const little = bytes[0] === 0xff;
  let text = "";
  for (let i = 2; i + 1 < bytes.length; i += 2) {
    const unit = little ? (bytes[i] as number) | ((bytes[i + 1] as number) << 8) : ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
    if (unit < 0x20 && !isTextControl(unit)) return undefined;
    text += String.fromCharCode(unit);
  }
  return { name: `Unicode text, UTF-16, ${little ? "little" : "big"}-endian`, charset: little ? "utf-16le" : "utf-16be", text };
}

/** What stands behind "text": long lines, line ends, escape sequences. */
function textRemarks(text: string): string {
  const crlf = text.split("\r\n").length - 1;
  const cr = text.split("\r").length - 1 - crlf;
  const lf = text.split("\n").length - 1 - crlf;
  const nel = text.split("\u0085").length - 1;
  let out = "";
  const longest = text.split(/\r\n|[\r\n\u0085]/).reduce((most, line) => Math.max(most, line.length), 0);
  if (longest > LONG_LINE) out += `, with very long lines (${longest})`;
  if (crlf + cr + lf + nel === 0) out += ", with no line terminators";
  else if (crlf + cr + nel > 0) {
    const kinds = [crlf > 0 && "CRLF", cr > 0 && "CR", lf > 0 && "LF", nel > 0 && "NEL"].filter((k) => k !== false);
    out += `, with ${kinds.join(", ")} line terminators`;
  }
  if (text.includes("\x1b")) out += ", with escape sequences";
  if (text.includes("\b")) out += ", with overstriking";
  return out;
}

/** Interpreters with a name of their own. */
const SCRIPTS: readonly (readonly [RegExp, string, string])[] = [
  [/^#! ?(\/usr)?\/bin\/sh(\s|$)/, "POSIX shell script", "text/x-shellscript"],
  [/^#! ?((\/usr)?(\/local)?\/bin\/bash|\/usr\/bin\/env bash)(\s|$)/, "Bourne-Again shell script", "text/x-shellscript"],
  [/^#! ?((\/usr)?\/bin\/zsh|\/usr\/bin\/env zsh)(\s|$)/, "Paul Falstad's zsh script", "text/x-shellscript"],
  [/^#! ?((\/usr)?\/bin\/ksh|\/usr\/bin\/env ksh)(\s|$)/, "Korn shell script", "text/x-shellscript"],
  [/^#! ?((\/usr)?\/bin\/(t?csh))(\s|$)/, "C shell script", "text/x-shellscript"],
  [/^#! ?(\/usr(\/local)?\/bin\/|\/usr\/bin\/env +)python[0-9.]*/, "Python script", "text/x-script.python"],
  [/^#! ?(\/usr(\/local)?\/bin\/|\/usr\/bin\/env +)ruby/, "Ruby script", "text/x-ruby"],
  [/^#! ?(\/usr(\/local)?)?\/bin\/(m|g|n)?awk/, "awk script", "text/x-awk"],
  [/^#! ?\/usr\/bin\/env (m|g|n)?awk/, "awk script", "text/x-awk"],
  [/^#! ?(\/usr(\/local)?\/bin\/|\/usr\/bin\/env +)(tclsh|wish)/, "Tcl script", "text/x-tcl"],
  [/^#! ?(\/usr(\/local)?\/bin\/|\/usr\/bin\/env +)lua/, "Lua script", "text/x-lua"],
];

/** Sources and documents that begin or contain something telling. */
const DOCUMENTS: readonly (readonly [RegExp, string, string])[] = [
  [/^<\?xml version="1\.0"/, "XML 1.0 document", "text/xml"],
  [/^\s*<(!doctype html|html|head|title|body)[\s>]/i, "HTML document", "text/html"],
  [/^diff (--git|-)/, "diff output", "text/x-diff"],
  [/^\*\*\* .*\n--- /, "context diff output", "text/x-diff"],
  [/^--- .*\n\+\+\+ .*\n@@/, "unified diff output", "text/x-diff"],
  [/^From: /, "news or mail", "text/plain"],
  [/^Return-Path:/, "SMTP mail", "message/rfc822"],
  [/^-----BEGIN CERTIFICATE-----/, "PEM certificate", "text/plain"],
  [/^-----BEGIN OPENSSH PRIVATE KEY-----/, "OpenSSH private key", "text/plain"],
  [/^ssh-rsa /, "OpenSSH RSA public key", "text/plain"],
  [/^\s{0,256}#include\s{1,256}[<"]/m, "C source", "text/x-c"],
  [/^(int|void|char|extern|static|typedef|struct)\s[^\n;{]*main\s*\(/m, "C source", "text/x-c"],
];

export interface TextDescription {
  readonly description: string;
  readonly mime: string;
  readonly charset: string;
}

/** Describes bytes that are text; undefined where they are not. */
export function describeText(bytes: Uint8Array, whole: boolean): TextDescription | undefined {
  const encoding = findEncoding(bytes);
  if (encoding === undefined) return undefined;
  const { text, charset } = encoding;
  const json = whole ? describeJson(text) : undefined;
  if (json !== undefined) return { description: json, mime: "application/json", charset };
  const base = `${encoding.name} text`;
  const remarks = textRemarks(text);
  const head = text.slice(0, 8192);
  if (head.startsWith("#!")) {
    if (/^#! ?(\/usr(\/local)?\/bin\/|\/usr\/bin\/env +|\/bin\/)perl/.test(head))
      return { description: `Perl script text executable${encoding.name === "ASCII" ? "" : `, ${base}`}`, mime: "text/x-perl", charset };
    if (/^#! ?(\/usr(\/local)?\/bin\/|\/usr\/bin\/env +)node/.test(head))
      return { description: `Node.js script executable, ${base}${remarks}`, mime: "application/javascript", charset };
    const known = SCRIPTS.find(([pattern]) => pattern.test(head));
    const interpreter = /^#!\s*([^\n]*)/.exec(head)?.[1]?.trimEnd() ?? "";
    if (known !== undefined) return { description: `${known[1]}, ${base} executable${remarks}`, mime: known[2], charset };
    if (interpreter !== "") return { description: `a ${interpreter} script, ${base} executable${remarks}`, mime: "text/plain", charset };
  }
  const document = DOCUMENTS.find(([pattern]) => pattern.test(head));
  if (document !== undefined) return { description: `${document[1]}, ${base}${remarks}`, mime: document[2], charset };
  return { description: base + remarks, mime: "text/plain", charset };
}

function describeJson(text: string): string | undefined {
  const trimmed = text.trim();
  if (!/^[[{]/.test(trimmed)) return undefined;
  const parses = (part: string): boolean => {
    try {
      JSON.parse(part);
      return true;
    } catch {
      return false; // JSON.parse has no other way to say so.
    }
  };
  if (parses(trimmed)) return "JSON text data";
  const lines = trimmed.split("\n");
  return lines.length > 1 && lines.every((line) => /^\s*[[{]/.test(line) && parses(line)) ? "New Line Delimited JSON text data" : undefined;
}
