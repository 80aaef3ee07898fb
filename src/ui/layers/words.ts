/** Why a name of an overlay is seen as it is, or not seen, layer by layer in words. */
import type { LayerEntry } from "../../bridge/messages.ts";
import { formatBytes } from "../format.ts";
import { isDirectory, isRegular } from "../files/names.ts";
import type { Change, Layered } from "./layout.ts";

export interface Step {
  readonly layer: Layered;
  readonly change: Change | undefined;
  /** What is seen comes from here. */
  readonly provides: boolean;
  readonly hidden: boolean;
  readonly words: string;
  /** There is content to be shown. */
  readonly readable: boolean;
}

const CHANGES: Readonly<Record<Change, string>> = {
  added: "added here",
  changed: "a changed copy of what is below",
  removed: "a whiteout: it was removed, and what is below is not seen",
  opaque: "an opaque directory: what is below it is not merged in",
  merged: "a directory, merged with the one below",
};

/** Topmost first; layers below the one that settles the matter only where they have something. */
export function explain(entry: LayerEntry, layers: readonly Layered[]): readonly Step[] {
  const directory = entry.merged !== undefined && isDirectory(entry.merged.mode);
  const steps: Step[] = [];
  let settled = false;
  for (const layer of layers) {
    const own = entry.layers.find((one) => one.layer === layer.index);
    if (own === undefined) {
      if (!settled)
        steps.push({
          layer,
          change: undefined,
          provides: false,
          hidden: false,
          words: "nothing of this name: one sees through",
          readable: false,
        });
      continue;
    }
    const whiteout = own.change === "removed";
    const provides = !own.hidden && !whiteout;
    const size = isRegular(own.mode) ? `, ${formatBytes(own.sizeBytes)}` : "";
    const words = own.hidden ? `${describeHidden(own.change, isDirectory(own.mode))}${size}` : `${CHANGES[own.change]}${size}`;
    steps.push({ layer, change: own.change, provides, hidden: own.hidden, words, readable: isRegular(own.mode) });
    if (!own.hidden && (whiteout || !directory || own.change === "opaque")) settled = true;
  }
  return steps;
}

function describeHidden(change: Change, directory: boolean): string {
  if (change === "removed") return "a whiteout, itself covered";
  return directory ? "a directory that is covered by what is above" : "an older one, covered by what is above";
}

/** The answer in one sentence. */
export function summarise(entry: LayerEntry, steps: readonly Step[]): string {
  const sources = steps.filter(({ provides }) => provides).map(({ layer }) => layer.label);
  if (entry.merged === undefined) {
    const by = steps.find(({ change, hidden }) => change === "removed" && !hidden);
    return by === undefined
      ? "It is not seen: a directory above it was removed or is opaque."
      : `It is not seen: ${by.layer.label} has a whiteout for it.`;
  }
  if (sources.length > 1) return `It is a directory, merged from ${sources.slice(0, -1).join(", ")} and ${sources.at(-1)}.`;
  return `It is seen because ${sources[0] ?? "a layer"} has it, and no layer above has anything of its name.`;
}
