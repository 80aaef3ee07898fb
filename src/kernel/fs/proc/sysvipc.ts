/** /proc/sysvipc/{shm,sem,msg} and the limits of IPC under /proc/sys: sysvipc(7), mq_overview(7). All are of the reader's IPC namespace. */

import { EACCES, EINVAL } from "../../../abi/errno.ts";
import { CAP_SYS_RESOURCE } from "../../../abi/capability.ts";
import { O_ACCMODE, O_RDONLY } from "../../../abi/fcntl.ts";
import { nsCapable } from "../../ns/user.ts";
import { permOf } from "../../ipc/objects.ts";
import { type SysvIpc, sysvOf } from "../../ipc/sysv.ts";
import { PAGE_SIZE } from "../../params.ts";
import type { Task } from "../../task/task.ts";
import { mqueueOf } from "../mqueue/mqueue.ts";
import type { Entry, FileEntry, Machine } from "./entry.ts";

const cell = (value: number, width: number): string => String(value).padStart(width);
/** Cells with one blank between them, of the widths given. */
const row = (cells: readonly (readonly [value: number, width: number])[]): string => cells.map(([v, w]) => cell(v, w)).join(" ");
const octal = (mode: number): string => mode.toString(8).padStart(4);

function table(name: string, head: string, rows: (ipc: SysvIpc, reader: Task) => readonly string[]): FileEntry<Machine> {
  return {
    kind: "file",
    name,
    mode: 0o444,
    read: ({ system }, reader) => `${head}\n${rows(sysvOf(system, reader.ns.ipc), reader).join("")}`,
  };
}

const shm = table(
  "shm",
  "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap",
  (ipc, reader) =>
    ipc.shm.ids.all().map((segment) => {
      const s = segment.stat(reader);
      const p = s.perm;
      const ids = row([
        [s.cpid, 5],
        [s.lpid, 5],
      ]);
      const owners = row([
        [s.nattch, 5],
        [p.uid, 5],
        [p.gid, 5],
        [p.cuid, 5],
        [p.cgid, 5],
      ]);
      const times = row([
        [s.atime, 10],
        [s.dtime, 10],
        [s.ctime, 10],
        [Math.ceil(segment.residentBytes / PAGE_SIZE) * PAGE_SIZE, 21],
        [0, 21],
      ]);
      return `${row([
        [p.key, 10],
        [segment.id, 10],
      ])}  ${octal(p.mode)} ${cell(s.segsz, 21)} ${ids}  ${owners} ${times}\n`;
    }),
);

const sem = table("sem", "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime", (ipc, reader) =>
  ipc.sem.ids.all().map((set) => {
    const s = set.stat(reader);
    const p = s.perm;
    const rest = row([
      [s.nsems, 10],
      [p.uid, 5],
      [p.gid, 5],
      [p.cuid, 5],
      [p.cgid, 5],
      [s.otime, 10],
      [s.ctime, 10],
    ]);
    return `${row([
      [p.key, 10],
      [set.id, 10],
    ])}  ${octal(p.mode)} ${rest}\n`;
  }),
);

const msg = table(
  "msg",
  "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime",
  (ipc, reader) =>
    ipc.msg.ids.all().map((queue) => {
      const s = queue.stat(reader);
      const p = permOf(queue, reader);
      const rest = row([
        [s.cbytes, 10],
        [s.qnum, 10],
        [s.lspid, 5],
        [s.lrpid, 5],
        [p.uid, 5],
        [p.gid, 5],
        [p.cuid, 5],
        [p.cgid, 5],
        [s.stime, 10],
        [s.rtime, 10],
        [s.ctime, 10],
      ]);
      return `${row([
        [p.key, 10],
        [queue.id, 10],
      ])}  ${octal(p.mode)}  ${rest}\n`;
    }),
);

export const sysvipcEntries: readonly Entry<Machine>[] = [msg, sem, shm];

/** ULONG_MAX - 2^24, which a number of JavaScript only comes near. */
const HUGE = "18446744073692774399";

