/** echo, printf, test, `[`, true, false, `:`: the builtins that are programs as well. */

import { CLOCK_REALTIME } from "../../../abi/time.ts";
import type { Proc } from "../../../abi/sys.ts";
import { echo as echoText } from "../../libc/echo.ts";
import { printf as printfText } from "../../libc/printf.ts";
import { evaluateTest, TestError } from "../../libc/test-expression.ts";
import { testShell } from "../conditional.ts";
import { quoteBackslash } from "../declarations.ts";
import type { Builtin, Call } from "./call.ts";

export const colon: Builtin = {
  name: ":",
  special: true,
  *run() {
    return 0;
  },
};
export const trueBuiltin: Builtin = {
  name: "true",
  *run() {
    return 0;
  },
};
export const falseBuiltin: Builtin = {
  name: "false",
  *run() {
    return 1;
  },
};

export const echo: Builtin = {
  name: "echo",
  *run(c): Proc<number> {
    const { flavour, options } = c.sh;
    c.print(echoText(c.args, flavour === "ash" ? "busybox" : flavour, flavour === "bash" && options.shopt("xpg_echo")));
    return 0;
  },
};

export const printf: Builtin = {
  name: "printf",
  usage: "[-v var] format [arguments]",
  *run(c): Proc<number> {
    const { sh } = c;
    let args = c.args;
    let target: string | undefined;
    if (sh.flavour === "bash") {
      const o = yield* c.options("v:");
      if (o === undefined) return 2;
      args = o.operands;
      target = o.letters[0]?.value;
      if (target !== undefined && !/^[A-Za-z_][A-Za-z0-9_]*(\[.*\])?$/s.test(target))
        return yield* c.fail(`\`${target}': not a valid identifier`, 2);
    } else if (args[0] === "--") args = args.slice(1);
    const format = args[0];
    if (format === undefined) return yield* missingFormat(c);
    const now = format.includes(")T") ? yield* sh.sys.clock_gettime(CLOCK_REALTIME) : undefined;
    const r = printfText(format, args.slice(1), {
      dialect: sh.flavour,
      quote: quoteBackslash,
      ...(now === undefined ? {} : { nowSec: now.sec, startSec: Math.floor(sh.startNs / 1e9) }),
    });
    for (const w of r.warnings) yield* sh.warn(w, sh.flavour === "ash" ? undefined : c.name);
    if (target === undefined) c.print(r.text);
    else {
      const m = /^([^[]+)\[(.*)\]$/s.exec(target);
      if (m === null) sh.set(target, r.text);
      else sh.setElement(m[1] as string, m[2] as string, r.text);
    }
    return r.status;
  },
};

function* missingFormat(c: Call): Proc<number> {
  if (c.sh.flavour === "bash") return yield* c.wrongUsage();
  if (c.sh.flavour === "dash") return yield* c.fail("usage: printf format [arg ...]", 2);
  yield* c.sh.warn("usage: printf FORMAT [ARGUMENT...]");
  return 2;
}

function* runTest(c: Call, args: readonly string[]): Proc<number> {
  const { sh } = c;
  try {
    return (yield* evaluateTest(sh.sys, args, sh.flavour, testShell(sh))) ? 0 : 1;
  } catch (e) {
    if (!(e instanceof TestError)) throw e;
    yield* sh.warn(e.message, sh.flavour === "ash" ? undefined : c.name);
    return 2;
  }
}

export const test: Builtin = {
  name: "test",
  run: (c) => runTest(c, c.args),
};

export const bracket: Builtin = {
  name: "[",
  *run(c): Proc<number> {
    if (c.args[c.args.length - 1] !== "]") {
      if (c.sh.flavour === "bash") return yield* c.fail("missing `]'", 2);
      yield* c.sh.warn("missing ]", c.sh.flavour === "ash" ? undefined : c.name);
      return 2;
    }
    return yield* runTest(c, c.args.slice(0, -1));
  },
};
