/** The part of the random programs that makes, joins and leaves namespaces, changes identities, and uses IPC. */

import { AT_FDCWD, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../abi/fcntl.ts";
import { GETVAL, IPC_CREAT, IPC_NOWAIT, IPC_RMID, IPC_STAT, SEM_UNDO, SETVAL, SHM_RDONLY } from "../abi/ipc.ts";
import {
  CLONE_FILES,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_PARENT,
  CLONE_THREAD,
  CLONE_VM,
  PR_CAP_AMBIENT,
  PR_CAPBSET_DROP,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  PR_SET_SECUREBITS,
} from "../abi/sched.ts";
import type { Proc } from "../abi/sys.ts";
import { encodeUtf8 } from "../abi/utf8.ts";
import type { Op, Run } from "./fuzz.ts";

const FLAGS = [
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWCGROUP,
  CLONE_NEWTIME,
  CLONE_NEWPID,
  CLONE_NEWNS,
  CLONE_FILES,
  CLONE_VM,
  CLONE_THREAD,
  CLONE_PARENT,
];
const LINKS = ["uts", "ipc", "net", "mnt", "pid", "pid_for_children", "time", "time_for_children", "user", "cgroup"];
const MAPS = ["0 0 1", "0 65534 1", "0 1000 10", "0 0 4294967295", "5 5 5\n5 9 1", "", "x", "0 100000 65536"];

const someFlags = (r: Run): number => r.dice.pick(FLAGS) | (r.dice.below(3) === 0 ? r.dice.pick(FLAGS) : 0);
const pid = (r: Run): number => r.dice.pick([1, 2, 3, 7, 8, 9, 10, 20, 40]);
const id = (r: Run): number => r.dice.pick([-1, 0, 1, 2, 3, 64, 65, 32_768]);
const key = (r: Run): number => r.dice.below(4);
const fd = (r: Run): number => r.dice.below(12);
const uid = (r: Run): number => r.dice.pick([-1, -1, -1, 0, 0, 0, 0, 1000]);

function* write(r: Run, path: string, text: string): Proc<void> {
  const at = yield* r.sys.openat(AT_FDCWD, path, O_WRONLY);
  try {
    yield* r.sys.write(at, encodeUtf8(text));
  } finally {
    yield* r.sys.close(at);
  }
}

const namespaces: readonly Op[] = [
  (r) => r.sys.unshare(someFlags(r)),
  function* (r) {
    const at = yield* r.sys.openat(AT_FDCWD, `/proc/${r.dice.pick(["self", String(pid(r))])}/ns/${r.dice.pick(LINKS)}`, O_RDONLY);
    try {
      yield* r.dice.pick([
        () => r.sys.setns(at, 0),
        () => r.sys.ioctl(at, "NS_GET_USERNS"),
        () => r.sys.ioctl(at, "NS_GET_PARENT"),
        () => r.sys.ioctl(at, "NS_GET_OWNER_UID"),
      ])();
    } finally {
      if (r.dice.below(4) > 0) yield* r.sys.close(at);
    }
  },
  (r) => write(r, `/proc/${r.dice.pick(["self", String(pid(r))])}/${r.dice.pick(["uid_map", "gid_map"])}`, r.dice.pick(MAPS)),
  (r) => write(r, "/proc/self/setgroups", r.dice.pick(["deny", "allow", "x"])),
  (r) => write(r, "/proc/self/timens_offsets", r.dice.pick(["monotonic 5 0", "boottime -1 0", "1 999999999 1", "x"])),
  (r) =>
    write(r, `/proc/sys/user/max_${r.dice.pick(["pid", "user", "ipc", "uts"])}_namespaces`, r.dice.pick(["0", "3", "2147483647", "x"])),
  (r) => write(r, "/proc/sys/kernel/ns_last_pid", String(r.dice.below(500))),
  (r) => r.sys.sethostname(r.dice.pick(["a", "b", "x".repeat(65)])),
  (r) => r.sys.setresuid(uid(r), uid(r), uid(r)),
  (r) => r.sys.setresgid(uid(r), uid(r), uid(r)),
  (r) => r.sys.setgroups([Math.max(0, uid(r))]),
  (r) => r.sys.prctl(r.dice.pick([PR_SET_SECUREBITS, PR_CAPBSET_DROP, PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER]), r.dice.below(42)),
  (r) => r.sys.prctl(PR_CAP_AMBIENT, r.dice.below(5), r.dice.below(42)),
  (r) => r.sys.prctl(PR_SET_NO_NEW_PRIVS, 1),
  function* (r) {
    const caps = yield* r.sys.capget(0);
    yield* r.sys.capset({ ...caps, inheritable: BigInt(r.dice.below(2 ** 31)) & caps.permitted });
  },
];

const ipc: readonly Op[] = [
  (r) => r.sys.shmget(key(r), r.dice.pick([0, 1, 4096, 100_000]), IPC_CREAT | 0o600),
  function* (r) {
    const at = yield* r.sys.shmat(id(r), 0, r.dice.pick([0, SHM_RDONLY]));
    yield* r.sys.touch(at, r.dice.pick([1, 4096]));
    if (r.dice.below(2) === 0) yield* r.sys.shmdt(at);
  },
  (r) => r.sys.shmctl(id(r), r.dice.pick([IPC_STAT, IPC_RMID, IPC_STAT])),
  (r) => r.sys.semget(key(r), r.dice.below(4), IPC_CREAT | 0o600),
  function* (r) {
    const sops = [0, 1].map(() => ({ num: r.dice.below(3), op: r.dice.below(7) - 3, flg: r.dice.pick([0, SEM_UNDO, IPC_NOWAIT]) }));
    yield* r.sys.semtimedop(id(r), sops.slice(0, 1 + r.dice.below(2)), { sec: 0, nsec: 1_000_000 });
  },
  (r) => r.sys.semctl(id(r), r.dice.below(3), r.dice.pick([GETVAL, SETVAL, IPC_STAT, IPC_RMID]), r.dice.below(9)),
  (r) => r.sys.msgget(key(r), IPC_CREAT | 0o600),
  (r) => r.sys.msgsnd(id(r), { mtype: r.dice.below(4), data: new Uint8Array(r.dice.pick([0, 5, 8000, 9000])) }, IPC_NOWAIT),
  (r) => r.sys.msgrcv(id(r), r.dice.pick([0, 10, 9000]), r.dice.below(7) - 3, IPC_NOWAIT | r.dice.pick([0, 0o10000])),
  (r) => r.sys.msgctl(id(r), r.dice.pick([IPC_STAT, IPC_RMID])),
  (r) => r.sys.mq_open(r.dice.pick(["a", "b", "", "a/b"]), O_NONBLOCK | r.dice.pick([O_RDWR, O_RDWR | O_CREAT]), 0o600),
  (r) => r.sys.mq_timedsend(fd(r), new Uint8Array(r.dice.below(20)), r.dice.below(3)),
  (r) => r.sys.mq_timedreceive(fd(r), r.dice.pick([10, 8192])),
  (r) => r.sys.mq_notify(fd(r), r.dice.pick([undefined, { signo: 10 }, { signo: undefined }])),
  (r) => r.sys.mq_unlink(r.dice.pick(["a", "b", "c"])),
];

/** `life` is the body of a new process. */
export function namespaceOps(life: (r: Run, depth: number) => Proc<number>): readonly Op[] {
  return [...namespaces, ...ipc, (r, depth) => r.sys.clone3({ flags: someFlags(r) }, () => life(r, depth + 1))];
}
