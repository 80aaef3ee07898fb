/** ipcmk(1) of util-linux: makes System V objects with keys drawn at random. */

import { Errno } from "../../abi/errno.ts";
import { IPC_CREAT } from "../../abi/ipc.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { parseSize } from "../libc/xstrtol.ts";
import { badUsage } from "../libc/utillinux.ts";

const usage = `
Usage:
 ipcmk [options]

Create various IPC resources.

Options:
 -M, --shmem <size>       create shared memory segment of size <size>
 -S, --semaphore <number> create semaphore array with <number> elements
 -Q, --queue              create message queue
 -p, --mode <mode>        permission for the resource (default is 0644)

 -h, --help               display this help
 -V, --version            display version

Arguments:
 <size> arguments may be followed by the suffixes for
   GiB, TiB, PiB, EiB, ZiB, and YiB (the "iB" is optional)

For more details see ipcmk(1).`;

const long = [
  { name: "shmem", as: "M", arg: "required" as const },
  { name: "semaphore", as: "S", arg: "required" as const },
  { name: "queue", as: "Q" },
  { name: "mode", as: "p", arg: "required" as const },
  { name: "help", as: "h" },
  { name: "version", as: "V" },
];

function* randomKey(c: Command): Proc<number> {
  const bytes = new Uint8Array(4);
  yield* c.sys.getrandom(bytes, 0);
  return new DataView(bytes.buffer).getInt32(0, true);
}

function* make(c: Command, what: string, label: string, call: (key: number) => Proc<number>): Proc<void> {
  try {
    yield* c.print(`${label} id: ${yield* call(yield* randomKey(c))}\n`);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.fail(`create ${what} failed: ${e.message}`);
  }
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    parsed = getopt(c.args, { short: "hM:QS:p:V", long }, c.voice);
  } catch (e) {
    if (e instanceof UsageError) return yield* badUsage(c, e.message);
    throw e;
  }
  let size: number | undefined;
  let nsems: number | undefined;
  let queue = false;
  let mode = 0o644;
  for (const { name, arg } of parsed.options) {
    if (name === "h") return yield* c.help();
    if (name === "V") {
      yield* c.print("ipcmk from util-linux 2.38.1\n");
      return 0;
    }
    if (name === "Q") queue = true;
    else if (name === "M") {
      size = /^[0-9]/.test(arg) ? parseSize(arg, "") : undefined;
      if (size === undefined) return yield* c.fail(`failed to parse size: '${arg}': Invalid argument`);
    } else if (name === "S") {
      if (!/^[0-9]+$/.test(arg)) return yield* c.fail(`failed to parse elements: '${arg}'`);
      nsems = Number(arg);
    } else {
      if (!/^[0-7]+$/.test(arg)) return yield* c.fail("failed to parse mode: Success");
      mode = Number.parseInt(arg, 8);
    }
  }
  if (size === undefined && nsems === undefined && !queue) return yield* badUsage(c, "bad usage");
  const flags = mode | IPC_CREAT;
  const [bytes, count] = [size, nsems];
  if (bytes !== undefined) yield* make(c, "share memory", "Shared memory", (key) => c.sys.shmget(key, bytes, flags));
  if (queue) yield* make(c, "message queue", "Message queue", (key) => c.sys.msgget(key, flags));
  if (count !== undefined) yield* make(c, "semaphore", "Semaphore", (key) => c.sys.semget(key, count, flags));
  return 0;
}

export const ipcmk: Executable = {
  name: "ipcmk",
  main: command({ help: usage }, run),
  paths: ["/usr/bin/ipcmk"],
  sizeBytes: 35200,
};
