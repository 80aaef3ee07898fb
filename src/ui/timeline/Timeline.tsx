/** The strip at the bottom: the clock's controls, and the time line that scrolls by. Only draws what `layout.ts` says. */
import { type RefObject, useEffect, useRef, useState } from "react";
import type { TraceEntity } from "../../bridge/messages.ts";
import { changePace, zoomTimeline } from "../actions/clock-actions.ts";
import { requireAction } from "../actions/index.ts";
import { runAction, useSession } from "../context.tsx";
import { formatScale, formatSpan } from "../format.ts";
import { live, useStore } from "../store.ts";
import { SPEEDS } from "../url-state.ts";
import { useLiveTick, useSize } from "../use-live.ts";
import { LANES, layoutTimeline, type MarkKind, type MarkShape } from "./layout.ts";

const MARK_PATHS: Readonly<Record<MarkKind, string>> = {
  fork: "M0 5V0M0 0L-3.5-4.5M0 0L3.5-4.5",
  exec: "M-4 4L0-4L4 4z",
  exit: "M-4-4L0 4L4-4z",
  signal: "M-3 0L0-3.5L3 0L0 3.5z",
  danger: "M-5-5L5 5M5-5L-5 5",
  call: "M0-3V3",
};

const LANE_TOP = 13;
const LANE_PITCH = 16;

export function Timeline() {
  const onTerminal = useStore((state) => state.pane === "terminal");
  return (
    <section className={`timeline${onTerminal ? " on-terminal" : ""}`} data-region="time line" aria-label="Clock and time line">
      <ClockControls />
      <Track />
    </section>
  );
}

function ClockControls() {
  const session = useSession();
  const pace = useStore((state) => state.pace);
  const paused = pace.kind === "paused";
  const choose = (next: Parameters<typeof changePace>[1]) => changePace({ session, state: useStore.getState() }, next);
  return (
    <div className="clock-controls">
      <div className="clock-buttons">
        <button
          type="button"
          data-region-start
          className={paused ? "pressed" : ""}
          onClick={() => runAction(requireAction("clock.toggle"), session)}
        >
          {paused ? "Play" : "Pause"} <kbd>F8</kbd>
        </button>
        <button type="button" aria-label="Step one system call" onClick={() => runAction(requireAction("clock.step"), session)}>
          Step <kbd>F9</kbd>
        </button>
      </div>
      <fieldset className="scale">
        <legend className="visually-hidden">Scale: virtual time to real time</legend>
        {SPEEDS.map((factor) => (
          <label key={factor}>
            <input
              type="radio"
              name="scale"
              checked={pace.kind === "speed" && pace.factor === factor}
              onChange={() => choose({ kind: "speed", factor })}
            />
            {formatScale(factor)}
          </label>
        ))}
        <label>
          <input type="radio" name="scale" checked={pace.kind === "asap"} onChange={() => choose({ kind: "asap" })} />
          max
        </label>
      </fieldset>
    </div>
  );
}

function Track() {
  const area = useRef<HTMLDivElement>(null);
  const { width } = useSize(area);
  const spanNs = useStore((state) => state.spanNs);
  const [hovered, setHovered] = useState<number | undefined>(undefined);
  useLiveTick(45);
  const shapes = layoutTimeline(live.events, live.nowNs, spanNs, width);
  const nearest = hovered === undefined ? undefined : findNearest(shapes.marks, hovered);
  useWheelZoom(area);
  const rulerY = LANE_TOP + LANES.length * LANE_PITCH - 5;
  return (
    <div className="track-area">
      <div
        className="track"
        ref={area}
        onPointerMove={(event) => setHovered(event.clientX - event.currentTarget.getBoundingClientRect().left)}
        onPointerLeave={() => setHovered(undefined)}
      >
        <svg aria-hidden="true">
          {LANES.map((lane, i) => (
            <g key={lane}>
              <line
                className="lane"
                x1={0}
                x2={width}
                y1={LANE_TOP + i * LANE_PITCH}
                y2={LANE_TOP + i * LANE_PITCH}
                strokeDasharray="1 5"
              />
              <text className="lane-name" x={6} y={LANE_TOP + i * LANE_PITCH - 3}>
                {lane.toUpperCase()}
              </text>
            </g>
          ))}
          <line className="baseline" x1={0} x2={width} y1={rulerY} y2={rulerY} />
          {shapes.ticks.map((tick) => (
            <g key={Math.round(tick.x * 10)}>
              <line className="tick" x1={tick.x} x2={tick.x} y1={rulerY} y2={rulerY + (tick.major ? 8 : 4)} />
              {tick.label !== undefined && (
                <text x={tick.x + 3} y={rulerY + 12}>
                  {tick.label}
                </text>
              )}
            </g>
          ))}
          {shapes.marks.map((mark) => (
            <path
              key={mark.key}
              className={`event ${mark.kind}`}
              d={MARK_PATHS[mark.kind]}
              transform={`translate(${mark.x.toFixed(1)} ${LANE_TOP + mark.lane * LANE_PITCH}) scale(${mark.count > 3 ? 1.25 : 1})`}
            />
          ))}
          <line className="now" x1={shapes.nowX} x2={shapes.nowX} y1={0} y2={rulerY + 8} />
        </svg>
      </div>
      <Readout mark={nearest} last={live.events.at(-1)} spanNs={spanNs} />
    </div>
  );
}

function findNearest(marks: readonly MarkShape[], x: number): MarkShape | undefined {
  let best: MarkShape | undefined;
  for (const mark of marks) if (Math.abs(mark.x - x) < Math.abs((best?.x ?? x + 24) - x)) best = mark;
  return best;
}

function Readout({
  mark,
  last,
  spanNs,
}: {
  readonly mark: MarkShape | undefined;
  readonly last: TraceEntity | undefined;
  readonly spanNs: number;
}) {
  const event = mark?.event ?? last;
  return (
    <div className="readout">
      {event === undefined ? (
        <span className="event-text">No events yet: every exec and exit will leave a mark here.</span>
      ) : (
        <span className="event-text">
          {mark !== undefined && mark.count > 1 ? `${mark.count} × ` : ""}
          {`${(event.atNs / 1e9).toFixed(6)}  ${event.comm}[${event.pid}]  ${event.name}  ${event.text}`}
        </span>
      )}
      <span className="span">{formatSpan(spanNs)}</span>
      <button type="button" className="plain-button" aria-label="Shorter span" onClick={() => zoomTimeline(0.5)}>
        +
      </button>
      <button type="button" className="plain-button" aria-label="Longer span" onClick={() => zoomTimeline(2)}>
        −
      </button>
    </div>
  );
}

/** The wheel changes the span; React's own wheel listener is passive and could not keep the page still. */
function useWheelZoom(area: RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const element = area.current;
    if (element === null) return;
    const zoom = (event: WheelEvent): void => {
      event.preventDefault();
      zoomTimeline(event.deltaY > 0 ? 1.25 : 0.8);
    };
    element.addEventListener("wheel", zoom, { passive: false });
    return () => element.removeEventListener("wheel", zoom);
  }, [area]);
}
