/** kill(1) of procps-ng: sends a signal to processes. The shells have one of their own built in. Left out: --queue. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { BUSYBOX_VERSION } from "../libc/help.ts";
import { attempt, busyboxSignalList, findSignal, signalList, signalName, usageTail } from "../libc/procps.ts";

const usage = `
Usage:
 kill [options] <pid> [...]

Options:
 <pid> [...]            send signal to every <pid> listed
 -<signal>, -s, --signal <signal>
                        specify the <signal> to be sent
 -l, --list=[<signal>]  list all signal names, or convert one to a name
 -L, --table            list all signal names in a nice table
${usageTail("kill")}`;

const busyboxUsage = `BusyBox v${BUSYBOX_VERSION} multi-call binary.

Usage: kill [-l] [-SIG] PID...

Send a signal (default: TERM) to given PIDs

	-l	List all signal names and numbers
`;

function table(): string {
  let text = "";
  for (let sig = 1; sig <= 31; sig++) {
    text += `${String(sig).padStart(2)} ${(signalName(sig) ?? "").padEnd(sig % 7 === 0 ? 0 : 8)}`;
    if (sig % 7 === 0) text += "\n";
  }
  return `${text}\n`;
}

function* usageError(c: Command, letter?: string): Proc<number> {
  yield* c.eprint((letter === undefined ? "" : `${c.argv[0]}: invalid argument ${letter}\n`) + usage);
  return 1;
}

/** The name of a number, or the number of a name. */
function* convert(c: Command, word: string): Proc<number> {
  const sig = findSignal(word);
  const text = sig === undefined || sig === 0 || sig > 31 ? undefined : /^[0-9]+$/.test(word) ? signalName(sig) : String(sig);
  if (text !== undefined) yield* c.print(`${text}\n`);
  else yield* c.eprint(`${c.argv[0]}: unknown signal name ${word}\n`);
  return 0;
}

function* send(c: Command, words: readonly string[], sig: number): Proc<number> {
  let status = 0;
  for (const word of words) {
    if (!/^-?[0-9]+$/.test(word)) {
      yield* c.eprint(`${c.argv[0]}: failed to parse argument: '${word}'\n`);
      return 1;
    }
    const failed = yield* attempt(c.sys.kill(Number(word), sig));
    if (failed === undefined) continue;
    yield* c.eprint(`${c.argv[0]}: (${word}): ${failed.message}\n`);
    status = 1;
  }
  return status;
}

function* procpsKill(c: Command): Proc<number> {
  const [first, second] = c.args;
  if (first === undefined) return yield* usageError(c);
  if (first === "-h" || first === "--help") {
    yield* c.print(usage);
    return 0;
  }
  if (first === "-V" || first === "--version") {
    yield* c.print("kill from procps-ng 4.0.2\n");
    return 0;
  }
  if (first === "-L" || first === "--table") {
    yield* c.print(table());
    return 0;
  }
  const list = /^(?:-l|--list)=?(.*)$/.exec(first);
  if (list !== null) {
    const word = list[1] !== "" ? list[1] : second;
    if (word !== undefined) return yield* convert(c, word);
    yield* c.print(signalList());
    return 0;
  }
  let sig = 15;
  let rest = c.args;
  const named = /^(?:-s|--signal=?)(.*)$/.exec(first);
  if (named !== null) {
    const word = named[1] !== "" ? named[1] : second;
    if (word === undefined) return yield* usageError(c, "s");
    // An unknown name becomes a number that kill(2) refuses.
    sig = findSignal(word) ?? -1;
    rest = c.args.slice(named[1] !== "" ? 1 : 2);
  } else if (first.startsWith("-") && first !== "--") {
    const found = findSignal(first.slice(1));
    if (found !== undefined && found <= 64) {
      sig = found;
      rest = c.args.slice(1);
    } else if (!/^-[0-9]+$/.test(first)) return yield* usageError(c, first.startsWith("--") ? "\0" : (first[1] ?? ""));
  }
  if (rest[0] === "--") rest = rest.slice(1);
  return rest.length === 0 ? yield* usageError(c) : yield* send(c, rest, sig);
}

function* busyboxKill(c: Command): Proc<number> {
  const [first, second] = c.args;
  if (first === "--help") {
    yield* c.print(busyboxUsage);
    return 0;
  }
  if (first === "-l") {
    if (second === undefined) yield* c.print(busyboxSignalList());
    for (const word of c.args.slice(1)) {
      const number = /^[0-9]+$/.test(word);
      const sig = number ? Number(word) & 0x7f : findSignal(word);
      if (sig === undefined) return yield* c.fail(`unknown signal '${word}'`);
      yield* c.print(`${number ? (signalName(sig) ?? sig) : sig}\n`);
    }
    return 0;
  }
  let sig = 15;
  let rest = c.args;
  if (first?.startsWith("-") && first !== "--") {
    const word = first === "-s" ? (second ?? "") : first.slice(1);
    const found = findSignal(word);
    if (found === undefined) return yield* c.fail(`bad signal name '${word}'`);
    sig = found;
    rest = c.args.slice(first === "-s" ? 2 : 1);
  }
  if (rest[0] === "--") rest = rest.slice(1);
  if (rest.length === 0) return yield* c.fail("you need to specify whom to kill");
  let status = 0;
  for (const word of rest) {
    if (!/^-?[0-9]+$/.test(word)) {
      yield* c.warn(`invalid number '${word}'`);
      status = 1;
      continue;
    }
    const failed = yield* attempt(c.sys.kill(Number(word), sig));
    if (failed === undefined) continue;
    yield* c.warn(`can't kill pid ${word}: ${failed.message}`);
    status = 1;
  }
  return status;
}

export const kill: Executable = {
  name: "kill",
  main: command({ help: usage }, (c) => (c.voice === "busybox" ? busyboxKill(c) : procpsKill(c))),
  paths: ["/usr/bin/kill"],
  sizeBytes: 22840,
  applet: "/bin/kill",
};
