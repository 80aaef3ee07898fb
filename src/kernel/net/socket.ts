/** Sockets as files: socket(2), Linux `net/socket.c`. A family (AF_UNIX, …) subclasses SocketFile. */

import { EINVAL, ENOPROTOOPT, ENOTSOCK, EOPNOTSUPP, type Errno } from "../../abi/errno.ts";
import { O_NONBLOCK, O_RDWR } from "../../abi/fcntl.ts";
import {
  MSG_DONTWAIT,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_SNDBUF,
  SO_TYPE,
  SOL_SOCKET,
  type SocketAddress,
  type SocketOption,
  type Ucred,
} from "../../abi/socket.ts";
import type { ControlData } from "../../abi/sockopt.ts";
import { S_IFSOCK } from "../../abi/stat.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import { freeAnonInode, newAnonInode } from "../task/anon-inode.ts";
import { shownId } from "../ns/idmap.ts";
import type { Pid } from "../ns/pid.ts";
import { SOCKET_BUFFER } from "../params.ts";
import type { System } from "../task/system.ts";
import { callerTask, type Task } from "../task/task.ts";
import type { Caller } from "../vfs/caller.ts";
import { File } from "../vfs/file.ts";

/** Who stands behind a socket, as SO_PEERCRED and SCM_CREDENTIALS tell it. */
export interface Creds {
  /** Undefined: nobody yet. */
  readonly pid: Pid | undefined;
  readonly uid: number;
  readonly gid: number;
}

export const NOBODY: Creds = { pid: undefined, uid: -1, gid: -1 };

export const credsOf = (task: Task): Creds => ({ pid: task.tg.pid, uid: task.cred.euid, gid: task.cred.egid });

/** As `reader` numbers them; -1 where there is nobody. */
export const ucredIn = (creds: Creds, { pidNs, cred }: Task): Ucred => ({
  pid: creds.pid?.nrIn(pidNs) ?? 0,
  uid: creds.uid === -1 ? -1 : shownId(cred.userNs, "uidMap", creds.uid),
  gid: creds.gid === -1 ? -1 : shownId(cred.userNs, "gidMap", creds.gid),
});

/** What recvmsg gets, before the files become descriptors. Whoever takes it owns one reference of each file. */
export interface Received {
  readonly length: number;
  readonly files: readonly File[];
  readonly creds?: Creds;
  readonly from?: SocketAddress;
  readonly flags: number;
  readonly control?: ControlData;
}

/** Smallest buffer that SO_SNDBUF and SO_RCVBUF can set (SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF). */
const MIN_BUFFER = 4_608;

export abstract class SocketFile extends File {
  /** SO_ERROR: reported once. */
  error: Errno | undefined;
  protected sndbuf = SOCKET_BUFFER;
  protected rcvbuf = SOCKET_BUFFER;
  protected passcred = false;
  private reuseaddr = 0;
  private keepalive = 0;

  /** Errors: ENFILE. */
  constructor(
    readonly system: System,
    readonly domain: number,
    readonly type: number,
    flags: number,
    owner: Caller,
  ) {
    super(newAnonInode(system, "sockfs", S_IFSOCK | 0o777, owner), O_RDWR | flags, undefined);
  }

  override describe(): string {
    return `socket:[${this.inode.ino}]`;
  }

  abstract bind(task: Task, addr: SocketAddress): void;
  abstract listen(task: Task, backlog: number): void;
  /** The next connection; the caller installs it. Blocks. */
  abstract accept(task: Task, flags: number): MaySleep<SocketFile>;
  /** Blocks. */
  abstract connect(task: Task, addr: SocketAddress): MaySleep<void>;
  /** Blocks. `files` go along (SCM_RIGHTS). */
  abstract send(task: Task, buf: Uint8Array, flags: number, to: SocketAddress | undefined, files: readonly File[]): MaySleep<number>;
  /** Blocks. */
  abstract receive(task: Task, buf: Uint8Array, flags: number): MaySleep<Received>;
  abstract shutdown(how: number): void;
  abstract sockname(): SocketAddress;
  /** Errors: ENOTCONN. */
  abstract peername(): SocketAddress;
  /** The address of a new connection's other end, which may be gone already. */
  abstract peernameOrUnnamed(): SocketAddress;
  protected abstract get listening(): boolean;
  protected abstract get peerCreds(): Creds;

