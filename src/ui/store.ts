/**
 * The page's state: what is looked at, and the little of the machine that React draws from. Frames go to `live` (see `live.ts`); a component
 * that draws from it follows `useLiveVersion`.
 */
import { create } from "zustand";
import type { InputLog, Pace } from "../bridge/messages.ts";
import { LiveMachine } from "./live.ts";
import { readSetting, writeSetting } from "./storage.ts";
import { emptyTiling, type Tiling } from "./terminals/tiling.ts";
import { isSameSelection, type Selection } from "./selection.ts";
import type { ViewName } from "./url-state.ts";

export type Theme = "system" | "light" | "dark";

/** The pane that a narrow screen shows. */
export type Pane = "terminal" | "picture";

export type Phase =
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly bootMs: number }
  | { readonly kind: "panicked"; readonly text: string; readonly log: InputLog }
  /** The worker itself failed: no machine, no log. */
  | { readonly kind: "failed"; readonly text: string };

export type DialogName = "palette" | "help";

export interface PageState {
  readonly phase: Phase;
  /** Counts the machines of this visit: another one's terminals are other terminals, whatever their numbers. */
  readonly machine: number;
  readonly pace: Pace;
  readonly tiling: Tiling;
  /** Terminals whose session ended. */
  readonly ended: ReadonlySet<number>;
  readonly theme: Theme;
  readonly view: ViewName;
  /** The view's text twin instead of its picture. */
  readonly asText: boolean;
  readonly selection: Selection | undefined;
  /** The PID namespace that processes are seen from; the host's, where there is none. */
  readonly seenFrom: number | undefined;
  /** What the pointer is on, in whichever view: others dim what has nothing to do with it. */
  readonly hovered: Selection | undefined;
  readonly pane: Pane;
  readonly dialog: DialogName | undefined;
  /** The terminal whose search line is open. */
  readonly searching: number | undefined;
  readonly screenReader: boolean;
  /** Virtual time that the time line shows, in nanoseconds. */
  readonly spanNs: number;
  /** What a live region says next. */
  readonly announcement: string;
}

function readTheme(): Theme {
  const theme = readSetting("theme");
  return theme === "light" || theme === "dark" ? theme : "system";
}

export const useStore = create<PageState>(() => ({
  phase: { kind: "starting" },
  machine: 1,
  pace: { kind: "speed", factor: 1 },
  tiling: emptyTiling,
  ended: new Set<number>(),
  theme: readTheme(),
  view: "cutaway",
  asText: false,
  selection: undefined,
  seenFrom: undefined,
  hovered: undefined,
  pane: "terminal",
  dialog: undefined,
  searching: undefined,
  screenReader: readSetting("screen-reader") === "on",
  spanNs: 20e9,
  announcement: "",
}));

/** The machine, merged from its frames. */
export const live = new LiveMachine();

type Listener = () => void;
const listeners = new Set<Listener>();

/** Calls back after every frame; returns the end of it. */
export function onFrame(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function announceFrame(): void {
  for (const listener of listeners) listener();
}

export function setTheme(theme: Theme): void {
  writeSetting("theme", theme === "system" ? undefined : theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  useStore.setState({ theme });
}

export function isDark(theme: Theme): boolean {
  return theme === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
}

export function announce(announcement: string): void {
  useStore.setState({ announcement });
}

/** Selects it, or nothing where it was selected already. */
export function toggleSelection(selection: Selection): void {
  const before = useStore.getState().selection;
  useStore.setState({ selection: isSameSelection(before, selection) ? undefined : selection });
}

export function hover(hovered: Selection | undefined): void {
  if (!isSameSelection(useStore.getState().hovered, hovered)) useStore.setState({ hovered });
}

/** The selected process, where a process is selected. */
export function useSelectedPid(): number | undefined {
  return useStore(({ selection }) => (selection?.kind === "task" ? selection.pid : undefined));
}
