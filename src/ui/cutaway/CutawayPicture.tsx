/** The cutaway: measures its room, asks `layout.ts` for shapes, and draws them. */
import { type KeyboardEvent, useRef, useState } from "react";
import type { ContainerEntity } from "../../bridge/messages.ts";
import { formatBytes, formatCount, formatShare } from "../format.ts";
import type { LiveKind } from "../live.ts";
import { findNeighbour, type Item } from "../picture/navigate.ts";
import { Shape } from "../picture/Shape.tsx";
import { TryThese } from "../picture/TryThese.tsx";
import { useNews } from "../picture/use-news.ts";
import type { Related } from "../relations.ts";
import { live, useStore } from "../store.ts";
import { useLiveVersion, useRelated, useSize } from "../use-live.ts";
import { Gauge, Pod, Rows } from "./Compartment.tsx";
import { type CompartmentShape, type CutawayShapes, layoutCutaway, type SlabShape } from "./layout.ts";
import { tellContainer, tellState } from "./words.ts";
import "../styles/cutaway.css";

const REDRAW_MS = 240;
export const SEEN: readonly LiveKind[] = ["tasks", "cgroups", "containers", "images", "networks"];
const EXAMPLES = ["docker run -d --name web -p 8080:80 -m 64m nginx:alpine", "docker run -it alpine sh", "docker-demo"];

export function CutawayPicture() {
  const drawing = useRef<HTMLElement>(null);
  const { width, height } = useSize(drawing);
  const selected = useStore(({ selection }) => (selection?.kind === "container" ? selection.id : undefined));
  useLiveVersion(REDRAW_MS, SEEN);
  const { containers, images, tasks, cgroups, shares, sample } = live;
  useNews(containers, live.versions.containers, ({ name }) => `container ${name}`);
  const shapes = layoutCutaway({
    ...{ containers, images, tasks, cgroups, shares, width, height: height - 1, selected },
    ...{ cpus: sample?.busy.length ?? 4, memoryBytes: sample?.memoryTotalBytes ?? 2 ** 31 },
  });
  return (
    <section
      className="drawing"
      ref={drawing}
      aria-label="Cutaway as a picture"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
    >
      {width > 0 && <Hull shapes={shapes} />}
      {containers.size === 0 && (
        <div className="cutaway-try" style={{ left: `${shapes.host.x + shapes.host.width + 20}px` }}>
          <TryThese words="No container yet: the host's processes have the ship to themselves. These make some:" commands={EXAMPLES} />
        </div>
      )}
    </section>
  );
}

function Hull({ shapes }: { readonly shapes: CutawayShapes }) {
  const [focused, setFocused] = useState<string | undefined>(undefined);
  const related = useRelated();
  const { host, compartments, slabs, resting, pods, stopped, deckY, width, height, keel } = shapes;
  const items: Item[] = compartments.map(({ key, x, y, width: wide }) => ({ key, x: x + wide / 2, y }));
  for (const { container, x, y } of [...pods, ...stopped]) items.push({ key: container.id, x, y });
  const entry = items.some(({ key }) => key === focused) ? focused : items[0]?.key;
  const onKeyDown = (event: KeyboardEvent<SVGSVGElement>) => {
    const next = findNeighbour(items, entry, event.key);
    if (next === undefined) return;
    event.preventDefault();
    event.currentTarget.querySelector<SVGGElement>(`[data-key="${CSS.escape(next.key)}"]`)?.focus();
  };
  return (
    <svg width={width} height={height} className={`cutaway${related === undefined ? "" : " dimmed"}`} onKeyDown={onKeyDown}>
      <title>The machine cut open: containers on one kernel</title>
      <Hatches />
      {/* The hull: walls and bottom, with the deck on top. */}
      <path className="hull" d={`M4 ${deckY - 6}V${height - 20}q0 14 14 14H${width - 18}q14 0 14 -14V${deckY - 6}`} />
      <path className="deck" d={`M0 ${deckY}H${width}`} />
      <Compartment shape={host} related={related} tabbable={false} onFocus={setFocused} />
      {slabs.map((slab) => (
        <Slab key={slab.key} slab={slab} />
      ))}
      {resting.map(({ key, name, x, y, width: wide }) => (
        <g key={key} className="resting" style={{ transform: `translate(${x}px, ${y}px)` }}>
          <title>{`Image ${name}: nothing runs from it`}</title>
          <text className="small">{cut(name, Math.floor(wide / 6.2))}</text>
        </g>
      ))}
      {compartments.map((shape) => (
        <Compartment key={shape.key} shape={shape} related={related} tabbable={shape.key === entry} onFocus={setFocused} />
      ))}
      {pods.map((pod) => (
        <Pod key={pod.container.id} pod={pod} size={shapes.podSize} tabbable={pod.container.id === entry} onFocus={setFocused} />
      ))}
      <Stopped shapes={shapes} entry={entry} onFocus={setFocused} />
      <Keel keel={keel} />
    </svg>
  );
}

