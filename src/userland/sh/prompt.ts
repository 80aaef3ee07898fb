/** Prompts: bash's backslash escapes in PS1 and its kin, then expansion as if in double quotes. */

import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Proc } from "../../abi/sys.ts";
import { expandPieces, StringSink } from "./expand.ts";
import type { Shell } from "./shell.ts";
import { compileHereText } from "./word.ts";
import type { Compiler } from "./parse.ts";
import { compileScript } from "./compile.ts";
import { strftime } from "../libc/strftime.ts";
import { byteText } from "./escapes.ts";

/** Marks what takes no room on the screen (`\[ \]`), for the line editor. */
export const INVISIBLE_START = "\x01";
export const INVISIBLE_END = "\x02";

/** The text of a prompt. */
export function* expandPrompt(sh: Shell, raw: string): Proc<string> {
  const text = sh.flavour === "dash" ? raw : yield* decode(sh, raw);
  return text.includes("$") || text.includes("`") ? yield* expandPromptParameters(sh, text) : text;
}

/** Expands `$…` in a text as if it stood in double quotes. */
export function* expandPromptParameters(sh: Shell, text: string): Proc<string> {
  const compiler: Compiler = promptCompiler(sh);
  const sink = new StringSink(sh.ifs);
  const { status } = sh;
  yield* expandPieces(sh, compileHereText(text, compiler), sink);
  sh.status = status;
  return sink.text;
}

function promptCompiler(sh: Shell): Compiler {
  const compiler: Compiler = {
    flavour: sh.flavour,
    braces: false,
    // All places are those of the prompt.
    within: () => compiler,
    lineAt: () => sh.line,
    substitution: (part, quoted) => ({
      kind: "command",
      quoted,
      script: () => compileScript(sh, part.text.startsWith("`") ? part.text.slice(1, -1) : part.text, part.script?.commands ?? [], sh.line),
      file: undefined,
    }),
    process: () => ({ kind: "literal", text: "", quoted: true, split: false }),
  };
  return compiler;
}

function* decode(sh: Shell, raw: string): Proc<string> {
  if (!raw.includes("\\")) return raw;
  let out = "";
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] !== "\\" || i + 1 >= raw.length) {
      out += raw[i];
      continue;
    }
    const octal = /^[0-7]{1,3}/.exec(raw.slice(i + 1));
    if (octal !== null) {
      out += byteText(Number.parseInt(octal[0], 8) & 255);
      i += octal[0].length;
      continue;
    }
    const c = raw[++i] as string;
    if (c === "D" && raw[i + 1] === "{") {
      const end = raw.indexOf("}", i);
      const format = raw.slice(i + 2, end);
      out += yield* timeText(sh, format === "" ? "%X" : format);
      i = end;
    } else out += yield* escapeOf(sh, c);
  }
  return out;
}

const times: Readonly<Record<string, string>> = { d: "%a %b %d", t: "%H:%M:%S", T: "%I:%M:%S", "@": "%I:%M %p", A: "%H:%M" };
const fixed: Readonly<Record<string, string>> = {
  a: "\x07",
  e: "\x1b",
  n: "\n",
  r: "\r",
  "\\": "\\",
  "[": INVISIBLE_START,
  "]": INVISIBLE_END,
};

function* escapeOf(sh: Shell, c: string): Proc<string> {
  const same = fixed[c];
  if (same !== undefined) return same;
  const format = times[c];
  if (format !== undefined) return yield* timeText(sh, format);
  switch (c) {
    case "u":
      return sh.userName;
    case "h":
    case "H": {
      const { nodename } = yield* sh.sys.uname();
      return c === "H" ? nodename : (nodename.split(".")[0] as string);
    }
    case "w":
    case "W":
      return directory(sh, c === "W");
    case "$":
      return (yield* sh.sys.geteuid()) === 0 ? "#" : "$";
    case "s":
      return sh.arg0.slice(sh.arg0.lastIndexOf("/") + 1);
    case "v":
      return "5.2";
    case "V":
      return "5.2.15";
    case "j":
      return String(sh.jobs.list.length);
    case "!":
    case "#":
      return String(sh.history.number);
    case "l":
      return "pts/0";
    default:
      return `\\${c}`;
  }
}

function directory(sh: Shell, last: boolean): string {
  const home = sh.get("HOME");
  const { cwd } = sh;
  if (last) {
    if (cwd === home) return "~";
    return cwd === "/" ? "/" : cwd.slice(cwd.lastIndexOf("/") + 1);
  }
  const short = home !== undefined && home !== "/" && (cwd === home || cwd.startsWith(`${home}/`)) ? `~${cwd.slice(home.length)}` : cwd;
  const trim = Number(sh.get("PROMPT_DIRTRIM") ?? 0);
  if (!(trim > 0)) return short;
  const parts = short.split("/");
  const head = parts[0] === "~" ? "~/" : "";
  const names = parts.slice(1);
  return names.length <= trim ? short : `${head}.../${names.slice(-trim).join("/")}`;
}

function* timeText(sh: Shell, format: string): Proc<string> {
  const now = yield* sh.sys.clock_gettime(CLOCK_REALTIME);
  return strftime(format, now);
}
