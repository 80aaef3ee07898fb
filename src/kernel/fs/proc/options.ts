/** The options of a proc mount, hidepid, gid and subset: proc(5), Linux `fs/proc/root.c`, `fs/proc/base.c`. */

import { EINVAL } from "../../../abi/errno.ts";
import { inGroup } from "../../ns/user.ts";
import { mayPtrace } from "../../task/ptrace-access.ts";
import type { Task } from "../../task/task.ts";

/** Who sees the processes of others: everybody; their names only; not even that; only who may trace them. */
type HidePid = "off" | "noaccess" | "invisible" | "ptraceable";

const HIDEPID: Readonly<Record<string, HidePid>> = {
  "0": "off",
  "1": "noaccess",
  "2": "invisible",
  "4": "ptraceable",
  off: "off",
  noaccess: "noaccess",
  invisible: "invisible",
  ptraceable: "ptraceable",
};

/** Of one instance; a remount changes what it names. */
export class ProcOptions {
  hidepid: HidePid = "off";
  /** Members of this group see everything all the same. */
  gid = 0;
  /** subset=pid: nothing but processes. */
  pidsOnly = false;

  /** Errors: EINVAL; then nothing has changed. */
  apply(data: string): void {
    let { hidepid, gid, pidsOnly } = this;
    for (const option of data.split(",")) {
      if (option === "") continue;
      const [name, value = ""] = option.split("=");
      const hide = HIDEPID[value];
      if (name === "hidepid" && hide !== undefined) hidepid = hide;
      else if (name === "gid" && /^[0-9]+$/.test(value)) gid = Number(value);
      else if (name === "subset" && value === "pid") pidsOnly = true;
      else throw EINVAL;
    }
    Object.assign(this, { hidepid, gid, pidsOnly });
  }

  show(): string {
    const { hidepid, gid, pidsOnly } = this;
    return `${gid === 0 ? "" : `,gid=${gid}`}${hidepid === "off" ? "" : `,hidepid=${hidepid}`}${pidsOnly ? ",subset=pid" : ""}`;
  }

  /** has_pid_permissions(): whether `reader` may look into what tells about `task`. */
  mayLookInto(task: Task, reader: Task): boolean {
    if (this.hidepid === "off") return true;
    if (this.hidepid !== "ptraceable" && inGroup(reader.cred, this.gid)) return true;
    return mayPtrace(reader, task, "fs");
  }

  /** Whether `reader` may know that there is a `task`. */
  maySee(task: Task, reader: Task): boolean {
    return this.hidepid === "noaccess" || this.mayLookInto(task, reader);
  }
}
