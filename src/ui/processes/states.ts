/**
 * The states of a process as the picture tells them: a letter, words, and a mark. The hue stands in `styles/tokens.css`; the mark's shape says the same
 * to whoever cannot tell the hues apart.
 */
import type { TaskState } from "../../bridge/messages.ts";

export interface StateFace {
  readonly letter: TaskState;
  /** One or two words, as in the legend. */
  readonly label: string;
  /** What it means, as a sentence's end: "is …". */
  readonly words: string;
  /** Path of the mark in a box of 10 × 10 around (0, 0). */
  readonly mark: string;
  readonly fill: "solid" | "none";
}

export const STATES: readonly StateFace[] = [
  { letter: "R", label: "running", words: "running, or ready to run", mark: "M-3.5-4.5 5 0-3.5 4.5z", fill: "solid" },
  {
    letter: "S",
    label: "sleeping",
    words: "sleeping until something happens",
    mark: "M-3.700 0a3.700 3.700 0 1 0 7.400 0a3.700 3.700 0 1 0-7.400 0z",
    fill: "none",
  },
  {
    letter: "D",
    label: "waiting",
    words: "waiting for a device, not to be interrupted",
    mark: "M0-4.800 4.800 0 0 4.800-4.800 0z",
    fill: "solid",
  },
  { letter: "T", label: "stopped", words: "stopped by a signal", mark: "M-4-4.200h3v8.400h-3zM1-4.200h3v8.400h-3z", fill: "solid" },
  { letter: "t", label: "traced", words: "stopped by its tracer", mark: "M-4-4h8v8h-8zM-4 0h8M0-4v8", fill: "none" },
  {
    letter: "Z",
    label: "zombie",
    words: "a zombie: it has ended, its parent has not yet asked how",
    mark: "M-4-4 4 4M4-4-4 4",
    fill: "none",
  },
  { letter: "X", label: "ended", words: "gone", mark: "M-4 0h2.600M-.7 0h1.400M1.400 0h2.600", fill: "none" },
  { letter: "I", label: "idle", words: "an idle kernel thread", mark: "M-4 0h8", fill: "none" },
];

const byLetter = new Map(STATES.map((face) => [face.letter, face]));

export function getStateFace(state: TaskState): StateFace {
  return byLetter.get(state) ?? (STATES[1] as StateFace);
}
