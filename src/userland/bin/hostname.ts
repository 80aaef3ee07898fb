/**
 * hostname(1) of Debian's hostname package: shows or sets the host name; names and addresses come from /etc/hosts.
 * Left out: NIS (-y), resolving by DNS, -A and -I, which need the addresses of network interfaces.
 */

import { EPERM, Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { optional, readText } from "../libc/unistd.ts";

const usage = `hostname [-b] {hostname|-F file}         set host name (from file)
       hostname [-a|-d|-f|-i|-s]                display formatted name
       hostname                                 display host name

Program options:
    -a, --alias            alias names
    -b, --boot             set default hostname if none available
    -d, --domain           DNS domain name
    -f, --fqdn, --long     long host name (FQDN)
    -F, --file             read host name from given file
    -i, --ip-address       addresses for the host name
    -s, --short            short host name`;

interface Host {
  readonly addresses: readonly string[];
  readonly canonical: string;
  readonly aliases: readonly string[];
}

/** What /etc/hosts says of `name`. */
function* lookUp(c: Command, name: string): Proc<Host> {
  const text = (yield* optional(readText(c.sys, "/etc/hosts"))) ?? "";
  const rows = text
    .split("\n")
    .map((line) =>
      line
        .replace(/#.*/, "")
        .split(/\s+/)
        .filter((word) => word !== ""),
    )
    .filter(([, ...names]) => names.includes(name));
  const [first] = rows;
  if (first === undefined) return yield* c.fail("Name or service not known");
  return { addresses: rows.map(([address = ""]) => address), canonical: first[1] ?? name, aliases: first.slice(2) };
}

function* set(c: Command, name: string): Proc<number> {
  try {
    yield* c.sys.sethostname(name);
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (c.voice === "busybox") yield* c.fail(`sethostname: ${e.message}`);
    return yield* c.fail(e === EPERM ? "you must be root to change the host name" : "name too long");
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const long = [
    { name: "alias", as: "a" },
    { name: "boot", as: "b" },
    { name: "domain", as: "d" },
    { name: "fqdn", as: "f" },
    { name: "long", as: "f" },
    { name: "file", arg: "required", as: "F" },
    { name: "ip-address", as: "i" },
    { name: "short", as: "s" },
  ] as const;
  const { options, operands } = yield* c.getopt({ short: gnu ? "abdfF:his" : "dfF:is", long: gnu ? long : [] });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) yield* c.help();
  const file = options.findLast((o) => o.name === "F")?.arg;
  const { nodename } = yield* c.sys.uname();
  if (file !== undefined) {
    let text: string;
    try {
      text = yield* readText(c.sys, file);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (has("b")) return yield* set(c, nodename === "(none)" ? "localhost" : nodename);
      return yield* c.fail(gnu ? e.message : `can't open '${file}': ${e.message}`);
    }
    const name = text.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#"));
    if (name !== undefined) return yield* set(c, name.trim());
    if (!has("b")) return 0;
  }
  const [name] = operands;
  if (operands.length > 1) throw new UsageError("");
  if (name !== undefined) {
    if (gnu && !/^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/.test(name)) yield* c.fail("the specified hostname is invalid");
    return yield* set(c, name);
  }
  let shown = nodename;
  if (has("s")) shown = nodename.replace(/\..*/, "");
  else if (has("i")) shown = (yield* lookUp(c, nodename)).addresses.join(" ");
  else if (has("f")) shown = (yield* lookUp(c, nodename)).canonical;
  else if (has("d")) shown = /\.(.*)/.exec((yield* lookUp(c, nodename)).canonical)?.[1] ?? "";
  else if (has("a")) shown = (yield* lookUp(c, nodename)).aliases.join(" ");
  if (shown !== "" || has("a") || has("i")) yield* c.print(`${shown}\n`);
  return 0;
}

export const hostname: Executable = {
  name: "hostname",
  paths: ["/usr/bin/hostname"],
  sizeBytes: 22680,
  applet: "/bin/hostname",
  main: command(
    { help: help(usage, "hostname [-sidf] [HOSTNAME | -F FILE]\n\nShow or set hostname or DNS domain name"), usageStatus: 255 },
    run,
  ),
};
