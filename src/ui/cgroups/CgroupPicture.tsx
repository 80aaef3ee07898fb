/** The tree of cgroups: measures its room, asks `layout.ts` for shapes, and draws them. */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { CgroupEntity } from "../../bridge/messages.ts";
import { findContainerOfCgroup } from "../containers.ts";
import { formatCount, formatSpan } from "../format.ts";
import type { LiveKind } from "../live.ts";
import { findNeighbour, type Item } from "../picture/navigate.ts";
import { Shape } from "../picture/Shape.tsx";
import { TryThese } from "../picture/TryThese.tsx";
import { useNews } from "../picture/use-news.ts";
import type { Related } from "../relations.ts";
import { live, useStore } from "../store.ts";
import { useLiveVersion, useRelated, useSize } from "../use-live.ts";
import { Instrument, Lying, Squares } from "./Instrument.tsx";
import { type CgroupShapes, layoutCgroups, type StripShape } from "./layout.ts";
import { Rack } from "./Rack.tsx";
import { fitWords, tellCpu, tellMemory, tellPids, type Word } from "./words.ts";
import "../styles/cgroups.css";

const REDRAW_MS = 240;
const SEEN: readonly LiveKind[] = ["cgroups", "histories"];
const EXAMPLES = [
  'echo "+cpu +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control',
  "mkdir /sys/fs/cgroup/lab",
  'echo "20000 100000" > /sys/fs/cgroup/lab/cpu.max',
  "echo $$ > /sys/fs/cgroup/lab/cgroup.procs",
  "yes > /dev/null &",
];
/** Virtual time for which the last victim is named. */
const VICTIM_NS = 30e9;

const nameAloud = ({ path }: CgroupEntity): string => `cgroup ${path}`;

export function CgroupPicture() {
  const drawing = useRef<HTMLElement>(null);
  const { width, height } = useSize(drawing);
  const selection = useStore((state) => state.selection);
  useLiveVersion(REDRAW_MS, SEEN);
  const { cgroups, sample } = live;
  useNews(cgroups, live.versions.cgroups, nameAloud);
  const shapes = layoutCgroups({
    ...{ cgroups, getHistory: (id) => live.histories.get(id), width, height: height - 1 },
    ...{ cpus: sample?.busy.length ?? 4, memoryBytes: sample?.memoryTotalBytes ?? 2 ** 31 },
    selected: selection?.kind === "cgroup" ? selection.id : undefined,
  });
  return (
    <>
      <section
        className="drawing"
        ref={drawing}
        aria-label="Cgroups as a picture"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        {width > 0 && <Tree shapes={shapes} />}
        {cgroups.size === 1 && (
          <TryThese
            words="There is but the root, and all that runs is in it. These make one below it, limit it, and put this shell in:"
            commands={EXAMPLES}
          />
        )}
      </section>
      {selection === undefined && <Legend />}
    </>
  );
}

