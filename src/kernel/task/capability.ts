/** Capabilities across execve, set*uid and prctl: capabilities(7), Linux `security/commoncap.c`. */

import { CAP_FULL_SET, CAP_SETFCAP, type CapSet } from "../../abi/capability.ts";
import { EINVAL, EOVERFLOW, EPERM } from "../../abi/errno.ts";
import { fromKernelId, toKernelId } from "../ns/idmap.ts";
import { type Cred, nsCapable, type UserNamespace } from "../ns/user.ts";
import type { Inode } from "../vfs/inode.ts";
import { capableToward } from "../vfs/permission.ts";

export const SECBIT_NOROOT = 1;
export const SECBIT_NO_SETUID_FIXUP = 4;
export const SECBIT_KEEP_CAPS = 16;
export const SECBIT_NO_CAP_AMBIENT_RAISE = 64;
/** Each bit has its lock just above it. */
export const SECURE_ALL_BITS = 0x55;
export const SECURE_ALL_LOCKS = 0xaa;

export const CAPS_XATTR = "security.capability";
const VFS_CAP_REVISION_2 = 0x02000000;
const VFS_CAP_REVISION_3 = 0x03000000;
const VFS_CAP_FLAGS_EFFECTIVE = 1;
/** XATTR_CAPS_SZ_2, XATTR_CAPS_SZ_3: with the id of the root that may use them at the end. */
const SIZE_2 = 20;
const SIZE_3 = 24;

