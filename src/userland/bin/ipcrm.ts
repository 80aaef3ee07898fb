/** ipcrm(1) of util-linux: removes System V objects by id or key, or all of them. */

import { EACCES, EIDRM, EINVAL, ENOENT, EPERM, Errno } from "../../abi/errno.ts";
import { IPC_RMID } from "../../abi/ipc.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { field, type IpcKind, readIpc } from "../ipc/sysvipc.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { badUsage } from "../libc/utillinux.ts";

const usage = `
Usage:
 ipcrm [options]
 ipcrm shm|msg|sem <id>...

Remove certain IPC resources.

Options:
 -m, --shmem-id <id>        remove shared memory segment by id
 -M, --shmem-key <key>      remove shared memory segment by key
 -q, --queue-id <id>        remove message queue by id
 -Q, --queue-key <key>      remove message queue by key
 -s, --semaphore-id <id>    remove semaphore by id
 -S, --semaphore-key <key>  remove semaphore by key
 -a, --all[=shm|msg|sem]    remove all (in the specified category)
 -v, --verbose              explain what is being done

 -h, --help                 display this help
 -V, --version              display version

For more details see ipcrm(1).`;

const long = [
  { name: "shmem-id", as: "m", arg: "required" as const },
  { name: "shmem-key", as: "M", arg: "required" as const },
  { name: "queue-id", as: "q", arg: "required" as const },
  { name: "queue-key", as: "Q", arg: "required" as const },
  { name: "semaphore-id", as: "s", arg: "required" as const },
  { name: "semaphore-key", as: "S", arg: "required" as const },
  { name: "all", as: "a", arg: "optional" as const },
  { name: "verbose", as: "v" },
  { name: "help", as: "h" },
  { name: "version", as: "V" },
];

const KINDS: ReadonlyMap<string, IpcKind> = new Map([
  ["m", "shm"],
  ["q", "msg"],
  ["s", "sem"],
]);
const NAMES: Readonly<Record<IpcKind, string>> = { shm: "shared memory segment", msg: "message queue", sem: "semaphore" };
const ID_COLUMNS: Readonly<Record<IpcKind, string>> = { shm: "shmid", msg: "msqid", sem: "semid" };

const reason = (e: Errno, what: "id" | "key"): string => {
  if (e === EACCES || e === EPERM) return `permission denied for ${what}`;
  if (e === EIDRM) return `already removed ${what}`;
  if (e === EINVAL || e === ENOENT) return `invalid ${what}`;
  return e.message;
};

/** Returns whether it was removed. */
function* remove(c: Command, kind: IpcKind, id: number, verbose: boolean): Proc<boolean> {
  if (verbose) yield* c.print(`removing ${NAMES[kind]} id \`${id}'\n`);
  try {
    if (kind === "shm") yield* c.sys.shmctl(id, IPC_RMID);
    else if (kind === "msg") yield* c.sys.msgctl(id, IPC_RMID);
    else yield* c.sys.semctl(id, 0, IPC_RMID);
    return true;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.warn(`${reason(e, "id")} (${id})`);
    return false;
  }
}

function* findKey(c: Command, kind: IpcKind, text: string): Proc<number | undefined> {
  const key = /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? Number(/^0[0-7]+$/.test(text) ? `0o${text.slice(1)}` : text) : undefined;
  if (key === undefined) return yield* c.fail(`failed to parse argument: '${text}'`);
  if (key === 0) {
    yield* c.warn(`illegal key (${text})`);
    return undefined;
  }
  try {
    if (kind === "shm") return yield* c.sys.shmget(key | 0, 0, 0);
    return kind === "msg" ? yield* c.sys.msgget(key | 0, 0) : yield* c.sys.semget(key | 0, 0, 0);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.warn(`${reason(e, "key")} (${text})`);
    return undefined;
  }
}

/** ipcrm shm|msg|sem ID…: the way of old. */
function* old(c: Command, kind: IpcKind, ids: readonly string[]): Proc<number> {
  if (ids.length === 0) return yield* badUsage(c, "not enough arguments");
  let status = 0;
  for (const text of ids) {
    if (!/^-?[0-9]+$/.test(text)) {
      yield* c.warn(`invalid id: ${text}`);
      status = 1;
    } else if (!(yield* remove(c, kind, Number(text), false))) status = 1;
  }
  return status;
}

function* run(c: Command): Proc<number> {
  const { args } = c;
  if (args.length === 0) return 0;
  const [first = ""] = args;
  if (first === "shm" || first === "msg" || first === "sem") return yield* old(c, first, args.slice(1));
  let parsed: Parsed;
  try {
    parsed = getopt(args, { short: "q:m:s:Q:M:S:a::vhV", long }, c.voice);
  } catch (e) {
    if (e instanceof UsageError) return yield* badUsage(c, e.message);
    throw e;
  }
  const { options, operands } = parsed;
  if (options.some((o) => o.name === "h")) return yield* c.help();
  if (options.some((o) => o.name === "V")) {
    yield* c.print("ipcrm from util-linux 2.38.1\n");
    return 0;
  }
  let status = 0;
  let verbose = false;
  let all: IpcKind[] | undefined;
  for (const { name, arg, hasArg } of options) {
    if (name === "v") verbose = true;
    else if (name === "a") {
      if (hasArg && arg !== "shm" && arg !== "msg" && arg !== "sem") return yield* badUsage(c, `unknown argument: ${arg}`);
      all = hasArg ? [arg as IpcKind] : ["shm", "sem", "msg"];
    } else {
      const kind = KINDS.get(name.toLowerCase()) as IpcKind;
      if (name === name.toLowerCase() && !/^-?[0-9]+$/.test(arg)) return yield* c.fail(`failed to parse argument: '${arg}'`);
      const id = name === name.toLowerCase() ? Number(arg) : yield* findKey(c, kind, arg);
      if (id === undefined || !(yield* remove(c, kind, id, verbose))) status = 1;
    }
  }
  if (operands[0] !== undefined) return yield* badUsage(c, `unknown argument: ${operands[0]}`);
  for (const kind of all ?? [])
    for (const row of yield* readIpc(c.sys, kind)) if (!(yield* remove(c, kind, field(row, ID_COLUMNS[kind]), verbose))) status = 1;
  return status;
}

export const ipcrm: Executable = {
  name: "ipcrm",
  main: command({ help: usage }, run),
  paths: ["/usr/bin/ipcrm"],
  sizeBytes: 35136,
};
