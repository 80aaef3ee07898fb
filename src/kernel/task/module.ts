/**
 * Parts of the kernel that nobody needs before the first prompt, as modules: Linux `kernel/module/kmod.c`. A module is asked for by name where
 * its part begins (a socket of a family, a mount of a type, a file of proc). From then on it is there; nothing unloads it.
 *
 * The code of a module may still be on its way. Then the machine's clock stops in the middle of the system call that asks, and when the code
 * is there the call is made again: nothing in the machine can tell. So whoever asks has changed nothing yet.
 *
 * Differs from Linux: modules are not seen from inside the machine (lsmod, /proc/modules, dmesg); what they bring counts as built in.
 */

import { Errno } from "../../abi/errno.ts";
import type { System } from "./system.ts";

/** Never leaves the kernel: the call meets code that is not there. The gate stops the clock and makes the call again. */
export const ELOADING = new Errno(0, "ELOADING", "Code is being loaded");

/** A module as others know it: `T` is what it gives to them. Declared beside those who use it, so that they need not import what is behind it. */
export interface ModuleName<T> {
  readonly name: string;
  /** Never set: it holds the type. */
  readonly gives?: T;
}

/** A module as it is loaded. */
export interface Module<T> {
  /** module_init(): sets the part up in one machine, at the instant when it is first asked for. */
  init(system: System): T;
}

/** Undefined while the code is not there. */
export type FindModule = <T>(module: ModuleName<T>) => Module<T> | undefined;

/** What the module gives; sets it up if it is the first time. Errors: ELOADING. */
export function requestModule<T>(system: System, module: ModuleName<T>): T {
  const live = findModule(system, module);
  if (live !== undefined) return live;
  const code = system.findModuleCode(module);
  if (code === undefined) {
    system.stalledFor = { kind: "module", name: module.name };
    throw ELOADING;
  }
  const gives = code.init(system);
  system.modules.set(module.name, gives);
  return gives;
}

/** What the module gives, if it was asked for before. */
export function findModule<T>(system: System, { name }: ModuleName<T>): T | undefined {
  return system.modules.get(name) as T | undefined;
}
