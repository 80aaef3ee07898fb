/** Calling functions: new positional parameters, a scope for `local`, and `return`. */

import type { Proc } from "../../abi/sys.ts";
import type { FunctionDefinition } from "./node.ts";
import { runPseudoTrap } from "./run.ts";
import { type Shell, ShellError } from "./shell.ts";

/** JavaScript's stack holds about this many nested calls. Differs from Linux: bash goes on until its stack overflows. */
const DEPTH_MAX = 500;

export function* callFunction(sh: Shell, f: FunctionDefinition, args: readonly string[]): Proc<number> {
  const { positional, loopDepth, functionDepth, callStack } = sh;
  if (sh.functionDepth >= DEPTH_MAX) throw new ShellError(`${f.name}: maximum function nesting level exceeded (${DEPTH_MAX})`, 1);
  const depth = sh.vars.depth;
  const height = callStack.length;
  sh.positional = args.slice(1);
  sh.functionDepth = functionDepth + 1;
  sh.loopDepth = 0;
  callStack.push({ name: f.name, source: f.source, line: sh.line });
  sh.vars.push();
  const debug = sh.traps.get("DEBUG");
  const outerReturn = sh.traps.get("RETURN");
  const traced = sh.options.has("functrace");
  if (outerReturn !== undefined && !traced) sh.traps.set("RETURN", undefined);
  const hideDebug = debug !== undefined && !sh.options.has("functrace");
  if (hideDebug) sh.traps.set("DEBUG", undefined);
  const restores = sh.localRestores.length;
  try {
    let status = yield* f.body.run(sh, false);
    if (sh.jump === "return") {
      sh.jump = "none";
      status = sh.status;
    }
    if (sh.traps.get("RETURN") !== undefined) yield* runPseudoTrap(sh, "RETURN");
    return status;
  } catch (e) {
    // Differs from Linux: where bash would die of a segmentation fault, the line is given up.
    if (e instanceof RangeError) throw new ShellError(`${f.name}: maximum function nesting level exceeded (${functionDepth})`, 1);
    if (e instanceof ShellError) e.source ??= f.source;
    throw e;
  } finally {
    if (outerReturn !== undefined && sh.traps.get("RETURN") === undefined) sh.traps.set("RETURN", outerReturn);
    if (hideDebug && sh.traps.get("DEBUG") === undefined) sh.traps.set("DEBUG", debug);
    while (sh.localRestores.length > restores) (sh.localRestores.pop() as () => void)();
    sh.vars.pop(depth);
    callStack.length = height;
    sh.functionDepth = functionDepth;
    sh.loopDepth = loopDepth;
    sh.positional = positional;
  }
}
