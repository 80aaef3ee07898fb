/** The options of an overlay mount: the kernel's `Documentation/filesystems/overlayfs.rst`, Linux 6.1 `fs/overlayfs/super.c:ovl_parse_opt`. */

import { EINVAL } from "../../../abi/errno.ts";

/** `on` makes redirects and follows them; `off` and `follow` follow those that are there; `nofollow` refuses them. */
export type RedirectMode = "on" | "off" | "follow" | "nofollow";

export interface OverlayOptions {
  /** As given, with its escapes. */
  lowerdir?: string;
  upperdir?: string;
  workdir?: string;
  redirectDir: RedirectMode;
  /** redirect_dir= was given. */
  redirectGiven: boolean;
  xino: "off" | "auto" | "on";
  uuid: boolean;
  defaultPermissions: boolean;
  /** Attributes of the layers are `user.overlay.*` in place of `trusted.overlay.*`. */
  userxattr: boolean;
  /** Nothing is synced to the upper filesystem. */
  volatile: boolean;
}

/** Where the kernel says why a mount failed. */
export interface Complaints {
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
}

/** Splits at commas that no backslash stands before (ovl_next_opt). The backslashes stay. */
function splitOptions(data: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i <= data.length; i++) {
    if (data[i] === "\\") i++;
    else if (i === data.length || data[i] === ",") {
      parts.push(data.slice(start, i));
      start = i + 1;
    }
  }
  if (start <= data.length && parts.join(",").length < data.length) parts.push(data.slice(start));
  return parts.filter((part) => part !== "");
}

/** Options of Linux that are not built, with the values that ask for them. */
// Differs from Linux: index=on, nfs_export=on and metacopy=on are refused.
const NOT_BUILT = new Set(["index=on", "nfs_export=on", "metacopy=on"]);
const ACCEPTED = new Set(["index=off", "nfs_export=off", "metacopy=off"]);

/** Errors: EINVAL for an unknown option or a bad value. */
export function parseOverlayOptions(data: string, log: Complaints): OverlayOptions {
  const options: OverlayOptions = {
    redirectDir: "off",
    redirectGiven: false,
    xino: "off",
    uuid: true,
    defaultPermissions: false,
    userxattr: false,
    volatile: false,
  };
  const notBuilt: string[] = [];
  for (const part of splitOptions(data)) {
    if (NOT_BUILT.has(part)) notBuilt.push(part);
    else if (!ACCEPTED.has(part) && !applyOption(options, part, log)) {
      log.error(`unrecognized mount option "${part}" or missing value`);
      throw EINVAL;
    }
  }
  settle(options, notBuilt, log);
  return options;
}

/** Returns false for what is no option. */
function applyOption(options: OverlayOptions, part: string, log: Complaints): boolean {
  const equals = part.indexOf("=");
  const name = equals < 0 ? part : part.slice(0, equals);
  const value = equals < 0 ? undefined : part.slice(equals + 1);
  switch (name) {
    case "lowerdir":
    case "upperdir":
    case "workdir":
      if (value === undefined) return false;
      // An empty lowerdir counts as none.
      if (value === "") delete options[name];
      else options[name] = value;
      return true;
    case "redirect_dir":
      if (value === undefined) return false;
      if (value !== "on" && value !== "off" && value !== "follow" && value !== "nofollow") {
        log.error(`bad mount option "redirect_dir=${value}"`);
        throw EINVAL;
      }
      options.redirectDir = value;
      options.redirectGiven = true;
      return true;
    case "xino":
      if (value !== "on" && value !== "off" && value !== "auto") return false;
      options.xino = value;
      return true;
    case "uuid":
      if (value !== "on" && value !== "off") return false;
      options.uuid = value === "on";
      return true;
    case "default_permissions":
      options.defaultPermissions = true;
      return value === undefined;
    case "userxattr":
      options.userxattr = true;
      return value === undefined;
    case "volatile":
      options.volatile = true;
      return value === undefined;
    default:
      return false;
  }
}

/** What goes together, and what means nothing without an upper layer. */
function settle(options: OverlayOptions, notBuilt: readonly string[], log: Complaints): void {
  let refused = notBuilt;
  if (options.upperdir === undefined) {
    if (options.workdir !== undefined) {
      log.info(`option "workdir=${options.workdir}" is useless in a non-upper mount, ignore`);
      delete options.workdir;
    }
    if (refused.includes("index=on")) {
      log.info('option "index=on" is useless in a non-upper mount, ignore');
      refused = refused.filter((option) => option !== "index=on");
    }
    if (options.volatile) {
      log.info('option "volatile" is meaningless in a non-upper mount, ignoring it.');
      options.volatile = false;
    }
  }
  if (options.userxattr) {
    if (options.redirectGiven && options.redirectDir === "on") {
      log.error("conflicting options: userxattr,redirect_dir=on");
      throw EINVAL;
    }
    if (refused.includes("metacopy=on")) {
      log.error("conflicting options: userxattr,metacopy=on");
      throw EINVAL;
    }
    // Whoever may write user.* attributes could lead a redirect anywhere.
    if (!options.redirectGiven) options.redirectDir = "nofollow";
  }
  if (refused.length > 0) {
    log.error(`${refused.join(",")} is not supported by this kernel`);
    throw EINVAL;
  }
}

/** The directories of lowerdir=: split at colons, `\:` and `\\` stand for themselves (ovl_split_lowerdirs). */
export function splitLowerdirs(lowerdir: string): string[] {
  const dirs: string[] = [];
  let name = "";
  for (let i = 0; i < lowerdir.length; i++) {
    const c = lowerdir[i] as string;
    if (c === "\\" && i + 1 < lowerdir.length) name += lowerdir[++i] as string;
    else if (c === ":") {
      dirs.push(name);
      name = "";
    } else name += c;
  }
  return [...dirs, name];
}

/** ovl_unescape(): of upperdir= and workdir=. */
export const unescapeDir = (name: string): string => name.replace(/\\(.)/gs, "$1");

/** seq_show_option(): what would be taken for a separator is written in octal. */
const shown = (value: string): string => value.replace(/[, \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);

/** As /proc/mounts shows them. `sameFs`: all layers are of one filesystem, where xino= means nothing. */
export function showOverlayOptions(options: OverlayOptions, sameFs: boolean): string {
  let text = `,lowerdir=${shown(options.lowerdir as string)}`;
  if (options.upperdir !== undefined) text += `,upperdir=${shown(options.upperdir)},workdir=${shown(options.workdir as string)}`;
  if (options.defaultPermissions) text += ",default_permissions";
  const redirect = options.userxattr && !options.redirectGiven ? "off" : options.redirectDir;
  if (redirect !== "off") text += `,redirect_dir=${redirect}`;
  if (!options.uuid) text += ",uuid=off";
  if (options.xino !== "off" && !sameFs) text += `,xino=${options.xino}`;
  if (options.volatile) text += ",volatile";
  if (options.userxattr) text += ",userxattr";
  return text;
}
