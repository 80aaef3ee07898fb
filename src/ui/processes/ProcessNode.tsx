/** One box of the process tree. Moving, appearing and the flash of an exec are style sheet transitions on stable elements. */
import { Fragment, memo } from "react";
import { formatBytes, formatCount, formatShare } from "../format.ts";
import { type NodeShape, type ProcessShapes, SQUARE } from "./layout.ts";
import { StateMark } from "./StateMark.tsx";
import { getStateFace } from "./states.ts";

interface Props {
  readonly node: NodeShape;
  readonly detail: ProcessShapes["detail"];
  readonly selected: boolean;
  readonly related: boolean;
  readonly tabbable: boolean;
  readonly onSelect: (node: NodeShape) => void;
  readonly onHover: (node: NodeShape) => void;
  readonly onFocus: (key: string) => void;
}

const FLAG = 22;
/** Advance of the mono face at 12.5 and 10.5 pixels. */
const NAME_ADVANCE = 7.5;
const SMALL_ADVANCE = 6.3;

function cut(text: string, room: number, advance: number): string {
  const most = Math.max(1, Math.floor(room / advance));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** What a screen reader says of the box. */
function describe(node: NodeShape): string {
  if (node.kind === "group") {
    const states = node.states.map(([state, count]) => `${count} ${getStateFace(state).label}`).join(", ");
    return `${node.count} processes named ${node.comm}: ${states}`;
  }
  const orphan = node.orphanOf === undefined ? "" : `, orphan of ${node.orphanOf}`;
  const [, ...inner] = node.numbers;
  const also = inner.length === 0 ? "" : `, inside ${inner.join(" and ")}`;
  const unseen = node.here < 0 ? ", not seen from here" : "";
  return `${node.comm}, process ${node.task.pid}${also}, ${getStateFace(node.task.state).label}${orphan}${unseen}`;
}

function classOf(node: NodeShape, selected: boolean, related: boolean): string {
  const state = node.kind === "group" ? "" : { R: " running", Z: " zombie", T: " stopped", t: " stopped" }[node.task.state as string];
  return `node ${node.kind}${state ?? ""}${node.here < 0 ? " unseen" : ""}${selected ? " selected" : ""}${related ? " related" : ""}`;
}

export const ProcessNode = memo(function ProcessNode(props: Props) {
  const { node, detail, onSelect } = props;
  const { width, height } = node;
  const full = detail === "full";
  /** Height of the lines of text; a group's field comes below. */
  const head = height - (node.field?.height ?? 0);
  const face = getStateFace(node.states[0]?.[0] ?? "S");
  const number = node.kind === "group" ? `×${formatCount(node.count)}` : node.numbers.join("|");
  const numberWidth = number.length * (node.kind === "group" ? NAME_ADVANCE : 6.6) + 8;
  const baseline = full ? 17 : 16;
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button.
    <g
      className={classOf(node, props.selected, props.related)}
      style={{ transform: `translate(${node.x}px, ${node.y}px)` }}
      role="button"
      aria-label={describe(node)}
      aria-pressed={props.selected}
      data-key={node.key}
      tabIndex={props.tabbable ? 0 : -1}
      onClick={() => onSelect(node)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        onSelect(node);
      }}
      onPointerEnter={(event) => event.pointerType === "mouse" && props.onHover(node)}
      onFocus={() => props.onFocus(node.key)}
    >
      {node.kind === "group" && (
        <>
          <rect className="behind" x={6} y={-6} width={width - 6} height={height} />
          <rect className="behind" x={3} y={-3} width={width - 3} height={height} />
        </>
      )}
      <rect className="halo" x={-3.5} y={-3.5} width={width + 7} height={height + 7} />
      <rect className="box" x={0.5} y={0.5} width={width - 1} height={height - 1} />
      <line className="flag-line" x1={FLAG} x2={FLAG} y1={0} y2={head} />
      <circle className="mark-ground" cx={FLAG / 2} cy={full ? 14 : head / 2} r={3} />
      <StateMark face={face} x={FLAG / 2} y={full ? 14 : head / 2} />
      {full && (
        <text className="small" x={FLAG / 2} y={34} textAnchor="middle">
          {face.letter}
        </text>
      )}
      <g key={node.comm} className="words">
        <rect className="halo morph" x={0} y={0} width={width} height={height} />
        <text className="comm" x={FLAG + 6} y={baseline}>
          {cut(node.comm, width - FLAG - 8 - numberWidth, NAME_ADVANCE)}
        </text>
      </g>
      <text className={node.kind === "group" ? "comm" : "small"} x={width - 6} y={baseline} textAnchor="end">
        {node.kind === "group" || node.numbers.length === 1 ? number : <Numbers node={node} />}
      </text>
      {full && <SecondLine node={node} />}
      <Field node={node} top={head} />
      {node.kind === "group" ? <StateBar node={node} /> : <Rail node={node} />}
    </g>
  );
}, isSame);

