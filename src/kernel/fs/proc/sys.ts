/**
 * /proc/sys: sysctl(8), proc_sys(5), Linux `kernel/sysctl.c`. Only values that the machine acts upon; what it has built in and
 * cannot change is read-only here.
 */

import { EINVAL, EPERM } from "../../../abi/errno.ts";
import { nsCapable } from "../../ns/user.ts";
import { CAP_CHECKPOINT_RESTORE, CAP_LAST_CAP, CAP_SYS_ADMIN } from "../../../abi/capability.ts";
import { FILE_MAX, PID_MAX, PIPE_MAX_SIZE, RLIMIT_NOFILE_HARD, THREADS_MAX, UTS_RELEASE, UTS_VERSION } from "../../params.ts";
import type { System } from "../../task/system.ts";
import type { Task } from "../../task/task.ts";
import type { File } from "../../vfs/file.ts";
import { type SettingName, sysctlNumber } from "../sysctl.ts";
import type { DirEntry, Entry, FileEntry, Machine } from "./entry.ts";
import { sysNetEntry } from "./sys-net.ts";
import { ipcSysctls, mqueueSysctls, userSysctls } from "./sysvipc.ts";

/** Longest host name and domain name. */
const UTS_LEN = 64;
/** Bits of the kernel's entropy pool, always full. */
const POOL_BITS = 256;

type SysFile = FileEntry<Machine>;

const readOnly = (name: string, read: (machine: Machine, reader: Task) => string | number): SysFile => ({
  kind: "file",
  name,
  mode: 0o444,
  access: "mode",
  read: (machine, reader) => `${read(machine, reader)}\n`,
});

const dir = (name: string, entries: readonly Entry<Machine>[]): DirEntry<Machine> => ({
  kind: "dir",
  name,
  mode: 0o555,
  access: "mode",
  entries,
});

/** The first line, at most `length` bytes, as proc_dostring() takes it. */
const firstLine = (text: string, length: number): string => (/^[^\n\0]*/.exec(text)?.[0] ?? "").slice(0, length);

function utsName(name: "hostname" | "domainname"): SysFile {
  return {
    kind: "file",
    name,
    mode: 0o644,
    access: "mode",
    read: (_machine, reader) => `${reader.ns.uts[name]}\n`,
    write: (_machine, text, writer) => {
      writer.ns.uts[name] = firstLine(text, UTS_LEN);
      writer.system.initUserNs.live.changed();
    },
  };
}

function setting(name: string, key: SettingName): SysFile {
  return {
    kind: "file",
    name,
    mode: 0o644,
    access: "mode",
    read: ({ system }) => `${sysctlNumber(system, key)}\n`,
    write: ({ system }, text) => {
      const match = /^\s*([0-9]+)\s*$/.exec(text);
      if (match === null || Number(match[1]) > 0x7fffffff) throw EINVAL;
      system.sysctl.set(key, match[1] as string);
    },
  };
}

/** The number that the next process follows, in the namespace of whoever looks. Errors: EPERM without CAP_SYS_ADMIN in it. */
const nsLastPid: SysFile = {
  kind: "file",
  name: "ns_last_pid",
  mode: 0o666,
  access: "mode",
  read: (_machine, reader) => `${reader.pidNs.lastPid}\n`,
  write: (_machine, text, writer) => {
    const { cred, pidNs } = writer;
    if (!nsCapable(cred, pidNs.userNs, CAP_CHECKPOINT_RESTORE) && !nsCapable(cred, pidNs.userNs, CAP_SYS_ADMIN)) throw EPERM;
    const match = /^\s*([0-9]+)\s*$/.exec(text);
    if (match === null || Number(match[1]) >= PID_MAX) throw EINVAL;
    pidNs.continueAfter(Number(match[1]));
  },
};

function uuid(system: System): string {
  const bytes = new Uint8Array(16);
  system.random.fill(bytes);
  // Version 4, variant 1.
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return [...bytes].map((b, i) => (i === 4 || i === 6 || i === 8 || i === 10 ? "-" : "") + b.toString(16).padStart(2, "0")).join("");
}

const bootIds = new WeakMap<System, string>();

function bootId(system: System): string {
  let id = bootIds.get(system);
  if (id === undefined) {
    id = uuid(system);
    bootIds.set(system, id);
  }
  return id;
}

/** Open file descriptions of the machine. */
function countFiles(system: System): number {
  const files = new Set<File>();
  for (const task of system.tasks) for (const [, file] of task.files.entries()) files.add(file);
  return files.size;
}

export const sysEntries: readonly Entry<Machine>[] = [
  dir("fs", [
    readOnly("file-max", () => FILE_MAX),
    readOnly("file-nr", ({ system }) => `${countFiles(system)}\t0\t${FILE_MAX}`),
    dir("inotify", [
      setting("max_queued_events", "fs/inotify/max_queued_events"),
      setting("max_user_instances", "fs/inotify/max_user_instances"),
      setting("max_user_watches", "fs/inotify/max_user_watches"),
    ]),
    dir("mqueue", mqueueSysctls),
    readOnly("nr_open", () => RLIMIT_NOFILE_HARD),
    readOnly("pipe-max-size", () => PIPE_MAX_SIZE),
    setting("mount-max", "fs/mount-max"),
    setting("protected_hardlinks", "fs/protected_hardlinks"),
  ]),
  dir("kernel", [
    readOnly("arch", () => "x86_64"),
    readOnly("cap_last_cap", () => CAP_LAST_CAP),
    utsName("domainname"),
    utsName("hostname"),
    ...ipcSysctls,
    nsLastPid,
    readOnly("osrelease", () => UTS_RELEASE),
    readOnly("ostype", () => "Linux"),
    readOnly("pid_max", () => PID_MAX),
    dir("random", [
      readOnly("boot_id", ({ system }) => bootId(system)),
      readOnly("entropy_avail", () => POOL_BITS),
      readOnly("poolsize", () => POOL_BITS),
      readOnly("uuid", ({ system }) => uuid(system)),
    ]),
    // Addresses are laid out the same for every process.
    readOnly("randomize_va_space", () => 0),
    readOnly("threads-max", () => THREADS_MAX),
    readOnly("version", () => UTS_VERSION),
  ]),
  dir("user", userSysctls),
  sysNetEntry,
  dir("vm", [
    // Memory is promised without limit and charged when it is touched.
    readOnly("overcommit_memory", () => 1),
  ]),
];
