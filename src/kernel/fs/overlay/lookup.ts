/** Which layers have a name: Linux `fs/overlayfs/namei.c:ovl_lookup`. */

import { EPERM } from "../../../abi/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Dentry } from "../../vfs/dentry.ts";
import { lookup } from "../../vfs/namei.ts";
import type { OverlayInode } from "./inode.ts";
import type { LayerPath } from "./layer.ts";
import { isWhiteout } from "./private-xattr.ts";
import type { OverlaySuperBlock } from "./super.ts";

/** Where a name was found. */
export interface Found {
  readonly upper: Dentry | undefined;
  /** Topmost first: all that a directory is merged from, or the one file. */
  readonly lowers: readonly LayerPath[];
  /** What `upper` says about where the lower directories are. */
  readonly redirect: string | undefined;
}

/** A search that goes down through the layers. */
interface Search {
  /** A name, or after an absolute redirect a path from the roots of the layers. */
  name: string;
  isDir: boolean;
  /** What was found hides all below. */
  stop: boolean;
  redirect: string | undefined;
  /** Nothing is below: what a directory is marked with does not matter. */
  last: boolean;
}

/** The layers of `name` in `dir`; undefined where there is none, or a whiteout. Errors: EPERM for a redirect that may not be followed. */
export function lookupLayers(dir: OverlayInode, name: string, caller: Caller): Found | undefined {
  const { sb } = dir;
  const search: Search = { name, isDir: false, stop: false, redirect: undefined, last: !sb.followsRedirects && dir.lowers.length === 0 };
  let upper: Dentry | undefined;
  let stack = dir.lowers;
  if (dir.upper !== undefined) {
    upper = findIn(sb, dir.upper, search, caller);
    if (search.redirect?.startsWith("/") === true) stack = sb.rootLowers;
  }
  const { redirect } = search;
  const lowers: LayerPath[] = [];
  for (let i = 0; !search.stop && i < stack.length; i++) {
    const { layer, dentry } = stack[i] as LayerPath;
    search.last = sb.followsRedirects ? layer === sb.lowest : i === stack.length - 1;
    const found = findIn(sb, dentry, search, caller);
    if (found === undefined) continue;
    lowers.push({ layer, dentry: found });
    if (search.redirect?.startsWith("/") === true && stack !== sb.rootLowers) {
      stack = sb.rootLowers;
      i = stack.findIndex((at) => at.layer === layer);
    }
  }
  if (upper === undefined && lowers.length === 0) return undefined;
  return { upper, lowers, redirect };
}

/** ovl_lookup_layer(): the search's name, or path, below one directory of a layer. */
function findIn(sb: OverlaySuperBlock, base: Dentry, search: Search, caller: Caller): Dentry | undefined {
  if (!search.name.startsWith("/")) return findOne(sb, base, search, search.name, "", "", caller);
  let at = base;
  let done = "/";
  // The name may change on the way, by redirects of the directories that it leads through; what is still to come stays.
  for (let rest = search.name.slice(1); ; ) {
    const slash = rest.indexOf("/");
    const name = slash < 0 ? rest : rest.slice(0, slash);
    const after = slash < 0 ? "" : rest.slice(slash);
    const next = findOne(sb, at, search, name, done, after, caller);
    if (next === undefined || after === "") return next;
    if (!next.inode.isDirectory) return undefined;
    done = search.name.slice(0, search.name.length - after.length + 1);
    rest = after.slice(1);
    at = next;
  }
}

/** ovl_lookup_single(): one name; `before` and `after` are the parts of the search's path around it. */
function findOne(
  sb: OverlaySuperBlock,
  base: Dentry,
  search: Search,
  name: string,
  before: string,
  after: string,
  caller: Caller,
): Dentry | undefined {
  const found = lookup(caller, base, name);
  if (found === undefined) return undefined;
  if (isWhiteout(found.inode)) {
    search.stop = true;
    return undefined;
  }
  if (!found.inode.isDirectory) {
    search.stop = true;
    // A file below a directory is hidden by it.
    return search.isDir || after !== "" ? undefined : found;
  }
  if (after === "") search.isDir = true;
  if (search.last) return found;
  if (sb.marks.isSet(found.inode, "opaque")) {
    search.stop = true;
    return found;
  }
  const redirect = sb.marks.findRedirect(found.inode);
  if (redirect !== undefined && redirect !== "") {
    if (!sb.followsRedirects) {
      sb.complaints.warn(`refusing to follow redirect for (${before}${name})`);
      throw EPERM;
    }
    // An opaque directory on the way does not end the search for what an absolute redirect leads to.
    if (redirect.startsWith("/")) search.stop = false;
    search.name = redirect.startsWith("/") ? redirect + after : before + redirect + after;
    search.redirect = search.name;
  }
  return found;
}