/** A frame makes new shape objects; what looks the same is not drawn again. */
function isSame(before: Props, after: Props): boolean {
  const keys = ["here", "x", "y", "width", "height", "comm", "count", "generations", "share", "rssBytes", "orphanOf", "kind"] as const;
  return (
    before.detail === after.detail &&
    before.selected === after.selected &&
    before.related === after.related &&
    before.tabbable === after.tabbable &&
    before.onSelect === after.onSelect &&
    keys.every((key) => before.node[key] === after.node[key]) &&
    before.node.task.argv === after.node.task.argv &&
    before.node.numbers.join() === after.node.numbers.join() &&
    before.node.states.join() === after.node.states.join()
  );
}

/** All numbers of one process, the host's first; the one of where it is seen from stands out. */
function Numbers({ node }: { readonly node: NodeShape }) {
  return node.numbers.map((number, level) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a level is an index.
    <Fragment key={level}>
      {level > 0 && <tspan className="wall">|</tspan>}
      <tspan className={level === node.here ? "here" : undefined}>{number}</tspan>
    </Fragment>
  ));
}

function SecondLine({ node }: { readonly node: NodeShape }) {
  const figures = node.kind === "ghost" ? "" : node.share >= 0.0005 ? formatShare(node.share) : formatBytes(node.rssBytes);
  const room = node.width - FLAG - 14 - figures.length * SMALL_ADVANCE;
  return (
    <>
      <text className="small" x={FLAG + 6} y={33}>
        {cut(getRemark(node), room, SMALL_ADVANCE)}
      </text>
      <text className="small" x={node.width - 6} y={33} textAnchor="end">
        {figures}
      </text>
    </>
  );
}

function getRemark(node: NodeShape): string {
  if (node.kind === "group") {
    if (node.generations > 1) return `${node.generations} gen.`;
    return node.field === undefined ? node.states.map(([state, count]) => `${state} ${formatCount(count)}`).join(" ") : "";
  }
  if (node.kind === "ghost") return "ended";
  if (node.task.state === "Z") return "not yet waited for";
  if (node.orphanOf !== undefined) return `orphan of ${node.orphanOf}`;
  return node.task.argv.slice(1).join(" ");
}

/** The members of a group, one square each or one for so many, by state. */
function Field({ node, top }: { readonly node: NodeShape; readonly top: number }) {
  const { field } = node;
  if (field === undefined) return null;
  let at = 0;
  const paths = node.states.map(([state, count]) => {
    const squares = Math.max(1, Math.round(count / field.perSquare));
    let path = "";
    for (let i = 0; i < squares; i++, at++) {
      const x = SQUARE.margin + (at % field.columns) * SQUARE.pitch;
      const y = top + Math.floor(at / field.columns) * SQUARE.pitch;
      // Running ones are solid, the others outlines: the field reads without its hues.
      path += `M${x + 0.5} ${y + 0.5}h${SQUARE.size - 1}v${SQUARE.size - 1}h${1 - SQUARE.size}z`;
      if (state === "Z") path += `l${SQUARE.size - 1} ${SQUARE.size - 1}`;
    }
    return (
      <path key={state} d={path} style={{ stroke: `var(--state-${state})`, fill: state === "R" ? `var(--state-${state})` : "none" }} />
    );
  });
  const states = node.states.map(([state, count]) => `${state} ${formatCount(count)}`).join("  ");
  const room = node.width - 2 * SQUARE.margin;
  return (
    <>
      <line className="flag-line" x1={0} x2={node.width} y1={top - 4} y2={top - 4} />
      {paths}
      {field.perSquare > 1 && (
        <text className="small" x={SQUARE.margin} y={node.height - 9 - SQUARE.caption}>
          {`1 square: ${formatCount(field.perSquare)}`}
        </text>
      )}
      <text className="small" x={SQUARE.margin} y={node.height - 9}>
        {cut(states, room, SMALL_ADVANCE)}
      </text>
    </>
  );
}

/** CPU use along the lower edge: full width is one whole CPU. */
function Rail({ node }: { readonly node: NodeShape }) {
  const share = Math.min(1, node.share);
  return <rect className="rail" x={1} y={node.height - 4} width={Math.max(0, (node.width - 2) * share)} height={3} />;
}

/** How the states divide a group, along its lower edge. */
function StateBar({ node }: { readonly node: NodeShape }) {
  let x = 1;
  return (
    <>
      {node.states.map(([state, count]) => {
        const width = ((node.width - 2) * count) / node.count;
        const at = x;
        x += width;
        return (
          <rect
            key={state}
            x={at}
            y={node.height - 4}
            width={Math.max(0.5, width - 1)}
            height={3}
            style={{ fill: `var(--state-${state})` }}
          />
        );
      })}
    </>
  );
}
