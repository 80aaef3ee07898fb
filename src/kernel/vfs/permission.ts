/** Who may do what with an inode: path_resolution(7), inode(7), Linux `fs/namei.c:inode_permission`, `fs/attr.c`. */

import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, capBit } from "../../abi/capability.ts";
import { EACCES, EOVERFLOW, EPERM, EROFS } from "../../abi/errno.ts";
import { R_OK, W_OK, X_OK } from "../../abi/fcntl.ts";
import { MS_RDONLY } from "../../abi/mount.ts";
import { isReg, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISGID, S_ISUID, S_ISVTX } from "../../abi/stat.ts";
import { idsMapped } from "../ns/idmap.ts";
import { type Cred, inGroup } from "../ns/user.ts";
import type { Caller } from "./caller.ts";
import type { Inode } from "./inode.ts";
import type { Mount } from "./mount.ts";

/** What the permission bits are about. */
export type Owned = Pick<Inode, "mode" | "uid" | "gid" | "isDirectory">;

/** capable_wrt_inode_uidgid(): a capability counts only towards inodes whose ids exist in the caller's user namespace. */
export function capableToward(cred: Cred, inode: Owned, cap: number): boolean {
  if ((cred.effective & capBit(cap)) === 0n) return false;
  return idsMapped(cred.userNs, inode.uid, inode.gid);
}

/** `mask` is of R_OK, W_OK, X_OK. Errors: EACCES; EROFS on a read-only filesystem; what the inode's own test says. */
export function checkPermission(caller: Caller, inode: Inode, mask: number): void {
  const type = inode.mode & S_IFMT;
  if ((mask & W_OK) !== 0 && inode.sb.readonly && (type === S_IFREG || type === S_IFDIR || type === S_IFLNK)) throw EROFS;
  if (inode.permission !== undefined) inode.permission(mask, caller);
  else checkModeBits(caller.cred, inode, mask);
}

/** The permission bits and the capabilities that go beyond them. Errors: EACCES. */
export function checkModeBits(cred: Cred, inode: Owned, mask: number): void {
  const mode = inode.mode;
  const granted = cred.fsuid === inode.uid ? mode >> 6 : inGroup(cred, inode.gid) ? mode >> 3 : mode;
  if ((mask & ~granted & 7) === 0) return;
  if (inode.isDirectory) {
    if ((mask & W_OK) === 0 && capableToward(cred, inode, CAP_DAC_READ_SEARCH)) return;
    if (capableToward(cred, inode, CAP_DAC_OVERRIDE)) return;
    throw EACCES;
  }
  if (mask === R_OK && capableToward(cred, inode, CAP_DAC_READ_SEARCH)) return;
  // Nobody, not even root, executes a file that nobody may execute.
  if (((mask & X_OK) === 0 || (mode & 0o111) !== 0) && capableToward(cred, inode, CAP_DAC_OVERRIDE)) return;
  throw EACCES;
}

/** Search permission on a directory; the common case asks for no credentials. */
export function checkSearch(caller: Caller, dir: Inode): void {
  if (dir.permission === undefined && (dir.mode & 0o111) === 0o111) return;
  checkPermission(caller, dir, X_OK);
}

/** mnt_want_write(). Errors: EROFS. */
export function wantWrite(mnt: Mount): void {
  if ((mnt.flags & MS_RDONLY) !== 0 || mnt.sb.readonly) throw EROFS;
}

export function isOwnerOrCapable(caller: Caller, inode: Inode): boolean {
  return caller.cred.fsuid === inode.uid || capableToward(caller.cred, inode, CAP_FOWNER);
}

/** Errors: EPERM unless the caller owns the inode or has CAP_FOWNER. */
export function requireOwner(caller: Caller, inode: Inode): void {
  if (!isOwnerOrCapable(caller, inode)) throw EPERM;
}

/** may_delete(), the part about ids: a sticky directory protects the entries of others. Errors: EACCES, EPERM. */
export function checkDelete(caller: Caller, dir: Inode, victim: Inode): void {
  checkPermission(caller, dir, W_OK | X_OK);
  const fsuid = caller.cred.fsuid;
  if ((dir.mode & S_ISVTX) !== 0 && victim.uid !== fsuid && dir.uid !== fsuid && !capableToward(caller.cred, victim, CAP_FOWNER))
    throw EPERM;
}

/** may_create(). Errors: EACCES; EOVERFLOW where the caller's ids have no number in the user namespace of the filesystem. */
export function checkCreate(caller: Caller, dir: Inode): void {
  const { userNs } = dir.sb;
  if (userNs !== undefined && !idsMapped(userNs, caller.cred.fsuid, caller.cred.fsgid)) throw EOVERFLOW;
  checkPermission(caller, dir, W_OK | X_OK);
}

/** Whether the bits of a regular file name somebody who may execute it. */
export function isExecutable(inode: Inode): boolean {
  return isReg(inode.mode) && (inode.mode & 0o111) !== 0;
}

/** file_remove_privs(): writing without CAP_FSETID takes the set-user-ID bit, and the set-group-ID bit of an executable. */
export function dropPrivileges(caller: Caller, inode: Inode): void {
  const { mode } = inode;
  if ((mode & (S_ISUID | S_ISGID)) === 0) return;
  const kill = (mode & S_ISUID) | ((mode & (S_ISGID | 0o010)) === (S_ISGID | 0o010) ? S_ISGID : 0);
  if (kill === 0 || capableToward(caller.cred, inode, CAP_FSETID)) return;
  inode.setattr({ mode: mode & ~kill });
}
