/** System V IPC and POSIX message queues: sysvipc(7), mq_overview(7); Linux `include/uapi/linux/{ipc,shm,sem,msg,mqueue}.h`. Times are seconds since 1970. */

export const IPC_PRIVATE = 0;
export const IPC_CREAT = 0o1000;
export const IPC_EXCL = 0o2000;
export const IPC_NOWAIT = 0o4000;

export const IPC_RMID = 0;
export const IPC_SET = 1;
export const IPC_STAT = 2;

export const SHM_RDONLY = 0o10000;
export const SHM_RND = 0o20000;
export const SHM_REMAP = 0o40000;
export const SHM_EXEC = 0o100000;
export const SHM_LOCK = 11;
export const SHM_UNLOCK = 12;
/** In the mode of a segment: it goes with its last user; it is locked into memory. */
export const SHM_DEST = 0o1000;
export const SHM_LOCKED = 0o2000;

export const SEM_UNDO = 0x1000;
export const GETPID = 11;
export const GETVAL = 12;
export const GETALL = 13;
export const GETNCNT = 14;
export const GETZCNT = 15;
export const SETVAL = 16;
export const SETALL = 17;

export const MSG_NOERROR = 0o10000;
export const MSG_EXCEPT = 0o20000;

/** struct ipc_perm; ids as the caller's user namespace numbers them. */
export interface IpcPerm {
  readonly key: number;
  readonly uid: number;
  readonly gid: number;
  readonly cuid: number;
  readonly cgid: number;
  readonly mode: number;
}

/** What IPC_SET changes. */
export interface IpcSet {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Of a message queue: msg_qbytes. */
  readonly qbytes?: number;
}

export interface ShmidDs {
  readonly perm: IpcPerm;
  readonly segsz: number;
  readonly atime: number;
  readonly dtime: number;
  readonly ctime: number;
  readonly cpid: number;
  readonly lpid: number;
  readonly nattch: number;
}

export interface SemidDs {
  readonly perm: IpcPerm;
  readonly otime: number;
  readonly ctime: number;
  readonly nsems: number;
}

export interface MsqidDs {
  readonly perm: IpcPerm;
  readonly stime: number;
  readonly rtime: number;
  readonly ctime: number;
  readonly cbytes: number;
  readonly qnum: number;
  readonly qbytes: number;
  readonly lspid: number;
  readonly lrpid: number;
}

export interface Sembuf {
  readonly num: number;
  readonly op: number;
  readonly flg: number;
}

export interface Msgbuf {
  readonly mtype: number;
  readonly data: Uint8Array;
}

export interface MqAttr {
  /** O_NONBLOCK. */
  readonly flags: number;
  readonly maxmsg: number;
  readonly msgsize: number;
  /** Messages that wait; not looked at where it is given. */
  readonly curmsgs: number;
}

export interface MqMessage {
  readonly data: Uint8Array;
  readonly priority: number;
}

/** struct sigevent: a signal, or nothing but the place of who is told (SIGEV_NONE). */
export interface MqNotification {
  readonly signo: number | undefined;
}
