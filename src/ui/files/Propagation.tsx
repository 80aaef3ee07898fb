/** Lines of propagation with the rails that they lead to, and what is lit with a mount. */
import { formatCount } from "../format.ts";
import { hover, live } from "../store.ts";
import type { FilesShapes, RailShape, RowShape, TieShape } from "./layout.ts";
import { chooseNamespace } from "./state.ts";

/** What has to do with a mount: what it sits on, what sits on it, and whom it exchanges changes with. */
export function findLit(id: number): ReadonlySet<number> {
  const lit = new Set<number>();
  for (let at = live.mounts.get(id); at !== undefined && !lit.has(at.id); at = live.mounts.get(at.parent ?? -1)) lit.add(at.id);
  const { shared, master, mntNs } = live.mounts.get(id) ?? {};
  const inside = new Set([id]);
  for (const mount of live.mounts.values()) {
    if (mount.mntNs === mntNs && mount.parent !== undefined && inside.has(mount.parent)) inside.add(mount.id);
    const tied =
      (shared !== undefined && (mount.shared === shared || mount.master === shared)) || (master !== undefined && mount.shared === master);
    if (tied || inside.has(mount.id)) lit.add(mount.id);
  }
  return lit;
}

export function isTieLit(tie: TieShape, rows: readonly RowShape[], lit: ReadonlySet<number> | undefined): boolean {
  if (lit === undefined) return true;
  const row = rows.find(({ key }) => key === tie.rowKey);
  return row?.kind === "mount" && lit.has(row.mount.id);
}

/** The upright name of a rail: leads to its namespace. */
export function RailName({ rail, top }: { readonly rail: RailShape; readonly top: number }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button.
    <g
      className="rail-name"
      role="button"
      tabIndex={0}
      aria-label={`Show the mount namespace of ${rail.label}`}
      transform={`translate(${rail.x} ${top - 10})`}
      onClick={() => chooseNamespace(rail.mntNs)}
      onKeyDown={(event) => event.key === "Enter" && chooseNamespace(rail.mntNs)}
      onPointerEnter={() => hover({ kind: "namespace", ino: rail.mntNs })}
      onPointerLeave={() => hover(undefined)}
    >
      <rect x={-10} y={-66} width={20} height={68} />
      <text transform="rotate(-90)" x={2} y={3.5}>
        {rail.label.length > 10 ? `${rail.label.slice(0, 9)}…` : rail.label}
      </text>
    </g>
  );
}

/** A line of propagation: to peers with rings at its ends, to what only receives with arrows. */
export function Tie({ tie, marksX, related }: { readonly tie: TieShape; readonly marksX: number; readonly related: boolean }) {
  const { ends, kind } = tie;
  const tips =
    kind === "to"
      ? ends.map(({ x, y }) => `M${x - 4} ${y}l-7-3.200v6.400z`)
      : ends.slice(0, 1).map(({ y }) => `M${marksX + 9} ${y}l7-3.200v6.400z`);
  return (
    <g className={`tie ${kind}${related ? "" : " faint"}`}>
      <path d={tie.path} />
      {ends.map(({ x, y }) => (
        <circle key={x} cx={x} cy={y} r={3.2} />
      ))}
      {kind !== "peer" && <path className="tip" d={tips.join("")} />}
    </g>
  );
}

export function Hatch() {
  return (
    <defs>
      <pattern id="hatch-covered" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="7" height="7" fill="var(--sheet)" />
        <path d="M0 0V7" stroke="var(--line-soft)" strokeWidth=".9" />
      </pattern>
    </defs>
  );
}

/** A dimension line over the tree: how many mounts there are. */
export function Dimension({ shapes }: { readonly shapes: FilesShapes }) {
  const left = 16;
  const y = shapes.top - 19;
  const right = Math.max(left + 200, shapes.marksX - 12);
  const covered = shapes.coveredCount > 0 ? ` · ${shapes.coveredCount} covered` : "";
  const text = `${formatCount(shapes.mountCount)} ${shapes.mountCount === 1 ? "mount" : "mounts"}${covered}`;
  const half = text.length * 3.5 + 8;
  const middle = (left + right) / 2;
  return (
    <g>
      <path
        className="dimension"
        d={`M${left} ${y}H${middle - half}M${middle + half} ${y}H${right}M${left}.5 ${y - 6}v12M${right - 0.5} ${y - 6}v12`}
      />
      <path className="dimension-arrow" d={`M${left} ${y}l8-2.500v5zM${right} ${y}l-8-2.500v5z`} />
      <text className="dimension-text" x={middle} y={y + 0.5}>
        {text}
      </text>
    </g>
  );
}
