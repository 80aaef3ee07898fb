/**
 * ip6tables(8), ip6tables-save(8), ip6tables-restore(8) 1.8.9 (legacy), for a kernel without rules for IPv6, as this one is: what they say where ip6_tables is not there.
 */

import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";

const VERSION = "v1.8.9 (legacy)";

const usage = `Usage: ip6tables [-t table] -L|-S|-A|-D|-I|-F … [options]
Rules for packets of IPv6. This kernel has no tables for them.`;

function* noTable(c: Command, program: string, table: string): Proc<number> {
  yield* c.eprint(
    `${program} ${VERSION}: can't initialize ip6tables table \`${table}': Table does not exist (do you need to insmod?)\n` +
      "Perhaps ip6tables or your kernel needs to be upgraded.\n",
  );
  return 3;
}

function* run(c: Command): Proc<number> {
  const { args } = c;
  if (args.some((arg) => arg === "-V" || arg === "--version")) {
    yield* c.print(`ip6tables ${VERSION}\n`);
    return 0;
  }
  if (args.some((arg) => arg === "-h" || arg === "--help")) return yield* c.help();
  const at = args.findIndex((arg) => arg === "-t" || arg === "--table");
  const table = at < 0 ? "filter" : (args[at + 1] ?? "filter");
  if (args.length === 0 || (at >= 0 && args.length <= 2)) {
    yield* c.eprint(`ip6tables ${VERSION}: no command specified\nTry \`ip6tables -h' or 'ip6tables --help' for more information.\n`);
    return 2;
  }
  return yield* noTable(c, "ip6tables", table);
}

export const ip6tables: Executable = {
  name: "ip6tables",
  main: command({ help: usage }, run),
  paths: ["/usr/sbin/ip6tables", "/usr/sbin/ip6tables-legacy"],
  needed: ["libxtables.so.12", "libip4tc.so.2", "libip6tc.so.2", "libc.so.6"],
  sizeBytes: 91_112,
};

/** There is no table in use, so nothing is saved. */
export const ip6tablesSave: Executable = {
  name: "ip6tables-save",
  *main() {
    return 0;
  },
  paths: ["/usr/sbin/ip6tables-save", "/usr/sbin/ip6tables-legacy-save"],
  needed: ["libxtables.so.12", "libip4tc.so.2", "libip6tc.so.2", "libc.so.6"],
  sizeBytes: 91_112,
};

export const ip6tablesRestore: Executable = {
  name: "ip6tables-restore",
  main: command({ help: usage }, function* (c) {
    const text = decodeUtf8(yield* c.stdin.readAll());
    const [, table] = /^\*(\S+)/m.exec(text) ?? [];
    return table === undefined ? 0 : yield* noTable(c, "ip6tables-restore", table);
  }),
  paths: ["/usr/sbin/ip6tables-restore", "/usr/sbin/ip6tables-legacy-restore"],
  needed: ["libxtables.so.12", "libip4tc.so.2", "libip6tc.so.2", "libc.so.6"],
  sizeBytes: 91_112,
};