/** Capabilities of a file (struct vfs_cap_data). */
export interface FileCaps {
  readonly permitted: CapSet;
  readonly inheritable: CapSet;
  readonly effective: boolean;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The root for whom the attribute counts, as stored: 0 for one of version 2; undefined where it is not understood. */
function storedRoot(bytes: Uint8Array): number | undefined {
  if (bytes.length < SIZE_2) return undefined;
  const revision = (viewOf(bytes).getUint32(0, true) & 0xff000000) >>> 0;
  if (revision === VFS_CAP_REVISION_2 && bytes.length === SIZE_2) return 0;
  return revision === VFS_CAP_REVISION_3 && bytes.length === SIZE_3 ? viewOf(bytes).getUint32(SIZE_2, true) : undefined;
}

/** rootid_owns_currentns(): `uid` is the root of the namespace or of one above it. */
function isRootAbove(uid: number | undefined, userNs: UserNamespace): boolean {
  if (uid === undefined) return false;
  for (let ns: UserNamespace | undefined = userNs; ns !== undefined; ns = ns.parent) if (fromKernelId(ns, "uidMap", uid) === 0) return true;
  return false;
}

/** The same capabilities with a root in front of whom they count, or of version 2 without. */
function withRoot(bytes: Uint8Array, root: number | undefined): Uint8Array {
  const made = new Uint8Array(root === undefined ? SIZE_2 : SIZE_3);
  made.set(bytes.subarray(0, SIZE_2));
  const v = viewOf(made);
  const flags = v.getUint32(0, true) & 0x00ffffff;
  v.setUint32(0, (root === undefined ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3) | flags, true);
  if (root !== undefined) v.setUint32(SIZE_2, root, true);
  return made;
}

/** The filesystem's user namespace, in whose ids the attribute is stored. */
const fsNs = (inode: Inode, cred: Cred): UserNamespace => {
  if (inode.sb.userNs !== undefined) return inode.sb.userNs;
  let ns = cred.userNs;
  while (ns.parent !== undefined) ns = ns.parent;
  return ns;
};

/** get_vfs_caps_from_disk(): undefined where there are none, or none that count in the namespace of `cred`. */
export function readFileCaps(inode: Inode, cred: Cred): FileCaps | undefined {
  const bytes = inode.findxattr(CAPS_XATTR);
  const root = bytes === undefined ? undefined : storedRoot(bytes);
  if (bytes === undefined || root === undefined) return undefined;
  if (!isRootAbove(toKernelId(fsNs(inode, cred), "uidMap", root), cred.userNs)) return undefined;
  const v = viewOf(bytes);
  const set = (at: number): CapSet => (BigInt(v.getUint32(at, true)) | (BigInt(v.getUint32(at + 8, true)) << 32n)) & CAP_FULL_SET;
  return { permitted: set(4), inheritable: set(8), effective: (v.getUint32(0, true) & VFS_CAP_FLAGS_EFFECTIVE) !== 0 };
}

/**
 * cap_convert_nscap(): what is stored for an attribute that `cred` sets. Outside of the filesystem's own user namespace it counts for the
 * root of the setter's namespace only. Errors: EINVAL; EPERM without CAP_SETFCAP over the inode.
 */
export function storeFileCaps(inode: Inode, cred: Cred, value: Uint8Array): Uint8Array {
  const given = storedRoot(value);
  if (given === undefined) throw EINVAL;
  if (!capableToward(cred, inode, CAP_SETFCAP)) throw EPERM;
  const ns = fsNs(inode, cred);
  if (value.length === SIZE_2 && nsCapable(cred, ns, CAP_SETFCAP)) return value.slice();
  const kernelRoot = toKernelId(cred.userNs, "uidMap", given);
  const stored = kernelRoot === undefined ? undefined : fromKernelId(ns, "uidMap", kernelRoot);
  if (stored === undefined) throw EINVAL;
  return withRoot(value, stored);
}

/** cap_inode_getsecurity(): the attribute as `cred` reads it. Errors: EOVERFLOW where its root has no number there. */
export function showFileCaps(inode: Inode, cred: Cred, bytes: Uint8Array): Uint8Array {
  const stored = storedRoot(bytes);
  if (stored === undefined) return bytes.slice();
  const kernelRoot = toKernelId(fsNs(inode, cred), "uidMap", stored);
  const shown = kernelRoot === undefined ? undefined : fromKernelId(cred.userNs, "uidMap", kernelRoot);
  if (shown !== undefined && shown !== 0) return withRoot(bytes, shown);
  if (!isRootAbove(kernelRoot, cred.userNs)) throw EOVERFLOW;
  return withRoot(bytes, undefined);
}

export interface ExecIds {
  /** From the set-user-ID and set-group-ID bits; the task's own where they do not count. */
  readonly euid: number;
  readonly egid: number;
  /** File capabilities that count. */
  readonly caps: FileCaps | undefined;
  /** Nothing may be gained after all: no_new_privs, or a tracer who could not have done it himself. */
  readonly mayGain: boolean;
}

/**
 * The credentials after execve: "Transformation of capabilities during execve()", Linux `cap_bprm_creds_from_file`, and whether the
 * program is to be careful (AT_SECURE). Errors: EPERM for a file that needs capabilities which the bounding set has not.
 */
export function credAfterExec(old: Cred, ids: ExecIds): { readonly cred: Cred; readonly secure: boolean } {
  let { euid, egid } = ids;
  const { caps } = ids;
  const root = toKernelId(old.userNs, "uidMap", 0);
  let permitted = caps === undefined ? 0n : (caps.permitted & old.bounding) | (caps.inheritable & old.inheritable);
  let effective = caps?.effective === true;
  if (effective && ((caps?.permitted ?? 0n) & ~permitted) !== 0n) throw EPERM;
  const rootCounts = (old.securebits & SECBIT_NOROOT) === 0;
  // A set-user-ID root program with file capabilities of its own gets these alone, unless root runs it.
  if (rootCounts && (euid === root || old.uid === root) && !(caps !== undefined && old.uid !== root && euid === root)) {
    permitted = old.bounding | old.inheritable;
    if (euid === root) effective = true;
  }
  const setsId = euid !== old.uid || egid !== old.gid;
  if ((setsId || (permitted & ~old.permitted) !== 0n) && !ids.mayGain) {
    euid = old.uid;
    egid = old.gid;
    permitted &= old.permitted;
  }
  const ambient = caps !== undefined || setsId ? 0n : old.ambient;
  permitted |= ambient;
  const cred = {
    ...old,
    euid,
    egid,
    suid: euid,
    sgid: egid,
    fsuid: euid,
    fsgid: egid,
    permitted,
    effective: effective ? permitted : ambient,
    ambient,
    securebits: old.securebits & ~SECBIT_KEEP_CAPS,
  };
  const grew = (permitted & ~ambient) !== 0n;
  return { cred, secure: setsId || (old.uid !== root && (effective || grew)) };
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