function parseNumber(text: string, max: number): number {
  const word = text.trim();
  if (!/^[0-9]+$/.test(word)) throw EINVAL;
  const value = Number(word);
  if (value > max) throw EINVAL;
  return value;
}

const sysctl = (name: string, read: (reader: Task) => string, write: (writer: Task, text: string) => void): FileEntry<Machine> => ({
  kind: "file",
  name,
  mode: 0o644,
  access: "mode",
  read: (_machine, reader) => `${read(reader)}\n`,
  write: (_machine, text, writer) => write(writer, text),
});

const limitsOf = (task: Task): SysvIpc["limits"] => sysvOf(task.system, task.ns.ipc).limits;

const number = (name: "shmmax" | "shmall" | "shmmni" | "msgmax" | "msgmnb" | "msgmni", max: number): FileEntry<Machine> =>
  sysctl(
    name,
    (reader) => (limitsOf(reader)[name] > 2 ** 63 ? HUGE : String(limitsOf(reader)[name])),
    (writer, text) => {
      limitsOf(writer)[name] = parseNumber(text, max);
    },
  );

const ULONG_MAX = 2 ** 64;
/** IPCMNI. */
const MAX_OBJECTS = 32_768;

const semLimits = sysctl(
  "sem",
  (reader) => {
    const l = limitsOf(reader);
    return `${l.semmsl}\t${l.semmns}\t${l.semopm}\t${l.semmni}`;
  },
  (writer, text) => {
    const words = text.trim().split(/\s+/);
    const values = words.map((word, i) => parseNumber(word, i === 3 ? MAX_OBJECTS : 0x7fffffff));
    const l = limitsOf(writer);
    (["semmsl", "semmns", "semopm", "semmni"] as const).forEach((name, i) => {
      l[name] = values[i] ?? l[name];
    });
  },
);

/** Of /proc/sys/kernel. */
export const ipcSysctls: readonly Entry<Machine>[] = [
  number("msgmax", 0x7fffffff),
  number("msgmnb", 0x7fffffff),
  number("msgmni", MAX_OBJECTS),
  semLimits,
  number("shmall", ULONG_MAX),
  number("shmmax", ULONG_MAX),
  number("shmmni", MAX_OBJECTS),
];

const mqueueLimit = (name: "msg_default" | "msg_max" | "msgsize_default" | "msgsize_max" | "queues_max", min: number, max: number) =>
  sysctl(
    name,
    (reader) => String(mqueueOf(reader.system, reader.ns.ipc).accounts.limits[name]),
    (writer, text) => {
      const value = parseNumber(text, max);
      if (value < min) throw EINVAL;
      mqueueOf(writer.system, writer.ns.ipc).accounts.limits[name] = value;
    },
  );

/** /proc/sys/fs/mqueue. */
export const mqueueSysctls: readonly Entry<Machine>[] = [
  mqueueLimit("msg_default", 1, 65_536),
  mqueueLimit("msg_max", 1, 65_536),
  mqueueLimit("msgsize_default", 128, 16_777_216),
  mqueueLimit("msgsize_max", 128, 16_777_216),
  mqueueLimit("queues_max", 0, 0x7fffffff),
];

const KINDS = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] as const;

/** /proc/sys/user: namespaces(7). Read and set for the user namespace of whoever looks, by who has CAP_SYS_RESOURCE in it. */
export const userSysctls: readonly Entry<Machine>[] = KINDS.map((kind) => ({
  kind: "file",
  name: `max_${kind}_namespaces`,
  mode: 0o644,
  // set_permissions(): who has the capability is as good as the owner.
  access: "open",
  read: (_machine, reader) => `${reader.cred.userNs.limitOf(kind)}\n`,
  mayOpen(_machine, flags, { cred }) {
    if ((flags & O_ACCMODE) !== O_RDONLY && !nsCapable(cred, cred.userNs, CAP_SYS_RESOURCE)) throw EACCES;
  },
  write: (_machine, text, writer) => {
    const { userNs } = writer.cred;
    userNs.limits.set(kind, parseNumber(text, 0x7fffffff));
  },
}));
