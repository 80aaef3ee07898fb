/** ipcs(1) of util-linux: what there is of System V IPC in one's namespace, from /proc/sysvipc. */

import { GETALL, GETNCNT, GETPID, GETZCNT, IPC_STAT } from "../../abi/ipc.ts";
import { EACCES, EINVAL, Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { field, type IpcKind, type IpcRow, readIpc, sizeToHuman } from "../ipc/sysvipc.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { IdNames } from "../libc/passwd.ts";
import { strftime } from "../libc/strftime.ts";
import { optional, readText } from "../libc/unistd.ts";
import { badUsage } from "../libc/utillinux.ts";

const usage = `
Usage:
 ipcs [resource-option...] [output-option]
 ipcs -m|-q|-s -i <id>

Show information on IPC facilities.

Options:
 -i, --id <id>  print details on resource identified by <id>
 -h, --help     display this help
 -V, --version  display version

Resource options:
 -m, --shmems      shared memory segments
 -q, --queues      message queues
 -s, --semaphores  semaphores
 -a, --all         all (default)

Output options:
 -t, --time        show attach, detach and change times
 -p, --pid         show PIDs of creator and last operator
 -c, --creator     show creator and owner
 -l, --limits      show resource limits
 -u, --summary     show status summary
     --human       show sizes in human-readable format
 -b, --bytes       show sizes in bytes

For more details see ipcs(1).`;

const long = [
  { name: "id", as: "i", arg: "required" as const },
  { name: "shmems", as: "m" },
  { name: "queues", as: "q" },
  { name: "semaphores", as: "s" },
  { name: "all", as: "a" },
  { name: "time", as: "t" },
  { name: "pid", as: "p" },
  { name: "creator", as: "c" },
  { name: "limits", as: "l" },
  { name: "summary", as: "u" },
  { name: "human" },
  { name: "bytes", as: "b" },
  { name: "help", as: "h" },
  { name: "version", as: "V" },
];

type Unit = "default" | "bytes" | "human";
const PAGE = 4096n;
const SEM_VALUE_MAX = 32_767;
const UINT64_MAX = (1n << 64n) - 1n;

const cell = (value: string | number, width: number): string => String(value).padEnd(width);
const cells = (...of: readonly (readonly [value: string | number, width: number])[]): string => of.map(([v, w]) => cell(v, w)).join(" ");
const octal = (mode: number): string => (mode & 0o777).toString(8);
const keyText = (row: IpcRow): string => `0x${(field(row, "key") >>> 0).toString(16).padStart(8, "0")}`;

/** ctime(3) without its year, as the tables show it; and whole. */
const shortTime = (sec: number): string => (sec === 0 ? "Not set" : `${strftime("%b %e %H:%M:%S", { sec, nsec: 0 })} `);
const longTime = (sec: number): string => (sec === 0 ? "Not set" : strftime("%a %b %e %H:%M:%S %Y", { sec, nsec: 0 }));

/** What prints a line, and what it needs for it. */
interface Show {
  readonly c: Command;
  readonly names: IdNames;
  readonly unit: Unit;
}

const ID_COLUMNS: Readonly<Record<IpcKind, string>> = { shm: "shmid", msg: "msqid", sem: "semid" };

function* creators({ c, names }: Show, kind: IpcKind, rows: readonly IpcRow[], title: string): Proc<void> {
  const id = ID_COLUMNS[kind];
  yield* c.print(`------ ${title} Creators/Owners --------\n`);
  yield* c.print(`${cells([id, 10], ["perms", 10], ["cuid", 10], ["cgid", 10], ["uid", 10], ["gid", 10])}\n`);
  for (const row of rows) {
    let line = cells([field(row, id), 10], [octal(field(row, "perms")), 10]);
    for (const name of ["cuid", "cgid", "uid", "gid"]) {
      const nr = field(row, name);
      const known = name.endsWith("uid") ? yield* names.user(nr) : yield* names.group(nr);
      line += ` ${cell(known ?? nr, 10)}`;
    }
    yield* c.print(`${line}\n`);
  }
}

function* ownerOf({ names }: Show, row: IpcRow): Proc<string> {
  return ((yield* names.user(field(row, "uid"))) ?? String(field(row, "uid"))).slice(0, 10);
}

function* limits(show: Show, kind: IpcKind): Proc<void> {
  const { c, unit } = show;
  const read = function* (name: string): Proc<bigint> {
    return BigInt((yield* readText(c.sys, `/proc/sys/kernel/${name}`)).trim());
  };
  const size = (text: string, bytes: bigint): string =>
    unit === "human" ? `${text} = ${sizeToHuman(bytes)}\n` : `${text} (bytes) = ${bytes}\n`;
  const kbytes = (text: string, kb: bigint, bytes: bigint): string =>
    unit === "default" ? `${text} (kbytes) = ${kb}\n` : size(text, bytes);
  if (kind === "msg") {
    yield* c.print(`------ Messages Limits --------\nmax queues system wide = ${yield* read("msgmni")}\n`);
    yield* c.print(size("max size of message", yield* read("msgmax")) + size("default max size of queue", yield* read("msgmnb")));
  } else if (kind === "shm") {
    const max = yield* read("shmmax");
    const pages = yield* read("shmall");
    const capped = (unitSize: bigint): bigint => (pages * unitSize > UINT64_MAX ? UINT64_MAX - (UINT64_MAX % unitSize) : pages * unitSize);
    yield* c.print(`------ Shared Memory Limits --------\nmax number of segments = ${yield* read("shmmni")}\n`);
    yield* c.print(kbytes("max seg size", max / 1024n, max) + kbytes("max total shared memory", capped(PAGE / 1024n), capped(PAGE)));
    yield* c.print(size("min seg size", 1n));
  } else {
    const [msl, mns, opm, mni] = (yield* readText(c.sys, "/proc/sys/kernel/sem")).trim().split(/\s+/);
    yield* c.print(`------ Semaphore Limits --------\nmax number of arrays = ${mni}\nmax semaphores per array = ${msl}\n`);
    yield* c.print(`max semaphores system wide = ${mns}\nmax ops per semop call = ${opm}\nsemaphore max value = ${SEM_VALUE_MAX}\n`);
  }
}

function* summary({ c, unit }: Show, kind: IpcKind, rows: readonly IpcRow[]): Proc<void> {
  const sum = (name: string): number => rows.reduce((n, row) => n + field(row, name), 0);
  const pages = (bytes: number): number => Math.ceil(bytes / Number(PAGE));
  if (kind === "msg") {
    const bytes = sum("cbytes");
    const used = { default: ` = ${bytes} bytes`, bytes: ` (bytes) = ${bytes}`, human: ` = ${sizeToHuman(BigInt(bytes))}` }[unit];
    yield* c.print(
      `------ Messages Status --------\nallocated queues = ${rows.length}\nused headers = ${sum("qnum")}\nused space${used}\n`,
    );
  } else if (kind === "shm") {
    const total = rows.reduce((n, row) => n + pages(field(row, "size")), 0);
    yield* c.print(`------ Shared Memory Status --------\nsegments allocated ${rows.length}\npages allocated ${total}\n`);
    yield* c.print(`pages resident  ${pages(sum("rss"))}\npages swapped   ${pages(sum("swap"))}\n`);
    yield* c.print("Swap performance: 0 attempts\t 0 successes\n");
  } else yield* c.print(`------ Semaphore Status --------\nused arrays = ${rows.length}\nallocated semaphores = ${sum("nsems")}\n`);
}

function* shm(show: Show, how: string, rows: readonly IpcRow[]): Proc<void> {
  const { c, unit } = show;
  if (how === "t") {
    yield* c.print("------ Shared Memory Attach/Detach/Change Times --------\n");
    yield* c.print(`${cells(["shmid", 10], ["owner", 10], ["attached", 20], ["detached", 20], ["changed", 20])}\n`);
    for (const row of rows) {
      const times = ["atime", "dtime", "ctime"].map((name) => cell(shortTime(field(row, name)), 20)).join(" ");
      yield* c.print(`${cells([field(row, "shmid"), 10], [yield* ownerOf(show, row), 10])} ${times}\n`);
    }
  } else if (how === "p") {
    yield* c.print("------ Shared Memory Creator/Last-op PIDs --------\n");
    yield* c.print(`${cells(["shmid", 10], ["owner", 10], ["cpid", 10], ["lpid", 10])}\n`);
    for (const row of rows)
      yield* c.print(
        `${cells([field(row, "shmid"), 10], [yield* ownerOf(show, row), 10], [field(row, "cpid"), 10], [field(row, "lpid"), 10])}\n`,
      );
  } else {
    const size = unit === "human" ? "size" : "bytes";
    yield* c.print("------ Shared Memory Segments --------\n");
    yield* c.print(`${cells(["key", 10], ["shmid", 10], ["owner", 10], ["perms", 10], [size, 10], ["nattch", 10], ["status", 12])}\n`);
    for (const row of rows) {
      const bytes = unit === "human" ? `${sizeToHuman(BigInt(field(row, "size"))).padStart(6)}    ` : field(row, "size");
      const mode = field(row, "perms");
      const status = cells([(mode & 0o1000) === 0 ? "" : "dest", 6], [(mode & 0o2000) === 0 ? "" : "locked", 6]);
      const head = cells([keyText(row), 10], [field(row, "shmid"), 10], [yield* ownerOf(show, row), 10], [octal(mode), 10], [bytes, 10]);
      yield* c.print(`${head} ${cell(field(row, "nattch"), 10)} ${status} \n`.replace(/ \n$/, "\n"));
    }
  }
}

function* msg(show: Show, how: string, rows: readonly IpcRow[]): Proc<void> {
  const { c, unit } = show;
  if (how === "t") {
    yield* c.print("------ Message Queues Send/Recv/Change Times --------\n");
    yield* c.print(`${cells(["msqid", 8], ["owner", 10], ["send", 20], ["recv", 20], ["change", 20])}\n`);
    for (const row of rows) {
      const times = ["stime", "rtime", "ctime"].map((name) => cell(shortTime(field(row, name)), 20)).join(" ");
      yield* c.print(`${cells([field(row, "msqid"), 8], [yield* ownerOf(show, row), 10])} ${times}\n`);
    }
  } else if (how === "p") {
    yield* c.print("------ Message Queues PIDs --------\n");
    yield* c.print(`${cells(["msqid", 10], ["owner", 10], ["lspid", 10], ["lrpid", 10])}\n`);
    for (const row of rows) {
      const pids = ["lspid", "lrpid"].map((name) => String(field(row, name)).padStart(5)).join("     ");
      yield* c.print(`${cells([field(row, "msqid"), 8], [yield* ownerOf(show, row), 10])}  ${pids}\n`);
    }
  } else {
    yield* c.print("------ Message Queues --------\n");
    const size = unit === "human" ? "size" : "used-bytes";
    yield* c.print(`${cells(["key", 10], ["msqid", 10], ["owner", 10], ["perms", 10], [size, 12], ["messages", 12])}\n`);
    for (const row of rows) {
      const used = unit === "human" ? `${sizeToHuman(BigInt(field(row, "cbytes"))).padStart(8)}    ` : field(row, "cbytes");
      const head = cells([keyText(row), 10], [field(row, "msqid"), 10], [yield* ownerOf(show, row), 10], [octal(field(row, "perms")), 10]);
      yield* c.print(`${head} ${cells([used, 12], [field(row, "qnum"), 12])}\n`);
    }
  }
}

function* sem(show: Show, how: string, rows: readonly IpcRow[]): Proc<void> {
  const { c } = show;
  if (how === "p") return;
  if (how === "t") {
    yield* c.print("------ Semaphore Operation/Change Times --------\n");
    yield* c.print(`${cells(["semid", 8], ["owner", 10], ["last-op", 26], ["last-changed", 26])}\n`);
    for (const row of rows) {
      const times = ["otime", "ctime"].map((name) => cell(longTime(field(row, name)), 26)).join(" ");
      yield* c.print(`${cells([field(row, "semid"), 8], [yield* ownerOf(show, row), 10])}  ${times}\n`);
    }
    return;
  }
  yield* c.print("------ Semaphore Arrays --------\n");
  yield* c.print(`${cells(["key", 10], ["semid", 10], ["owner", 10], ["perms", 10], ["nsems", 10])}\n`);
  for (const row of rows) {
    const head = cells([keyText(row), 10], [field(row, "semid"), 10], [yield* ownerOf(show, row), 10], [octal(field(row, "perms")), 10]);
    yield* c.print(`${head} ${cell(field(row, "nsems"), 10)}\n`);
  }
}

const TITLES: Readonly<Record<IpcKind, string>> = { msg: "Message Queues", shm: "Shared Memory Segment", sem: "Semaphore Arrays" };

function* section(show: Show, kind: IpcKind, how: string): Proc<void> {
  if (how === "l") yield* limits(show, kind);
  else {
    const rows = yield* readIpc(show.c.sys, kind);
    if (how === "u") yield* summary(show, kind, rows);
    else if (how === "c") yield* creators(show, kind, rows, TITLES[kind]);
    else if (kind === "shm") yield* shm(show, how, rows);
    else if (kind === "msg") yield* msg(show, how, rows);
    else yield* sem(show, how, rows);
  }
  yield* show.c.print("\n");
}

const idLine = (row: IpcRow, sep = "\t"): string => ["uid", "gid", "cuid", "cgid"].map((name) => `${name}=${field(row, name)}`).join(sep);

/** The semaphores of a set, one a line. */
function* semaphores(c: Command, id: number, nsems: number): Proc<void> {
  const { sys } = c;
  yield* c.print(`${cells(["semnum", 10], ["value", 10], ["ncount", 10], ["zcount", 10], ["pid", 10])}\n`);
  const values = (yield* sys.semctl(id, 0, GETALL)) as readonly number[];
  for (let num = 0; num < nsems; num++) {
    const of = function* (cmd: number): Proc<number> {
      return Number(yield* sys.semctl(id, num, cmd));
    };
    const [ncount, zcount, pid] = [yield* of(GETNCNT), yield* of(GETZCNT), yield* of(GETPID)];
    yield* c.print(`${cells([num, 10], [values[num] ?? 0, 10], [ncount, 10], [zcount, 10], [pid, 10])}\n`);
  }
}

function* details(show: Show, kind: IpcKind, id: number): Proc<number> {
  const { c, unit } = show;
  const row = (yield* readIpc(c.sys, kind)).find((r) => field(r, ID_COLUMNS[kind]) === id);
  if (row === undefined) {
    yield* c.warn(`id ${id} not found`);
    return 0;
  }
  const time = (label: string, name: string): string => `${label}${cell(longTime(field(row, name)), 26)}\n`;
  const mode = `0${(field(row, "perms") & 0o7777).toString(8)}`;
  const access = `0${octal(field(row, "perms"))}`;
  const human = (name: string): string => sizeToHuman(BigInt(field(row, name)));
  if (kind === "shm") {
    const bytes = unit === "human" ? `size=${human("size")}` : `bytes=${field(row, "size")}`;
    yield* c.print(`\nShared memory Segment shmid=${id}\n${idLine(row)}\nmode=${mode}\taccess_perms=${access}\n`);
    yield* c.print(`${bytes}\tlpid=${field(row, "lpid")}\tcpid=${field(row, "cpid")}\tnattch=${field(row, "nattch")}\n`);
    yield* c.print(`${time("att_time=", "atime")}${time("det_time=", "dtime")}${time("change_time=", "ctime")}\n`);
  } else if (kind === "msg") {
    // Not in /proc/sysvipc: only who may read the queue learns it.
    const { qbytes } = (yield* optional(c.sys.msgctl(id, IPC_STAT), [EACCES])) ?? { qbytes: 0 };
    const sizes =
      unit === "human"
        ? `csize=${human("cbytes")}\tqsize=${sizeToHuman(BigInt(qbytes))}`
        : `cbytes=${field(row, "cbytes")}\tqbytes=${qbytes}`;
    yield* c.print(`\nMessage Queue msqid=${id}\n${idLine(row)}\tmode=${mode}\n`);
    yield* c.print(`${sizes}\tqnum=${field(row, "qnum")}\tlspid=${field(row, "lspid")}\tlrpid=${field(row, "lrpid")}\n`);
    yield* c.print(`${time("send_time=", "stime")}${time("rcv_time=", "rtime")}${time("change_time=", "ctime")}\n`);
  } else {
    yield* c.print(`\nSemaphore Array semid=${id}\n${idLine(row, "\t ")}\nmode=${mode}, access_perms=${access}\n`);
    yield* c.print(`nsems = ${field(row, "nsems")}\n${time("otime = ", "otime")}${time("ctime = ", "ctime")}`);
    yield* semaphores(c, id, field(row, "nsems"));
    yield* c.print("\n");
  }
  return 0;
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    parsed = getopt(c.args, { short: "i:uqmsatpclbhV", long }, c.voice);
  } catch (e) {
    if (e instanceof UsageError) return yield* badUsage(c, e.message);
    throw e;
  }
  const { options } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print("ipcs from util-linux 2.38.1\n");
    return 0;
  }
  const kinds = (["msg", "shm", "sem"] as const).filter((kind) => has({ msg: "q", shm: "m", sem: "s" }[kind]));
  const unit = options.findLast((o) => o.name === "human" || o.name === "b")?.name;
  const show: Show = { c, names: new IdNames(c.sys), unit: unit === undefined ? "default" : unit === "b" ? "bytes" : "human" };
  const id = options.findLast((o) => o.name === "i")?.arg;
  if (id !== undefined) {
    if (!/^[0-9]+$/.test(id)) return yield* c.fail(`failed to parse id argument: '${id}'`);
    const [only] = kinds;
    if (only === undefined || kinds.length > 1) return yield* c.fail("when using an ID, a single resource must be specified");
    try {
      return yield* details(show, only, Number(id));
    } catch (e) {
      if (!(e instanceof Errno) || e !== EINVAL) throw e;
      return yield* c.fail(`id ${id} not found`);
    }
  }
  const how = options.findLast((o) => ["t", "p", "c", "l", "u"].includes(o.name))?.name ?? "";
  yield* c.print("\n");
  const wanted = kinds.length === 0 || has("a") ? (["msg", "shm", "sem"] as const) : kinds;
  for (const kind of wanted) yield* section(show, kind, how);
  return 0;
}

export const ipcs: Executable = {
  name: "ipcs",
  main: command({ help: usage }, run),
  paths: ["/usr/bin/ipcs"],
  sizeBytes: 76096,
};
