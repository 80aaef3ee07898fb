/** Actions on virtual time. */
import type { Pace } from "../../bridge/messages.ts";
import { formatScale } from "../format.ts";
import { announce, useStore } from "../store.ts";
import { SPEEDS } from "../url-state.ts";
import type { Action, ActionContext } from "./action.ts";

/** What play goes back to after a pause. */
let lastMoving: Pace = { kind: "speed", factor: 1 };

export function changePace({ session, state }: ActionContext, pace: Pace): void {
  if (state.pace.kind !== "paused") lastMoving = state.pace;
  session.setPace(pace);
  announce(pace.kind === "paused" ? "Clock paused." : pace.kind === "asap" ? "As fast as possible." : `Scale ${formatScale(pace.factor)}.`);
}

function toggle(context: ActionContext): void {
  changePace(context, context.state.pace.kind === "paused" ? lastMoving : { kind: "paused" });
}

function shift(context: ActionContext, by: 1 | -1): void {
  const pace = context.state.pace.kind === "paused" ? lastMoving : context.state.pace;
  const at = pace.kind === "speed" ? SPEEDS.findIndex((speed) => speed >= pace.factor) : SPEEDS.length;
  const next = Math.max(0, at + by);
  const factor = SPEEDS[next];
  changePace(context, factor === undefined ? { kind: "asap" } : { kind: "speed", factor });
}

const SPAN_LEAST_NS = 1e4;
const SPAN_MOST_NS = 600e9;

export function zoomTimeline(factor: number): void {
  const { spanNs } = useStore.getState();
  useStore.setState({ spanNs: Math.min(SPAN_MOST_NS, Math.max(SPAN_LEAST_NS, spanNs * factor)) });
}

export const clockActions: readonly Action[] = [
  { name: "clock.toggle", label: "Pause or play the clock", section: "Clock", shortcut: "F8", run: toggle },
  { name: "clock.step", label: "Step one system call", section: "Clock", shortcut: "F9", run: ({ session }) => session.step() },
  { name: "clock.slower", label: "Slower", section: "Clock", shortcut: "Ctrl+Shift+<", run: (context) => shift(context, -1) },
  { name: "clock.faster", label: "Faster", section: "Clock", shortcut: "Ctrl+Shift+>", run: (context) => shift(context, 1) },
  {
    name: "clock.real-time",
    label: "Real time, scale 1:1",
    section: "Clock",
    run: (context) => changePace(context, { kind: "speed", factor: 1 }),
  },
  { name: "clock.as-fast", label: "As fast as possible", section: "Clock", run: (context) => changePace(context, { kind: "asap" }) },
  { name: "timeline.zoom-in", label: "Time line: shorter span", section: "Clock", run: () => zoomTimeline(0.5) },
  { name: "timeline.zoom-out", label: "Time line: longer span", section: "Clock", run: () => zoomTimeline(2) },
];
