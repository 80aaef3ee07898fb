/** ethtool(8): driver and settings of a device. Left out: everything but `ethtool DEV` and `-i`. */

import { Errno } from "../../abi/errno.ts";
import { AF_INET, SOCK_DGRAM } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";

const usage = `Usage:
        ethtool DEVNAME         settings of a device
        ethtool -i|--driver DEVNAME     its driver`;

function* bad(c: Command): Proc<number> {
  yield* c.eprint("ethtool: bad command line argument(s)\nFor more information run ethtool -h\n");
  return 1;
}

function* driver(c: Command, fd: number, name: string): Proc<number> {
  try {
    const info = yield* c.sys.ioctl(fd, "SIOCETHTOOL_GDRVINFO", name);
    yield* c.print(
      `driver: ${info.driver}\nversion: ${info.version}\nfirmware-version: ${info.firmwareVersion}\nexpansion-rom-version: \nbus-info: ${info.busInfo}\n`,
    );
    yield* c.print(`supports-statistics: ${info.driver === "veth" ? "yes" : "no"}\n`);
    for (const what of ["test", "eeprom-access", "register-dump", "priv-flags"]) yield* c.print(`supports-${what}: no\n`);
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.eprint(`Cannot get driver information: ${e.message}\n`);
    return 71;
  }
}

function* settings(c: Command, fd: number, name: string): Proc<number> {
  let link: boolean;
  try {
    link = yield* c.sys.ioctl(fd, "SIOCETHTOOL_GLINK", name);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.eprint(`netlink error: no device matches name (offset 24)\nnetlink error: ${e.message}\n`.repeat(5));
    yield* c.print("No data available\n");
    return 75;
  }
  yield* c.print(`Settings for ${name}:\n`);
  try {
    const { speed, fullDuplex } = yield* c.sys.ioctl(fd, "SIOCETHTOOL_GLINKSETTINGS", name);
    const { driver: kind } = yield* c.sys.ioctl(fd, "SIOCETHTOOL_GDRVINFO", name);
    const lines = [
      ...[
        "Supported ports: [  ]",
        "Supported link modes:   Not reported",
        "Supported pause frame use: No",
        "Supports auto-negotiation: No",
      ],
      ...["Supported FEC modes: Not reported", "Advertised link modes:  Not reported", "Advertised pause frame use: No"],
      ...["Advertised auto-negotiation: No", "Advertised FEC modes: Not reported"],
      `Speed: ${speed < 0 ? "Unknown!" : `${speed}Mb/s`}`,
      `Duplex: ${fullDuplex === undefined ? "Unknown! (255)" : fullDuplex ? "Full" : "Half"}`,
      "Auto-negotiation: off",
      ...(kind === "veth" ? ["Port: Twisted Pair"] : ["Port: Other"]),
      ...["PHYAD: 0", "Transceiver: internal"],
      ...(kind === "veth" ? ["MDI-X: Unknown"] : []),
    ];
    for (const line of lines) yield* c.print(`\t${line}\n`);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
  yield* c.print(`\tLink detected: ${link ? "yes" : "no"}\n`);
  return 0;
}

function* run(c: Command): Proc<number> {
  const [first, second] = c.args;
  if (first === undefined) return yield* bad(c);
  if (first === "-h" || first === "--help") return yield* c.help();
  const fd = yield* c.sys.socket(AF_INET, SOCK_DGRAM, 0);
  if (first === "-i" || first === "--driver") return second === undefined ? yield* bad(c) : yield* driver(c, fd, second);
  if (first.startsWith("-")) return yield* bad(c);
  return yield* settings(c, fd, first);
}

export const ethtool: Executable = {
  name: "ethtool",
  main: command({ help: usage }, run),
  paths: ["/usr/sbin/ethtool"],
  needed: ["libmnl.so.0", "libc.so.6"],
  sizeBytes: 606_664,
};
