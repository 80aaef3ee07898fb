/** `--user` looked up in the container's own /etc/passwd and /etc/group. moby `daemon/oci_linux.go` getUser, runc `libcontainer/user`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { optional, readText } from "../../userland/libc/unistd.ts";
import type { SpecUser } from "../../runtime/spec.ts";
import { systemError } from "../errors.ts";
import { pathInRoot } from "../rootfs-path.ts";

function* table(sys: Sys, rootfs: string, path: string): Proc<string[][]> {
  const text = yield* optional(readText(sys, yield* pathInRoot(sys, rootfs, path)));
  return (text ?? "")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

const isNumber = (text: string): boolean => /^\d+$/.test(text);

/** `name`, `uid`, `name:group` or `uid:gid`; empty is root. Errors: system, in runc's words. */
export function* findUser(sys: Sys, rootfs: string, text: string, groupAdd: readonly string[]): Proc<SpecUser> {
  const users = yield* table(sys, rootfs, "/etc/passwd");
  const groups = yield* table(sys, rootfs, "/etc/group");
  const [userText = "", groupText = ""] = text.split(":", 2);
  const wanted = userText === "" ? "0" : userText;
  const entry = users.find(([name]) => name === wanted) ?? (isNumber(wanted) ? users.find(([, , uid]) => uid === wanted) : undefined);
  if (entry === undefined && !isNumber(wanted)) throw systemError(`unable to find user ${wanted}: no matching entries in passwd file`);
  const uid = Number(entry?.[2] ?? wanted);
  let gid = Number(entry?.[3] ?? "0");
  let additionalGids: number[] = [];
  if (groupText !== "") gid = groupId(groups, groupText, "unable");
  else if (entry !== undefined)
    additionalGids = groups
      .filter(([, , , members]) => (members ?? "").split(",").includes(entry[0] as string))
      .map(([, , id]) => Number(id));
  const more = groupAdd.map((name) => groupId(groups, name, "Unable"));
  return { uid, gid, additionalGids: [gid, ...additionalGids, ...more] };
}

/** Errors: system, in the words of the place where it was asked for. */
function groupId(groups: readonly string[][], text: string, where: "unable" | "Unable"): number {
  const entry = groups.find(([name]) => name === text);
  if (entry !== undefined) return Number(entry[2]);
  if (isNumber(text)) return Number(text);
  throw systemError(`${where} to find group ${text}: no matching entries in group file`);
}