  /** Takes and clears what SO_ERROR reports. */
  takeError(): Errno | undefined {
    const { error } = this;
    this.error = undefined;
    return error;
  }

  nonblock(flags: number): boolean {
    return ((this.flags & O_NONBLOCK) | (flags & MSG_DONTWAIT)) !== 0;
  }

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    const got = this.receive(callerTask(caller), buf, 0);
    if (!(got instanceof Blocked)) return dropFiles(got);
    return new Blocked(
      (function* () {
        return dropFiles(yield* got.run);
      })(),
    );
  }

  override write(caller: Caller, buf: Uint8Array): MaySleep<number> {
    return this.send(callerTask(caller), buf, 0, undefined, []);
  }

  getsockopt(task: Task, level: number, option: number, _argument?: string): SocketOption {
    if (level !== SOL_SOCKET) throw EOPNOTSUPP;
    switch (option) {
      case SO_TYPE:
        return this.type;
      case SO_DOMAIN:
        return this.domain;
      case SO_PROTOCOL:
        return 0;
      case SO_ERROR:
        return this.takeError()?.code ?? 0;
      case SO_SNDBUF:
        return this.sndbuf;
      case SO_RCVBUF:
        return this.rcvbuf;
      case SO_PASSCRED:
        return this.passcred ? 1 : 0;
      case SO_ACCEPTCONN:
        return this.listening ? 1 : 0;
      case SO_PEERCRED:
        return ucredIn(this.peerCreds, task);
      case SO_REUSEADDR:
        return this.reuseaddr;
      case SO_KEEPALIVE:
        return this.keepalive;
      default:
        throw ENOPROTOOPT;
    }
  }

  setsockopt(_task: Task, level: number, option: number, value: SocketOption): void {
    if (level !== SOL_SOCKET) throw EOPNOTSUPP;
    if (typeof value !== "number") throw EINVAL;
    switch (option) {
      // The kernel doubles the value, for its own bookkeeping: socket(7).
      case SO_SNDBUF:
        this.sndbuf = Math.max(MIN_BUFFER, 2 * Math.min(value, SOCKET_BUFFER));
        break;
      case SO_RCVBUF:
        this.rcvbuf = Math.max(MIN_BUFFER, 2 * Math.min(value, SOCKET_BUFFER));
        break;
      case SO_PASSCRED:
        this.passcred = value !== 0;
        break;
      case SO_REUSEADDR:
        this.reuseaddr = value === 0 ? 0 : 1;
        break;
      case SO_KEEPALIVE:
        this.keepalive = value === 0 ? 0 : 1;
        break;
      default:
        throw ENOPROTOOPT;
    }
  }

  protected override release(): void {
    freeAnonInode(this.system);
  }
}

/** read(2) has no place for descriptors: they are closed. */
function dropFiles(got: Received): number {
  for (const file of got.files) file.put();
  return got.length;
}

export function requireSocket(file: File): SocketFile {
  if (!(file instanceof SocketFile)) throw ENOTSOCK;
  return file;
}

/** An address family: a row of the table in `syscalls/socket.ts`. */
export interface SocketFamily {
  /** Errors: ESOCKTNOSUPPORT, EPROTONOSUPPORT. */
  create(system: System, task: Task, type: number, protocol: number, flags: number): SocketFile;
  /** Errors: EOPNOTSUPP. */
  pair(system: System, task: Task, type: number, protocol: number, flags: number): readonly [SocketFile, SocketFile];
}