interface CompartmentProps {
  readonly shape: CompartmentShape;
  readonly related: Related | undefined;
  readonly tabbable: boolean;
  readonly onFocus: (key: string) => void;
}

function Compartment({ shape, related, tabbable, onFocus }: CompartmentProps) {
  const { container } = shape;
  if (container === undefined)
    return (
      <g className="hold host" style={{ transform: `translate(${shape.x}px, ${shape.y}px)` }}>
        <Interior shape={shape} related={related} />
      </g>
    );
  const lit = related !== undefined && isLit(container, related);
  return (
    <Shape
      id={shape.key}
      name={tellContainer(container, shape)}
      selection={{ kind: "container", id: container.id }}
      className={`hold ${container.state}${lit ? " related" : ""}`}
      style={{ transform: `translate(${shape.x}px, ${shape.y}px)` }}
      tabbable={tabbable}
      onFocus={onFocus}
    >
      <Interior shape={shape} related={related} />
      <Ports shape={shape} />
    </Shape>
  );
}

/** Something in it is what the pointer is on, or has to do with it. */
function isLit(container: ContainerEntity, related: Related): boolean {
  return container.pid !== 0 && related.pids.has(container.pid);
}

function Interior({ shape, related }: { readonly shape: CompartmentShape; readonly related: Related | undefined }) {
  const { container, width, height, kind, rows, more, memory, cpu, cpuShare, memoryBytes, limitBytes, processes, upper } = shape;
  const letters = Math.floor((width - 26) / 7.4);
  const state = container === undefined ? `${processes} processes` : tellState(container);
  const under =
    container === undefined ? state : kind === "full" ? `${container.image} · ${state}` : state === "running" ? container.image : state;
  return (
    <>
      <rect className="wall" width={width} height={height} />
      <text className="name" x={8} y={17}>
        {cut(container?.name ?? "the host", letters)}
      </text>
      <text className="small" x={8} y={31}>
        {cut(under, Math.floor((width - 16) / 6.2))}
      </text>
      <Gauge shape={cpu} kind="cpu" />
      {kind === "full" && width > 190 && (
        <text className="small" x={width - 8} y={17} textAnchor="end">
          {formatShare(cpuShare)}
        </text>
      )}
      <Rows rows={rows} more={more} width={memory === undefined ? width - 8 : memory.x - 6} related={related} />
      {memory !== undefined && (
        <>
          <Gauge shape={memory} kind="memory" />
          {limitBytes > 0 && (
            <text className="small" x={memory.x + memory.width / 2} y={memory.y - 5} textAnchor="middle">
              {formatBytes(limitBytes)}
            </text>
          )}
          <text className="small" x={memory.x + memory.width / 2} y={memory.y + memory.height + 12} textAnchor="middle">
            {formatBytes(memoryBytes)}
          </text>
        </>
      )}
      {upper !== undefined && (
        <g transform={`translate(0 ${upper.y})`}>
          <rect className="upper" width={width} height={upper.height} />
          <title>Its own layer: what it writes goes here</title>
        </g>
      )}
    </>
  );
}

export function cut(text: string, most: number): string {
  return text.length <= Math.max(2, most) ? text : `${text.slice(0, Math.max(2, most) - 1)}…`;
}

/** Published ports: pipes from the deck into the compartment. */
function Ports({ shape }: { readonly shape: CompartmentShape }) {
  const { drop } = shape;
  return shape.ports.map(({ key, x, label, title }) => (
    <g key={key} className="port" transform={`translate(${x} ${-drop})`}>
      <title>{title}</title>
      <path className="pipe" d={`M-4 -7V${drop}M4 -7V${drop}`} />
      <path className="flange" d={`M-8 -7H8M-7 0H7`} />
      <text className="small" x={0} y={-12} textAnchor="middle">
        {label}
      </text>
    </g>
  ));
}

function Slab({ slab }: { readonly slab: SlabShape }) {
  const { x, y, width, height, label, sharers, depth } = slab;
  return (
    <g className={`slab${sharers > 1 ? " shared" : sharers === 0 ? " idle" : ""}`} style={{ transform: `translate(${x}px, ${y}px)` }}>
      <title>{`Layer ${depth + 1}: ${label}${sharers > 1 ? `; ${sharers} containers stand on it` : sharers === 0 ? "; nothing stands on it" : ""}`}</title>
      <rect width={width} height={height} />
      <text x={6} y={height - 3.5}>
        {cut(label, Math.floor((width - 12) / 5.6))}
      </text>
    </g>
  );
}

