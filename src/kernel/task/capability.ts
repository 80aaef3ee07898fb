/** Capabilities across execve, set*uid and prctl: capabilities(7), Linux `security/commoncap.c`. */

import { CAP_FULL_SET, type CapSet } from "../../abi/capability.ts";
import { toKernelId } from "../ns/idmap.ts";
import type { Cred } from "../ns/user.ts";
import type { Inode } from "../vfs/inode.ts";

export const SECBIT_NOROOT = 1;
export const SECBIT_NO_SETUID_FIXUP = 4;
export const SECBIT_KEEP_CAPS = 16;
export const SECBIT_NO_CAP_AMBIENT_RAISE = 64;
/** Each bit has its lock just above it. */
export const SECURE_ALL_BITS = 0x55;
export const SECURE_ALL_LOCKS = 0xaa;

const XATTR_NAME = "security.capability";
const VFS_CAP_REVISION_2 = 0x02000000;
const VFS_CAP_REVISION_3 = 0x03000000;
const VFS_CAP_FLAGS_EFFECTIVE = 1;

/** Capabilities of a file (struct vfs_cap_data). */
export interface FileCaps {
  readonly permitted: CapSet;
  readonly inheritable: CapSet;
  readonly effective: boolean;
}

/** What the extended attribute of an executable says; undefined where there is none, or none that is understood. */
export function readFileCaps(inode: Inode): FileCaps | undefined {
  const bytes = inode.xattrs?.get(XATTR_NAME);
  if (bytes === undefined || bytes.length < 20) return undefined;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = v.getUint32(0, true);
  const revision = (magic & 0xff000000) >>> 0;
  if (revision !== VFS_CAP_REVISION_2 && revision !== VFS_CAP_REVISION_3) return undefined;
  const set = (at: number): CapSet => (BigInt(v.getUint32(at, true)) | (BigInt(v.getUint32(at + 8, true)) << 32n)) & CAP_FULL_SET;
  return { permitted: set(4), inheritable: set(8), effective: (magic & VFS_CAP_FLAGS_EFFECTIVE) !== 0 };
}

export interface ExecIds {
  /** From the set-user-ID and set-group-ID bits; the task's own where they do not count. */
  readonly euid: number;
  readonly egid: number;
  /** File capabilities that count. */
  readonly caps: FileCaps | undefined;
}

/** The credentials after execve: "Transformation of capabilities during execve()". */
export function credAfterExec(old: Cred, { euid, egid, caps }: ExecIds): Cred {
  const root = toKernelId(old.userNs, "uidMap", 0);
  const noRoot = (old.securebits & SECBIT_NOROOT) !== 0;
  const isRoot = !noRoot && (euid === root || old.uid === root);
  const setsId = euid !== old.euid || egid !== old.egid;
  const privileged = setsId || caps !== undefined;
  const ambient = privileged ? 0n : old.ambient;
  const file: FileCaps = isRoot
    ? { permitted: CAP_FULL_SET, inheritable: CAP_FULL_SET, effective: euid === root }
    : (caps ?? { permitted: 0n, inheritable: 0n, effective: false });
  const permitted = (old.inheritable & file.inheritable) | (file.permitted & old.bounding) | ambient;
  return {
    ...old,
    euid,
    egid,
    suid: euid,
    sgid: egid,
    fsuid: euid,
    fsgid: egid,
    permitted,
    effective: file.effective ? permitted : ambient,
    ambient,
    securebits: old.securebits & ~SECBIT_KEEP_CAPS,
  };
}

/** "Effect of user ID changes on capabilities". */
export function fixCapabilities(old: Cred, now: Cred): Cred {
  if ((old.securebits & SECBIT_NO_SETUID_FIXUP) !== 0) return now;
  const root = toKernelId(old.userNs, "uidMap", 0);
  const hadRoot = old.uid === root || old.euid === root || old.suid === root;
  const hasRoot = now.uid === root || now.euid === root || now.suid === root;
  let { permitted, effective, ambient } = now;
  if (hadRoot && !hasRoot) {
    if ((old.securebits & SECBIT_KEEP_CAPS) === 0) {
      permitted = 0n;
      effective = 0n;
    }
    ambient = 0n;
  }
  if (old.euid === root && now.euid !== root) effective = 0n;
  if (old.euid !== root && now.euid === root) effective = permitted;
  return { ...now, permitted, effective, ambient };
}
