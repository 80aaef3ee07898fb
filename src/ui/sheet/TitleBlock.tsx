/** The head of the page, as the title block of a drawing: what it shows, when, and at which scale of time. */
import { useRef } from "react";
import { requireAction } from "../actions/index.ts";
import { runAction, useSession } from "../context.tsx";
import { formatDate, formatScale, formatUptime } from "../format.ts";
import { isDark, live, useStore } from "../store.ts";
import { useFrame } from "../use-live.ts";

export function TitleBlock() {
  const session = useSession();
  const theme = useStore((state) => state.theme);
  return (
    <header className="title-block" data-region="title block">
      <div className="title-cell title-name">
        <Emblem />
        <h1 className="wordmark">Drydock</h1>
      </div>
      <div className="title-cell title-optional">
        <span className="label">Sheet</span>
        <span className="value">free sandbox</span>
      </div>
      <Clock />
      <ScaleCell />
      <div className="title-space" />
      <button
        type="button"
        data-region-start
        className="title-button title-commands"
        onClick={() => runAction(requireAction("palette.open"), session)}
      >
        <span className="label">Find a command</span>
        <span className="value">
          Commands<kbd>Ctrl K</kbd>
        </span>
      </button>
      <button type="button" className="title-button title-theme" onClick={() => runAction(requireAction("theme.toggle"), session)}>
        <span className="label">Drawn on</span>
        <span className="value">{isDark(theme) ? "Blueprint" : "Paper"}</span>
      </button>
      <button type="button" className="title-button" onClick={() => runAction(requireAction("help.open"), session)}>
        <span className="label">Notes</span>
        <span className="value">Help</span>
      </button>
    </header>
  );
}

/** The midship section of a hull in its dock. */
function Emblem() {
  return (
    <svg width="36" height="30" viewBox="0 0 36 30" aria-hidden="true">
      <g fill="none" stroke="currentColor" strokeWidth="1.25">
        <path d="M.5 6.500h4v5h3.500v6h3.500v8h13v-8h3.500v-6h3.500v-5h4" />
        <path d="M11 2.500c0 11 .5 17.500 7 19 6.500-1.500 7-8 7-19z" />
        <path d="M11 8.500h14" strokeDasharray="2 1.500" />
        <path d="M18 0v24" strokeDasharray="5 1.500 1 1.500" strokeWidth=".8" />
      </g>
      <path d="M15.500 21.500h5v4h-5z" fill="var(--accent)" />
    </svg>
  );
}

/** Written outside React: it changes with every frame. */
function Clock() {
  const uptime = useRef<HTMLSpanElement>(null);
  const date = useRef<HTMLSpanElement>(null);
  const session = useSession();
  useFrame(() => {
    if (uptime.current !== null) uptime.current.textContent = formatUptime(live.nowNs, live.pace.kind === "paused");
    const startSec = session.config?.startSec;
    if (date.current !== null && startSec !== undefined) date.current.textContent = formatDate(startSec + Math.floor(live.nowNs / 1e9));
  });
  return (
    <>
      <div className="title-cell title-optional">
        <span className="label">Date UTC</span>
        <span className="value" ref={date}>
          {"---- -- -- --:--:--"}
        </span>
      </div>
      <div className="title-cell title-clock" role="timer" aria-label="Time since boot">
        <span className="label">Time since boot</span>
        <span className="value" ref={uptime}>
          {formatUptime(0)}
        </span>
      </div>
    </>
  );
}

function ScaleCell() {
  const pace = useStore((state) => state.pace);
  const actual = useRef<HTMLSpanElement>(null);
  useFrame(() => {
    if (actual.current === null) return;
    const { pace: now, achieved } = live;
    const behind = now.kind === "speed" && achieved > 0 && achieved < now.factor * 0.8;
    const text = behind || now.kind === "asap" ? ` runs ${formatScale(Number(Math.max(achieved, 1e-6).toPrecision(2)))}` : "";
    if (actual.current.textContent !== text) actual.current.textContent = text;
  });
  return (
    <div className="title-cell">
      <span className="label">Scale of time</span>
      <span className="value">
        {pace.kind === "paused" ? "paused" : pace.kind === "asap" ? "max" : formatScale(pace.factor)}
        <span ref={actual} />
      </span>
    </div>
  );
}
