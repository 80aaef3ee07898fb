/** Lists, and-or lists, pipelines, `!`, `time`, `&`: POSIX 2.9.2 and 2.9.3. */

import { CLOCK_MONOTONIC } from "../../abi/time.ts";
import { RUSAGE_CHILDREN, RUSAGE_SELF } from "../../abi/resource.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Node, NOT_SYNC } from "./node.ts";
import { launchBackground, launchPipelineBackground, runPipeline } from "./pipeline.ts";
import { afterCommand } from "./run.ts";
import type { Shell } from "./shell.ts";

/** Commands one after the other. */
export class List implements Node {
  readonly simple = false;
  readonly line: number;

  constructor(
    readonly text: string,
    readonly commands: readonly Node[],
  ) {
    this.line = commands[0]?.line ?? 1;
  }

  trySync(sh: Shell): number {
    return this.commands.length === 1 ? (this.commands[0] as Node).trySync(sh) : NOT_SYNC;
  }

  *run(sh: Shell, tail: boolean): Proc<number> {
    const { commands } = this;
    let status = 0;
    for (let i = 0; i < commands.length; i++) {
      const c = commands[i] as Node;
      status = sh.fast ? c.trySync(sh) : NOT_SYNC;
      if (status === NOT_SYNC) status = yield* c.run(sh, tail && i === commands.length - 1);
      sh.status = status;
      if (sh.jump !== "none") return status;
    }
    return status;
  }
}

/** `a && b || c`. */
export class AndOr implements Node {
  readonly simple = false;
  readonly line: number;

  constructor(
    readonly text: string,
    private readonly commands: readonly Node[],
    private readonly operators: readonly string[],
  ) {
    this.line = (commands[0] as Node).line;
  }

  trySync(): number {
    return NOT_SYNC;
  }

  *run(sh: Shell, tail: boolean): Proc<number> {
    let status = 0;
    const last = this.commands.length - 1;
    for (let i = 0; i <= last; i++) {
      if (i > 0 && (this.operators[i - 1] === "&&") !== (status === 0)) continue;
      const c = this.commands[i] as Node;
      if (i === last) {
        status = sh.fast ? c.trySync(sh) : NOT_SYNC;
        if (status === NOT_SYNC) status = yield* c.run(sh, tail);
      } else {
        sh.conditionDepth++;
        try {
          status = sh.fast ? c.trySync(sh) : NOT_SYNC;
          if (status === NOT_SYNC) status = yield* c.run(sh, false);
        } finally {
          sh.conditionDepth--;
        }
      }
      sh.status = status;
      if (sh.jump !== "none") return status;
    }
    return status;
  }
}

export class Pipeline implements Node {
  readonly simple = false;
  readonly line: number;

  constructor(
    readonly text: string,
    readonly commands: readonly Node[],
    readonly withStderr: readonly boolean[],
  ) {
    this.line = (commands[0] as Node).line;
  }

  trySync(): number {
    return NOT_SYNC;
  }

  *run(sh: Shell): Proc<number> {
    sh.line = this.line;
    const status = yield* runPipeline(sh, this.commands, this.withStderr, this.text);
    sh.status = status;
    yield* afterCommand(sh, status);
    return status;
  }
}

/** `! command`. */
export class Negated implements Node {
  readonly simple = false;
  readonly line: number;

  constructor(
    readonly text: string,
    private readonly command: Node | undefined,
  ) {
    this.line = command?.line ?? 1;
  }

  trySync(): number {
    return NOT_SYNC;
  }

  *run(sh: Shell): Proc<number> {
    if (this.command === undefined) return 1;
    sh.conditionDepth++;
    let status: number;
    try {
      status = sh.fast ? this.command.trySync(sh) : NOT_SYNC;
      if (status === NOT_SYNC) status = yield* this.command.run(sh, false);
    } finally {
      sh.conditionDepth--;
    }
    if (sh.jump !== "none") return status;
    return status === 0 ? 1 : 0;
  }
}

/** `command &`. */
export class Background implements Node {
  readonly simple = false;
  readonly line: number;

  constructor(
    readonly text: string,
    private readonly command: Node,
  ) {
    this.line = command.line;
  }

  trySync(): number {
    return NOT_SYNC;
  }

  *run(sh: Shell): Proc<number> {
    sh.line = this.line;
    if (this.command instanceof Pipeline) yield* launchPipelineBackground(sh, this.command.commands, this.command.withStderr, this.text);
    else yield* launchBackground(sh, this.command);
    return 0;
  }
}

/** `time pipeline`. */
export class Timed implements Node {
  readonly simple = false;
  readonly line: number;

  constructor(
    readonly text: string,
    private readonly command: Node | undefined,
    private readonly posix: boolean,
  ) {
    this.line = command?.line ?? 1;
  }

  trySync(): number {
    return NOT_SYNC;
  }

  *run(sh: Shell): Proc<number> {
    const before = yield* times(sh);
    const status = this.command === undefined ? 0 : yield* this.command.run(sh, false);
    const after = yield* times(sh);
    const format = this.posix ? "real %2R\nuser %2U\nsys %2S" : (sh.get("TIMEFORMAT") ?? "\nreal\t%3lR\nuser\t%3lU\nsys\t%3lS");
    const spent = after.map((ns, i) => ns - (before[i] as number));
    if (format !== "") yield* sh.eprint(`${formatTimes(format, spent)}\n`);
    return status;
  }
}

/** Nanoseconds: real, user, system. */
function* times(sh: Shell): Proc<number[]> {
  yield* sh.settle();
  const now = yield* sh.sys.clock_gettime(CLOCK_MONOTONIC);
  const self = yield* sh.sys.getrusage(RUSAGE_SELF);
  const children = yield* sh.sys.getrusage(RUSAGE_CHILDREN);
  return [now.sec * 1e9 + now.nsec, self.utimeNs + children.utimeNs, self.stimeNs + children.stimeNs];
}

function formatTimes(format: string, spent: readonly number[]): string {
  return format.replace(/%([0-3]?)(l?)([RUSP%])/g, (_, digits: string, long: string, what: string) => {
    if (what === "%") return "%";
    const precision = digits === "" ? 3 : Number(digits);
    const [real, user, system] = spent as [number, number, number];
    if (what === "P") return (real === 0 ? 0 : ((user + system) * 100) / real).toFixed(2);
    const ns = what === "R" ? real : what === "U" ? user : system;
    return formatSeconds(ns, precision, long !== "");
  });
}

/** `0m1.234s`, or seconds. */
export function formatSeconds(ns: number, precision: number, long: boolean): string {
  const ms = Math.floor(ns / 1e6);
  const minutes = Math.floor(ms / 60_000);
  const fraction =
    precision === 0
      ? ""
      : `.${String(ms % 1000)
          .padStart(3, "0")
          .slice(0, precision)}`;
  if (!long) return `${Math.floor(ms / 1000)}${fraction}`;
  return `${minutes}m${Math.floor((ms % 60_000) / 1000)}${fraction}s`;
}
