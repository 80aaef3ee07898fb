/** stat(2), inode(7), statfs(2), getdents(2). */

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_ISVTX = 0o1000;

export const isReg = (mode: number): boolean => (mode & S_IFMT) === S_IFREG;
export const isDir = (mode: number): boolean => (mode & S_IFMT) === S_IFDIR;
export const isLnk = (mode: number): boolean => (mode & S_IFMT) === S_IFLNK;
export const isChr = (mode: number): boolean => (mode & S_IFMT) === S_IFCHR;
export const isBlk = (mode: number): boolean => (mode & S_IFMT) === S_IFBLK;
export const isFifo = (mode: number): boolean => (mode & S_IFMT) === S_IFIFO;
export const isSock = (mode: number): boolean => (mode & S_IFMT) === S_IFSOCK;

/** A point in time since 1970-01-01 UTC, or a span. Never changed once made, so it may be shared. */
export interface Timespec {
  readonly sec: number;
  /** 0 … 999,999,999. */
  readonly nsec: number;
}

/** utimensat(2): "now", "leave as it is", or a time. */
export type TimeSetting = Timespec | "UTIME_NOW" | "UTIME_OMIT";

/** struct stat, with the birth time of statx(2). */
export interface Stat {
  /** Device of the filesystem, makedev() form. */
  readonly dev: number;
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** For device nodes, makedev() form. */
  readonly rdev: number;
  /** Bytes. */
  readonly size: number;
  readonly blksize: number;
  /** Units of 512 bytes. */
  readonly blocks: number;
  readonly atime: Timespec;
  readonly mtime: Timespec;
  readonly ctime: Timespec;
  readonly btime: Timespec;
}

export const makedev = (major: number, minor: number): number => major * 0x100000 + minor;
export const major = (dev: number): number => Math.floor(dev / 0x100000);
export const minor = (dev: number): number => dev % 0x100000;

/** struct statfs. */
export interface Statfs {
  /** Magic number, such as TMPFS_MAGIC. */
  readonly type: number;
  readonly bsize: number;
  /** In units of bsize. */
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
  readonly namelen: number;
  /** ST_RDONLY … mount flags. */
  readonly flags: number;
}

export const DT_UNKNOWN = 0;
export const DT_FIFO = 1;
export const DT_CHR = 2;
export const DT_DIR = 4;
export const DT_BLK = 6;
export const DT_REG = 8;
export const DT_LNK = 10;
export const DT_SOCK = 12;

/** One entry of getdents64(2). */
export interface Dirent {
  readonly ino: number;
  readonly name: string;
  /** DT_DIR …: the file type bits of the mode, shifted right by 12. */
  readonly type: number;
}
