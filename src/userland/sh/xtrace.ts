/** `set -x`: commands as they are run, after PS4. */

import type { Proc } from "../../abi/sys.ts";
import { quoteForTrace } from "./declarations.ts";
import { expandPromptParameters } from "./prompt.ts";
import type { Shell } from "./shell.ts";

/** busybox's maybe_single_quote: what is neither plain nor a reserved word stays as it is. */
function quoteForAsh(text: string): string {
  const reserved = /^(if|then|else|elif|fi|case|esac|for|while|until|do|done|in|!|\{|\})$/.test(text);
  return reserved || text === "" || /[^A-Za-z0-9_./:,@%+\]-]/.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : text;
}

/** PS4, expanded, with its first character once per level of nesting. */
function* ps4(sh: Shell): Proc<string> {
  const raw = sh.get("PS4") ?? "+ ";
  const text = raw.includes("$") || raw.includes("\\") ? yield* expandPromptParameters(sh, raw) : raw;
  if (sh.flavour !== "bash" || text === "") return text;
  return (text[0] as string).repeat(sh.substitutionDepth) + text;
}

export function* trace(sh: Shell, args: readonly string[]): Proc<void> {
  const words = sh.flavour === "dash" ? args : args.map(sh.flavour === "ash" ? quoteForAsh : quoteForTrace);
  yield* sh.eprint(`${yield* ps4(sh)}${words.join(" ")}\n`);
}

export function* traceAssignment(sh: Shell, a: { name: string; append: boolean; value: unknown }, value: string): Proc<void> {
  const shown = Array.isArray(a.value) || sh.flavour === "dash" || value === "" ? value : quoteForTrace(value);
  yield* sh.eprint(`${yield* ps4(sh)}${a.name}${a.append ? "+" : ""}=${shown}\n`);
}

/** A line of another kind, such as `for i in …` or `[[ … ]]`. */
export function* traceText(sh: Shell, text: string): Proc<void> {
  yield* sh.eprint(`${yield* ps4(sh)}${text}\n`);
}
