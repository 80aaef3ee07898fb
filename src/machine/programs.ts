/**
 * The code behind the notes in executables. Most programs are there from the start; rarely used ones come as chunks of their own, and an
 * execve that needs one stops the virtual clock until it is loaded.
 */

import type { Voice } from "../abi/sys.ts";
import type { ProgramLookup } from "../kernel/task/system.ts";
import { executables } from "./executables.ts";
import type { Executable } from "../userland/executable.ts";
import { basename } from "../userland/libc/unistd.ts";

const byName = new Map(executables.map((e) => [e.name, e]));
const applets = new Map(executables.flatMap((e) => (e.applet === undefined ? [] : [[basename(e.applet), e] as const])));

/** The program that a note names. busybox runs the applet that argv names, without a process of its own in between. */
export function findProgram(name: string, argv: readonly string[], voice: Voice): ProgramLookup {
  const executable = byName.get(name);
  if (executable === undefined) return undefined;
  if (name === "busybox") {
    const zero = applets.get(basename(argv[0] ?? ""));
    if (zero !== undefined && voice === "busybox") return lookup(zero);
    const first = applets.get(basename(argv[1] ?? ""));
    const found = first === undefined || !basename(argv[0] ?? "").startsWith("busybox") ? undefined : lookup(first);
    // With code of its own it is known here alone: busybox's own list may be another copy, without it.
    if (typeof found === "function" && first?.load !== undefined)
      return (sys, words, env, auxv) => found(sys, words.slice(1), env, { ...auxv, voice: "busybox" });
    if (found === "loading") return "loading";
  }
  return lookup(executable);
}

const lookup = (e: Executable): ProgramLookup => e.main ?? (e.load === undefined ? undefined : "loading");

async function load(e: Executable): Promise<void> {
  if (e.main === undefined && e.load !== undefined) e.main = (await e.load()).main;
}

/** Loads what findProgram was asked for and did not have. */
export async function loadProgram(name: string, argv: readonly string[]): Promise<void> {
  const wanted = [byName.get(name)];
  if (name === "busybox") wanted.push(applets.get(basename(argv[0] ?? "")), applets.get(basename(argv[1] ?? "")));
  await Promise.all(wanted.map((e) => (e === undefined ? undefined : load(e))));
}

/** Everything at once: for Node, where machines run synchronously, and for the worker once the prompt is on its way. */
export async function loadAllPrograms(): Promise<void> {
  await Promise.all(executables.map(load));
}