function Stopped({
  shapes,
  entry,
  onFocus,
}: {
  readonly shapes: CutawayShapes;
  readonly entry: string | undefined;
  readonly onFocus: (key: string) => void;
}) {
  const { stopped, hidden, stoppedY, host } = shapes;
  const left = host.x + host.width + 14;
  return (
    <>
      {stopped.length > 0 && (
        <text className="label-text" x={left} y={stoppedY - 5}>
          WITHOUT PROCESSES
        </text>
      )}
      {stopped.map(({ container, x, y, width }) => (
        <Shape
          key={container.id}
          id={container.id}
          name={tellContainer(container)}
          selection={{ kind: "container", id: container.id }}
          className={`dry ${container.state}`}
          style={{ transform: `translate(${x}px, ${y}px)` }}
          tabbable={container.id === entry}
          onFocus={onFocus}
        >
          <rect className="wall" width={width} height={18} />
          <text className="small name" x={6} y={12.5}>
            {cut(container.name, 11)}
          </text>
          <text className={`small${container.exitCode === 0 ? "" : " alarm"}`} x={width - 6} y={12.5} textAnchor="end">
            {container.state === "exited" ? `exit ${container.exitCode}` : container.state}
          </text>
        </Shape>
      ))}
      {hidden > 0 && (
        <text className="small" x={shapes.width - 18} y={stoppedY - 5} textAnchor="end">
          {`${formatCount(hidden)} more are not drawn`}
        </text>
      )}
    </>
  );
}

/** What all of them share: one kernel, its CPUs, its memory. */
function Keel({ keel }: { readonly keel: CutawayShapes["keel"] }) {
  const { x, y, width, height } = keel;
  const { sample } = live;
  const busy = sample?.busy ?? [];
  const roomy = width > 420;
  const cpuX = roomy ? 218 : 96;
  const cell = Math.min(34, (width - cpuX - (roomy ? 190 : 90)) / Math.max(1, busy.length));
  const memoryWidth = roomy ? 160 : 76;
  const used = sample === undefined ? 0 : sample.memoryUsedBytes / sample.memoryTotalBytes;
  return (
    <g className="keel" transform={`translate(${x} ${y})`}>
      <path className="beam" d={`M0 .5H${width}V${height - 10}l-10 10H10l-10 -10z`} />
      <text className="name" x={12} y={22}>
        {roomy ? "one Linux kernel" : "kernel"}
      </text>
      <text className="small" x={12} y={37}>
        {roomy ? "namespaces · cgroups · overlay" : "shared"}
      </text>
      <text className="label-text" x={cpuX} y={14}>
        CPUS
      </text>
      {cell >= 6 ? (
        busy.map((share, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a CPU is known by its number.
          <g key={i} transform={`translate(${cpuX + i * cell} 19)`}>
            <rect className="vessel" width={cell - 5} height={18} />
            <rect className="fill cpu" x={1} width={cell - 7} style={{ y: `${18 - 17 * share}px`, height: `${16 * share}px` }} />
          </g>
        ))
      ) : (
        <text className="small" x={cpuX} y={33}>
          {`${busy.length} CPUs`}
        </text>
      )}
      <g transform={`translate(${width - memoryWidth - 14} 0)`}>
        <text className="label-text" x={0} y={14}>
          {roomy ? `MEMORY ${formatBytes(sample?.memoryUsedBytes ?? 0)} OF ${formatBytes(sample?.memoryTotalBytes ?? 0)}` : "MEMORY"}
        </text>
        <rect className="vessel" y={19} width={memoryWidth} height={18} />
        <rect className="fill memory" x={1} y={20} height={16} style={{ width: `${Math.max(0, used * (memoryWidth - 2))}px` }} />
      </g>
    </g>
  );
}

function Hatches() {
  return (
    <defs>
      <pattern id="cutaway-upper" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <path d="M0 0V5" stroke="var(--ns-mnt)" strokeWidth="1.600" />
      </pattern>
      <pattern id="cutaway-memory" width="4" height="4" patternUnits="userSpaceOnUse">
        <path d="M0 2H4" stroke="var(--ns-net)" strokeWidth="2" />
      </pattern>
      <pattern id="cutaway-cpu" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <path d="M0 0V4" stroke="var(--state-R)" strokeWidth="3" />
      </pattern>
      <pattern id="cutaway-frost" width="6" height="6" patternUnits="userSpaceOnUse">
        <path d="M3 0V6M0 3H6" stroke="var(--state-T)" strokeWidth=".6" opacity=".5" />
      </pattern>
    </defs>
  );
}
