/** /proc/net/route as route(8) and `netstat -r` print it: net-tools `lib/inet_gr.c`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { readProcFile } from "../libc/libproc.ts";
import { textOfHex } from "./names.ts";

const FLAGS: readonly (readonly [bit: number, letter: string])[] = [
  ...([
    [0x1, "U"],
    [0x2, "G"],
    [0x200, "!"],
    [0x4, "H"],
    [0x8, "R"],
    [0x10, "D"],
    [0x20, "M"],
  ] as const),
];
const REJECT = 0x200;

/** Those of route(8), of `netstat -r`, or of `route -ee`: all. */
export type RouteColumns = "route" | "netstat" | "all";

export function* routeTable(sys: Sys, columns: RouteColumns, numeric: boolean): Proc<string> {
  const lines = ((yield* readProcFile(sys, "/proc/net/route")) ?? "").split("\n").slice(1);
  let text = "Kernel IP routing table\nDestination     Gateway         Genmask         ";
  if (columns === "netstat") text += "Flags   MSS Window  irtt Iface\n";
  else text += `Flags Metric Ref    Use Iface${columns === "all" ? "    MSS   Window irtt" : ""}\n`;
  for (const line of lines) {
    const [
      device = "",
      destination = "",
      gateway = "",
      flagText = "0",
      references = "0",
      use = "0",
      metric = "0",
      mask = "",
      mss = "0",
      window = "0",
      irtt = "0",
    ] = line.trim().split(/\s+/);
    if (destination === "") continue;
    const flags = Number.parseInt(flagText, 16);
    const reject = (flags & REJECT) !== 0;
    const letters = reject
      ? (flags & 4) !== 0
        ? "!H"
        : "!"
      : FLAGS.filter(([bit]) => (flags & bit) !== 0)
          .map(([, letter]) => letter)
          .join("");
    const to = textOfHex(destination);
    const name = !numeric && to === "0.0.0.0" && textOfHex(mask) === "0.0.0.0" ? "default" : to;
    const via = reject ? "-" : textOfHex(gateway);
    text += `${name.padEnd(15)} ${via.padEnd(15)} ${textOfHex(mask).padEnd(15)} `;
    if (columns === "netstat")
      text += reject
        ? `${letters.padEnd(6)}    - -          - -\n`
        : `${letters.padEnd(6)}${mss.padStart(5)} ${window.padEnd(6)}  ${irtt.padStart(4)} ${device}\n`;
    else
      text += reject
        ? `${letters.padEnd(5)} ${metric.padEnd(6)} ${"-".padEnd(2)} ${use.padStart(7)} -\n`
        : `${letters.padEnd(5)} ${metric.padEnd(6)} ${references.padEnd(2)} ${use.padStart(7)} ${columns === "all" ? `${device.padEnd(8)} ${mss.padEnd(5)} ${window.padEnd(6)} ${irtt}` : device}\n`;
  }
  return text;
}
