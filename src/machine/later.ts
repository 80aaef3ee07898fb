/**
 * What the machine is made of beyond the first prompt: the modules of the kernel, and what frames tell of the network and of containers. Loaded at once, except in the
 * page's worker: there the build (vite.config.ts) puts this into the chunk of the programs, and `later` is undefined until the chunk has come.
 */

import { findBuiltIn } from "../kernel/modules.ts";
import { NET, type NetModule } from "../kernel/net/module.ts";
import { netModule } from "../kernel/net/net.ts";
import type { FindModule, Module, ModuleName } from "../kernel/task/module.ts";
import { ContainerSource } from "./frame/containers.ts";
import { NetworkSource } from "./frame/network.ts";
import { PacketSource } from "./frame/packets.ts";
import { inspectNetwork } from "./inspect-network.ts";
import { plugIn } from "./world/uplink.ts";

export interface Later {
  readonly findModule: FindModule;
  readonly ContainerSource: typeof ContainerSource;
  readonly NetworkSource: typeof NetworkSource;
  readonly PacketSource: typeof PacketSource;
  readonly inspectNetwork: typeof inspectNetwork;
}

/** The network of the machine, with its card plugged into the world outside. */
const pluggedIn: Module<NetModule> = {
  init(system) {
    const net = netModule.init(system);
    plugIn(net);
    return net;
  },
};

function findModule<T>(module: ModuleName<T>): Module<T> | undefined {
  return module.name === NET.name ? (pluggedIn as Module<unknown> as Module<T>) : findBuiltIn(module);
}

export const later: Later | undefined = { findModule, ContainerSource, NetworkSource, PacketSource, inspectNetwork };

/** Blocks until `later` is there. */
export async function loadLater(): Promise<void> {}
