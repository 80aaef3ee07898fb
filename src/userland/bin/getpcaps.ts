/** getpcaps(8) of libcap: the capabilities of processes. */

import type { CapSet } from "../../abi/capability.ts";
import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { capToText, iabText } from "../caps/text.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { readText } from "../libc/unistd.ts";

const usage = `usage: getcaps [opts] <pid> [<pid> ...]

  This program displays the capabilities on the queried process(es).
  The capabilities are displayed in the cap_from_text(3) format.

  Optional arguments:
     --help, -h or --usage display this message.
     --verbose             use a more verbose output format.
     --ugly or --legacy    use the archaic legacy output format.
     --iab                 show IAB of process too.
     --license             display license info
`;

/** The IAB vectors, which no system call tells of another process. */
function* iabOf(c: Command, pid: number): Proc<string> {
  const status = yield* readText(c.sys, `/proc/${pid}/status`);
  const set = (name: string): CapSet => BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1] ?? "0"}`);
  return iabText(set("CapInh"), set("CapAmb"), set("CapBnd"));
}

function* show(c: Command, word: string, style: string, iab: boolean): Proc<boolean> {
  if (!/^[0-9]+$/.test(word)) {
    yield* c.eprint(`Cannot parse pid ${word}: (Invalid argument)\n`);
    return false;
  }
  const pid = Number(word);
  try {
    const text = capToText(yield* c.sys.capget(pid));
    const shown = iab ? `"${text}" [${yield* iabOf(c, pid)}]` : text;
    if (style === "verbose") yield* c.print(`Capabilities for '${pid}': ${shown}\n`);
    else if (style === "ugly") yield* c.eprint(`Capabilities for \`${pid}': ${shown}\n`);
    else yield* c.print(`${pid}: ${shown}\n`);
    return true;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.eprint(`Failed to get cap's for process ${pid}: (${e.message})\n`);
    return false;
  }
}

function* run(c: Command): Proc<number> {
  let status = 0;
  let style = "";
  let iab = false;
  if (c.args.length === 0) {
    yield* c.eprint(usage);
    return 1;
  }
  for (const word of c.args) {
    if (word === "--help" || word === "--usage" || word === "-h") {
      yield* c.eprint(usage);
      return 0;
    }
    if (word === "--license") return yield* c.fail("--license is not built into this machine");
    if (word === "--verbose") style = "verbose";
    else if (word === "--ugly" || word === "--legacy") style = "ugly";
    else if (word === "--iab") iab = true;
    else if (!(yield* show(c, word, style, iab))) status = 1;
  }
  return status;
}

export const getpcaps: Executable = {
  name: "getpcaps",
  main: command({ help: usage }, run),
  paths: ["/usr/sbin/getpcaps"],
  needed: ["libcap.so.2", "libc.so.6"],
  sizeBytes: 14576,
};
