/** uptime(1) of procps-ng: how long the system has been running. Left out: the users of utmp, which nobody writes here. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { clock } from "../libc/clock.ts";
import { type Command, command } from "../libc/command.ts";
import { help as helpOf } from "../libc/help.ts";
import { readLoadavg, readUptime, uptimeText } from "../libc/libproc.ts";
import { procpsGetopt } from "../libc/procps.ts";
import { strftime } from "../libc/strftime.ts";

const usage = `
Usage:
 uptime [options]

Options:
 -p, --pretty   show uptime in pretty format
 -h, --help     display this help and exit
 -s, --since    system up since
 -V, --version  output version information and exit

For more details see uptime(1).
`;

/** `up 1 week, 2 days, 3 hours, 4 minutes`. */
function pretty(uptimeSec: number): string {
  const minutes = Math.floor(uptimeSec / 60);
  const parts: string[] = [];
  const add = (n: number, word: string): void => {
    if (n > 0) parts.push(`${n} ${word}${n > 1 ? "s" : ""}`);
  };
  const years = Math.floor(minutes / 60 / 24 / 365);
  add(Math.floor(years / 10), "decade");
  add(years % 10, "year");
  add(Math.floor(minutes / 60 / 24 / 7) % 52, "week");
  add(Math.floor(minutes / 60 / 24) % 7, "day");
  add(Math.floor(minutes / 60) % 24, "hour");
  if (minutes % 60 > 0 || uptimeSec < 60) parts.push(`${minutes % 60} minute${minutes % 60 === 1 ? "" : "s"}`);
  return `up ${parts.join(", ")}`;
}

const timeAt = (format: string, sec: number): string => strftime(format, { sec: Math.floor(sec), nsec: 0 });

/** The line that top and w begin with too. */
export function* uptimeLine(c: Command): Proc<string> {
  const { uptimeSec } = yield* readUptime(c.sys);
  const loads = yield* readLoadavg(c.sys);
  const now = yield* clock(c.sys);
  const users = c.voice === "busybox" ? " 0 users" : " 0 user";
  return ` ${timeAt("%H:%M:%S", now)} up ${uptimeText(uptimeSec)}, ${users},  load average: ${loads.slice(0, 3).join(", ")}`;
}

function* run(c: Command): Proc<number> {
  if (c.voice === "busybox") {
    yield* c.getopt({ short: "" });
    yield* c.print(`${yield* uptimeLine(c)}\n`);
    return 0;
  }
  const { options, operands } = yield* procpsGetopt(
    c,
    {
      short: "phsV",
      long: [
        { name: "pretty", as: "p" },
        { name: "since", as: "s" },
      ],
    },
    usage,
  );
  if (options.some((o) => o.name === "h")) {
    yield* c.print(usage);
    return 0;
  }
  if (operands.length > 0) {
    yield* c.eprint(usage);
    return 1;
  }
  const { uptimeSec } = yield* readUptime(c.sys);
  const last = options.at(-1)?.name;
  if (last === "p") yield* c.print(`${pretty(uptimeSec)}\n`);
  else if (last === "s") yield* c.print(`${timeAt("%Y-%m-%d %H:%M:%S", (yield* clock(c.sys)) - uptimeSec)}\n`);
  else yield* c.print(`${yield* uptimeLine(c)}\n`);
  return 0;
}

export const uptime: Executable = {
  name: "uptime",
  main: command({ help: helpOf("uptime [options]", "uptime\n\nDisplay the time since the last boot") }, run),
  paths: ["/usr/bin/uptime"],
  needed: ["libproc2.so.0", "libc.so.6"],
  sizeBytes: 14648,
  applet: "/usr/bin/uptime",
};
