/** iptables(8) 1.8.9, the "legacy" one: rules of IPv4, which it reads and replaces a table at a time. */

import type { Executable } from "../executable.ts";
import { framed, takeLock } from "../iptables/frame.ts";
import { IPTABLES_HELP } from "../iptables/help.ts";
import { Names } from "../iptables/names.ts";
import { CommandLine, type IptRequest, VERSION } from "../iptables/parse.ts";
import { runRequest } from "../iptables/run.ts";
import { TableError, TableHandle } from "../iptables/tables.ts";
import { type Command, command } from "../libc/command.ts";
import type { Proc } from "../../abi/sys.ts";

const PROGRAM = "iptables";

function* run(c: Command): Proc<number> {
  return yield* framed(
    c,
    PROGRAM,
    () => undefined,
    function* () {
      const names = yield* Names.load(c.sys);
      const line = new CommandLine(c.sys, names, c.args, PROGRAM, IPTABLES_HELP);
      let request: IptRequest;
      try {
        request = yield* line.parse();
      } finally {
        for (const note of line.notes) yield* c.eprint(note);
      }
      yield* takeLock(c);
      try {
        const table = yield* TableHandle.open(c.sys, request.table);
        if (yield* runRequest(c, names, table, request)) yield* table.commit();
        return 0;
      } catch (e) {
        if (!(e instanceof TableError)) throw e;
        yield* c.eprint(`${PROGRAM} ${VERSION}: can't initialize iptables table \`${request.table}': ${e.text}\n`);
        yield* c.eprint("Perhaps iptables or your kernel needs to be upgraded.\n");
        return 3;
      }
    },
  );
}

export const iptables: Executable = {
  name: "iptables",
  main: command({ help: "" }, run),
  paths: ["/usr/sbin/iptables", "/usr/sbin/iptables-legacy"],
  needed: ["libxtables.so.12", "libip4tc.so.2", "libip6tc.so.2", "libc.so.6"],
  sizeBytes: 91_112,
};
