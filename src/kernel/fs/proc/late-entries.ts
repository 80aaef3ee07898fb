/** The entries that come as a module: see `module.ts`. They tell of the network, so it is set up with them. */

import { NET } from "../../net/module.ts";
import { type Module, requestModule } from "../../task/module.ts";
import { classEntries, hardwareAndVirtual } from "../sysfs/net.ts";
import type { LateEntries } from "./module.ts";
import { netEntries } from "./net.ts";
import { sysEntries } from "./sys.ts";
import { sysvipcEntries } from "./sysvipc.ts";

export const lateEntriesModule: Module<LateEntries> = {
  init(system) {
    requestModule(system, NET);
    return { sys: sysEntries, sysvipc: sysvipcEntries, net: netEntries, sysfsClass: classEntries, sysfsDevices: hardwareAndVirtual };
  },
};