function Tree({ shapes }: { readonly shapes: CgroupShapes }) {
  const [focused, setFocused] = useState<string | undefined>(undefined);
  const drawing = useRef<SVGSVGElement>(null);
  const related = useRelated();
  const selected = useStore(({ selection }) => (selection?.kind === "cgroup" ? selection.id : undefined));
  const { strips, racks, columns } = shapes;
  const items: Item[] = strips.map(({ key, x, y, height }) => ({ key, x, y: y + height / 2 }));
  const entry = items.some((item) => item.key === focused) ? focused : strips[0]?.key;
  // The detail takes room below: what it is about stays in sight.
  useEffect(() => {
    if (selected !== undefined) drawing.current?.querySelector(`[data-key="g${selected}"]`)?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const onKeyDown = (event: KeyboardEvent<SVGSVGElement>) => {
    // The tree leans: up and down count, whatever the indentation.
    const next = findNeighbour(
      items.map((item) => ({ ...item, x: 0 })),
      entry,
      event.key,
    );
    if (next === undefined) return;
    event.preventDefault();
    event.currentTarget.querySelector<SVGGElement>(`[data-key="${CSS.escape(next.key)}"]`)?.focus();
  };
  const history = live.histories.get(strips[0]?.cgroup.id ?? 0);
  const span = (history.at(-1)?.atNs ?? 0) - (history[0]?.atNs ?? 0);
  return (
    <svg
      ref={drawing}
      width={shapes.width}
      height={shapes.height}
      className={`cgroups${related === undefined ? "" : " dimmed"}`}
      onKeyDown={onKeyDown}
    >
      <title>Tree of cgroups</title>
      <Hatches />
      <g className="column-names">
        <text x={columns.cpu} y={14}>
          CPU TIME
        </text>
        <text x={columns.memory} y={14}>
          MEMORY
        </text>
        <text x={columns.pids} y={14}>
          TASKS
        </text>
        {span > 0 && (
          <text className="span" x={columns.memory - 18} y={14} textAnchor="end">
            {`last ${formatSpan(Number(span.toPrecision(2)))}`}
          </text>
        )}
      </g>
      {strips.map((strip) => (
        <Strip key={strip.key} strip={strip} related={related} tabbable={strip.key === entry} onFocus={setFocused} />
      ))}
      {racks.map((rack) => (
        <Rack key={rack.key} rack={rack} related={related} />
      ))}
    </svg>
  );
}

interface StripProps {
  readonly strip: StripShape;
  readonly related: Related | undefined;
  readonly tabbable: boolean;
  readonly onFocus: (key: string) => void;
}

function describe({ cgroup }: StripShape): string {
  const { path, processes, memory, pids, frozen } = cgroup;
  const cpus = live.sample?.busy.length ?? 4;
  const told = [
    ...tellCpu(cgroup, live.histories.get(cgroup.id), cpus).map(({ text }, i) => (i === 0 ? `CPU ${text}` : text)),
    ...(memory === undefined
      ? []
      : tellMemory(cgroup, live.sample?.memoryTotalBytes ?? 0).map(({ text }, i) => (i === 0 ? `memory ${text}` : text))),
    ...(pids === undefined ? [] : tellPids(cgroup).map(({ text }) => `tasks ${text}`)),
    ...(frozen ? ["frozen"] : []),
  ];
  return `cgroup ${path}, ${processes} ${processes === 1 ? "process" : "processes"}; ${told.join(", ")}`;
}

function Strip({ strip, related, tabbable, onFocus }: StripProps) {
  const { cgroup, kind, post, width, height, cpu, memory, pids } = strip;
  const full = kind === "full";
  const baseline = full ? 15 : 17;
  const lit = related?.cgroups.has(cgroup.id) === true;
  const name = cgroup.parent === undefined ? "/" : (findContainerOfCgroup(cgroup.name)?.name ?? cgroup.name);
  const cpus = live.sample?.busy.length ?? 4;
  return (
    <Shape
      id={strip.key}
      name={describe(strip)}
      selection={{ kind: "cgroup", id: cgroup.id }}
      className={`strip ${kind}${cgroup.frozen ? " frozen" : ""}${lit ? " related" : ""}`}
      style={{ transform: `translate(${strip.x}px, ${strip.y}px)` }}
      tabbable={tabbable}
      onFocus={onFocus}
    >
      {post !== undefined && <path className="rigging" d={`M${post.x} ${post.y}V${baseline - 4}H-3`} />}
      <rect className="halo" x={-4} y={full ? -2 : 1} width={width + 9} height={full ? height + 4 : height} />
      <rect className="hit" x={-4} y={0} width={width + 8} height={height} />
      <text className="name" x={2} y={baseline}>
        {cut(name, full ? 24 : Math.floor((cpu.x - 10) / 7.6))}
      </text>
      {full && <Heading strip={strip} name={name} />}
      {full ? (
        <>
          <Caption words={tellCpu(cgroup, live.histories.get(cgroup.id), cpus)} x={cpu.x} width={cpu.width} />
          <Instrument shape={cpu} kind="cpu" />
          <Memory strip={strip} />
          <Caption words={tellPids(cgroup)} x={pids?.x ?? 0} width={pids?.width ?? 0} />
          {pids !== undefined && <Squares shape={pids} />}
        </>
      ) : (
        <>
          <Lying shape={cpu} kind="cpu" />
          {memory !== undefined && <Lying shape={memory} kind="memory" />}
          {pids !== undefined && (
            <text className={`small${(tellPids(cgroup)[0]?.alarm ?? false) ? " alarm" : ""}`} x={pids.x} y={baseline}>
              {tellPids(cgroup)[0]?.text}
            </text>
          )}
        </>
      )}
    </Shape>
  );
}

function cut(text: string, most: number): string {
  return text.length <= Math.max(2, most) ? text : `${text.slice(0, Math.max(2, most) - 1)}…`;
}

/** The first line of a strip: who is in it, and what last happened. */
function Heading({ strip, name }: { readonly strip: StripShape; readonly name: string }) {
  const { cgroup, width } = strip;
  const { processes, populated } = cgroup;
  const victim = live.oomKills.findLast((kill) => kill.cgroup === cgroup.id && live.nowNs - kill.atNs < VICTIM_NS);
  const below = populated > processes && processes === 0 ? `${formatCount(populated)} below` : "";
  const members = processes === 0 ? below : `${formatCount(processes)} ${processes === 1 ? "process" : "processes"}`;
  const left = 2 + Math.min(24, name.length) * 7.6 + 10;
  const right =
    victim === undefined ? (cgroup.frozen ? "frozen" : cgroup.controllers.join(" ")) : `OOM killed ${victim.comm} ${victim.pid}`;
  const room = Math.floor((width - left) / 6.3) - right.length - 2;
  return (
    <>
      {members.length <= room && (
        <text className="small" x={left} y={15}>
          {members}
        </text>
      )}
      {right.length * 6.3 < width - left && (
        <text className={`small${victim === undefined ? (cgroup.frozen ? " cold" : "") : " alarm"}`} x={width} y={15} textAnchor="end">
          {right}
        </text>
      )}
    </>
  );
}

function Memory({ strip }: { readonly strip: StripShape }) {
  const { cgroup, memory, cpu, pids } = strip;
  if (memory !== undefined) {
    return (
      <>
        <Caption words={tellMemory(cgroup, live.sample?.memoryTotalBytes ?? 0)} x={memory.x} width={memory.width} />
        <Instrument shape={memory} kind="memory" />
      </>
    );
  }
  if (pids !== undefined) return null;
  return (
    <text className="small" x={cpu.x + cpu.width + 18} y={cpu.y + cpu.height}>
      no controller
    </text>
  );
}

function Caption({ words, x, width }: { readonly words: readonly Word[]; readonly x: number; readonly width: number }) {
  return (
    <text className="small" x={x} y={31}>
      {fitWords(words, Math.floor(width / 6.3)).map((word, i) => (
        <tspan key={word.text} className={word.alarm === true ? "alarm" : undefined}>
          {i === 0 ? word.text : `  ${word.text}`}
        </tspan>
      ))}
    </text>
  );
}

function Hatches() {
  return (
    <defs>
      <pattern id="hatch-use" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <path d="M0 0V4" stroke="var(--state-R)" strokeWidth="3" />
      </pattern>
      <pattern id="hatch-anon" width="4" height="4" patternUnits="userSpaceOnUse">
        <path d="M0 2H4" stroke="var(--ns-net)" strokeWidth="2" />
      </pattern>
      <pattern id="hatch-file" width="4" height="4" patternUnits="userSpaceOnUse">
        <path d="M2 0V4" stroke="var(--ns-mnt)" strokeWidth="1.400" />
      </pattern>
      <pattern id="hatch-kernel" width="4" height="4" patternUnits="userSpaceOnUse">
        <path d="M0 0H4M0 0V4" stroke="var(--line)" strokeWidth="1.200" />
      </pattern>
    </defs>
  );
}

const PARTS = [
  ["use", "CPU time"],
  ["anon", "memory of processes"],
  ["file", "of files"],
  ["kernel", "of the kernel"],
] as const;

function Legend() {
  return (
    <div className="legend">
      <span className="label">Key</span>
      {PARTS.map(([part, words]) => (
        <span className="legend-entry" key={part}>
          <svg width="14" height="12" aria-hidden="true">
            <rect x=".5" y=".5" width="13" height="11" fill={`url(#hatch-${part})`} stroke="var(--line-soft)" />
          </svg>
          {words}
        </span>
      ))}
      <span className="legend-entry">
        <svg width="16" height="12" aria-hidden="true">
          <path d="M0 6.500H16" stroke="var(--line)" strokeWidth="2" />
          <path d="M3 4.500v-4M6 4.500v-4M9 4.500v-4" stroke="var(--danger)" strokeWidth="1.500" />
        </svg>
        limit, throttled
      </span>
    </div>
  );
}
