/** What the network gives to the rest of the kernel. Its code (`net.ts` and all below it) is a module: `task/module.ts`. */

import type { SocketIoctls } from "../../abi/sockios.ts";
import type { UserNamespace } from "../ns/user.ts";
import type { ModuleName } from "../task/module.ts";
import type { Task } from "../task/task.ts";
import type { NetCore } from "./core.ts";
import type { NetNamespace } from "./net-namespace.ts";
import type { SocketFamily } from "./socket.ts";

export interface NetModule {
  readonly core: NetCore;
  /** Address families by number, without AF_UNIX, which is built in. */
  readonly families: ReadonlyMap<number, SocketFamily>;
  /** Requests about devices, by way of any socket. Errors: netdevice(7). */
  deviceIoctl(task: Task, request: keyof SocketIoctls, arg: unknown): unknown;
  /** A namespace with nothing but its loopback device, which is down. */
  newNamespace(this: void, ino: number, userNs: UserNamespace): NetNamespace;
}

export const NET: ModuleName<NetModule> = { name: "net" };
