/** Which processes ps shows: procps `src/ps/select.c`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { idsOf, type Process, ttyName } from "../libc/libproc.ts";
import { getgrnam, getpwnam } from "../libc/passwd.ts";
import { type ListKind, PsError, type PsOptions, type Selection } from "./options.ts";

/** Who asks. */
export interface Asker {
  readonly pid: number;
  readonly euid: number;
  readonly tty: number;
}

type Test = (p: Process) => boolean;

const numeric: Readonly<Partial<Record<ListKind, (p: Process) => number>>> = {
  pid: (p) => p.pid,
  ppid: (p) => p.ppid,
  sid: (p) => p.session,
  pgrp: (p) => p.pgrp,
  euid: (p) => idsOf(p, "Uid")[1],
  ruid: (p) => idsOf(p, "Uid")[0],
  egid: (p) => idsOf(p, "Gid")[1],
  rgid: (p) => idsOf(p, "Gid")[0],
};

function* idOf(sys: Sys, kind: ListKind, value: string): Proc<number> {
  if (/^[0-9]+$/.test(value)) return Number(value);
  if (kind === "euid" || kind === "ruid") {
    const user = yield* getpwnam(sys, value);
    if (user === undefined) throw new PsError("user name does not exist");
    return user.uid;
  }
  const group = yield* getgrnam(sys, value);
  if (group === undefined) throw new PsError("group name does not exist");
  return group.gid;
}

function* testOf(sys: Sys, { kind, values }: Selection, exists: (tty: string) => Proc<boolean>): Proc<Test> {
  if (kind === "comm") {
    // comm holds 15 characters; a longer name is compared as far as it goes.
    const names = new Set(values.map((name) => name.slice(0, 15)));
    return (p) => names.has(p.comm);
  }
  if (kind === "tty") {
    const names = new Set<string | undefined>();
    for (const value of values) {
      const name = value === "-" || value === "?" ? undefined : value.replace(/^\/dev\//, "").replace(/^([0-9]+)$/, "pts/$1");
      if (name !== undefined && !(yield* exists(name))) throw new PsError("TTY could not be found");
      names.add(name);
    }
    return (p) => names.has(ttyName(p.tty));
  }
  if (kind === "session-or-group") {
    if (values.every((value) => /^[0-9]+$/.test(value))) {
      const sessions = new Set(values.map(Number));
      return (p) => sessions.has(p.session);
    }
    return yield* testOf(sys, { kind: "egid", values }, exists);
  }
  const ids = new Set<number>();
  for (const value of values) ids.add(yield* idOf(sys, kind, value));
  const of = numeric[kind];
  return (p) => of !== undefined && ids.has(of(p));
}

function simpleTest(o: PsOptions, me: Asker): Test {
  const mine: Test = (p) => idsOf(p, "Uid")[1] === me.euid;
  const { simple } = o;
  if (simple.has("-a") && simple.has("-d")) return (p) => p.session !== p.pid;
  if (simple.has("-a")) return (p) => p.tty !== 0 && p.session !== p.pid;
  if (simple.has("-d")) return (p) => p.session !== p.pid;
  if (simple.has("a") && simple.has("x")) return () => true;
  if (simple.has("a")) return (p) => p.tty !== 0;
  if (simple.has("x")) return mine;
  if (o.bsd) return (p) => mine(p) && p.tty !== 0;
  return (p) => mine(p) && p.tty === me.tty;
}

/** The test that a process must pass. Throws PsError for a user, group or terminal that is not there. */
export function* chooseTest(sys: Sys, o: PsOptions, me: Asker, exists: (tty: string) => Proc<boolean>): Proc<Test> {
  if (o.quick !== undefined) {
    const pids = new Set(o.quick.map(Number));
    return (p) => pids.has(p.pid);
  }
  const tests: Test[] = [];
  for (const selection of o.selections) tests.push(yield* testOf(sys, selection, exists));
  if (o.ownTty) tests.push((p) => p.tty === me.tty);
  const lists = tests.length > 0;
  // A list alone replaces the default; with -a, x and the like it adds to them.
  if (!lists || o.simple.size > 0) tests.push(simpleTest(o, me));
  const listed: Test = o.all ? () => true : (p) => tests.some((one) => one(p));
  const test: Test = o.running ? (p) => listed(p) && (p.state === "R" || p.state === "D") : listed;
  return o.negate ? (p) => !test(p) : test;
}
