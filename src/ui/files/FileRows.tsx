/** The rows of the mount tree: a box for a mount, a line of text for an entry of an open directory. */
import { memo } from "react";
import { formatBytes } from "../format.ts";
import { hover } from "../store.ts";
import { ENTRY_PITCH, getPropagation, MOUNT_HEIGHT, type Propagation, type RowShape } from "./layout.ts";
import { cutEnd, cutStart, describeType, formatMode, isDirectory, isLink, isRegular, showName } from "./names.ts";

interface Common {
  readonly tabbable: boolean;
  readonly onFocus: (key: string) => void;
  readonly onActivate: (row: RowShape) => void;
  readonly onToggle: (row: RowShape) => void;
}

const FLAG = 38;
/** Advance of the mono face at 12.5 and 10.5 pixels. */
const NAME_ADVANCE = 7.5;
const SMALL_ADVANCE = 6.3;

/** What a row is for assistive technology and the keyboard. */
function treeItem(row: RowShape, { tabbable, onFocus, onActivate }: Common, open: boolean | undefined, selected: boolean) {
  return {
    role: "treeitem",
    "aria-level": row.depth + 1,
    "aria-selected": selected,
    ...(open === undefined ? {} : { "aria-expanded": open }),
    "data-key": row.key,
    tabIndex: tabbable ? 0 : -1,
    style: { transform: `translate(${row.x}px, ${row.y}px)` },
    onClick: () => onActivate(row),
    onFocus: () => onFocus(row.key),
  } as const;
}

/** The sign of a directory or mount that can be opened. */
function Turner({ x, y, open }: { readonly x: number; readonly y: number; readonly open: boolean }) {
  return <path className="turner" d={open ? `M${x - 4} ${y - 2}h8l-4 5z` : `M${x - 2} ${y - 4}v8l5-4z`} />;
}

/** How changes below a mount reach others, around (0, 0). */
export function PropagationMark({ propagation }: { readonly propagation: Propagation }) {
  switch (propagation) {
    case "shared":
      return (
        <g className="propagation">
          <circle cx={-2.8} r={4} />
          <circle cx={2.8} r={4} />
        </g>
      );
    case "slave":
      return (
        <g className="propagation">
          <circle cx={-3.5} r={4} />
          <path d="M8.500 0H2M4.500-2.500L1.500 0l3 2.500" />
        </g>
      );
    case "slave and shared":
      return (
        <g className="propagation">
          <circle cx={-5} r={3.4} />
          <circle cx={-0.6} r={3.4} />
          <path d="M9 0H4.500M6.500-2L4 0l2.500 2" />
        </g>
      );
    case "unbindable":
      return (
        <g className="propagation">
          <circle r={4.2} />
          <path d="M-3-3L3 3" />
        </g>
      );
    case "private":
      return <circle className="propagation-none" r={1.8} />;
  }
}

function describePropagation(row: RowShape & { kind: "mount" }): string {
  const { shared, master } = row.mount;
  const words = [shared === undefined ? "" : `shared in peer group ${shared}`, master === undefined ? "" : `slave of peer group ${master}`];
  const said = words.filter((word) => word !== "").join(", ");
  return said === "" ? row.propagation : said;
}

export const MountRow = memo(function MountRow({ row, selected, dim, marksX, ...common }: MountRowProps) {
  const { mount, width, propagation, reachable } = row;
  const covered = !reachable;
  const cover = row.coveredBy === undefined ? "" : ` by mount ${row.coveredBy}`;
  const type = mount.fstype;
  // Where there is little room the type stands with the options.
  const compact = width < 210;
  const tag = compact ? -8 : type.length * SMALL_ADVANCE + 10;
  const target = showName(mount.target);
  const second = covered
    ? `covered${cover}`
    : `${showName(mount.source)}${mount.root === "/" ? "" : ` [${showName(mount.root)}]`}  ${mount.options}`;
  const group = [mount.shared, mount.master].filter((one) => one !== undefined).join("<");
  const told = `Mount ${mount.id}, ${target}, ${type}, ${describePropagation(row)}${covered ? `, covered${cover}` : ""}`;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its role is spread into it.
    <g
      {...treeItem(row, common, reachable ? row.open : undefined, selected)}
      className={`node mount-row${covered ? " covered" : ""}${selected ? " selected" : ""}${dim ? " dim" : ""}`}
      aria-label={told}
      onDoubleClick={() => common.onToggle(row)}
      onPointerEnter={(event) => event.pointerType === "mouse" && hover({ kind: "mount", id: mount.id })}
      onPointerLeave={() => hover(undefined)}
    >
      <rect className="halo" x={-3.5} y={-3.5} width={width + 7} height={MOUNT_HEIGHT + 7} />
      <rect className="box" x={0.5} y={0.5} width={width - 1} height={MOUNT_HEIGHT - 1} />
      <line className="flag-line" x1={FLAG} x2={FLAG} y1={0} y2={MOUNT_HEIGHT} />
      <text className="small" x={FLAG / 2} y={16} textAnchor="middle">
        {mount.id}
      </text>
      {reachable && (
        // biome-ignore lint/a11y/noStaticElementInteractions: a part of the row, whose arrow keys open and close it.
        <g
          className="turner-ground"
          onClick={(event) => {
            event.stopPropagation();
            common.onToggle(row);
          }}
        >
          <rect width={FLAG} height={MOUNT_HEIGHT} />
          <Turner x={FLAG / 2} y={28} open={row.open} />
        </g>
      )}
      <text className="comm" x={FLAG + 8} y={17}>
        {cutStart(target, width - FLAG - tag - 22, NAME_ADVANCE)}
      </text>
      {!compact && (
        <>
          <rect className="tag" x={width - tag - 5.5} y={5.5} width={tag} height={15} />
          <text className="small" x={width - 5.5 - tag / 2} y={16.5} textAnchor="middle">
            {type}
          </text>
        </>
      )}
      <text className="small" x={FLAG + 8} y={32}>
        {cutEnd(compact && !covered && mount.source !== type ? `${type} ${second}` : second, width - FLAG - 14, SMALL_ADVANCE)}
      </text>
      <g transform={`translate(${marksX - row.x} ${MOUNT_HEIGHT / 2})`}>
        <PropagationMark propagation={propagation} />
        {group !== "" && (
          <text className="small group" y={17} textAnchor="middle">
            {group}
          </text>
        )}
      </g>
    </g>
  );
}, isSameMountRow);

type MountRowProps = Common & {
  readonly row: RowShape & { kind: "mount" };
  readonly selected: boolean;
  /** Something is pointed at that it has nothing to do with. */
  readonly dim: boolean;
  readonly marksX: number;
};

/** Layout makes new shapes; what looks the same is not drawn again. */
function isSameMountRow(a: MountRowProps, b: MountRowProps): boolean {
  const keys = ["x", "y", "width", "mount", "reachable", "open", "coveredBy"] as const;
  return (
    a.selected === b.selected &&
    a.dim === b.dim &&
    a.tabbable === b.tabbable &&
    a.marksX === b.marksX &&
    getPropagation(a.row.mount) === getPropagation(b.row.mount) &&
    keys.every((key) => a.row[key] === b.row[key])
  );
}

export function EntryRow({
  row,
  selected,
  ...common
}: Common & { readonly row: RowShape & { kind: "entry" }; readonly selected: boolean }) {
  const { entry, width } = row;
  const directory = isDirectory(entry.mode);
  const size = isRegular(entry.mode) && entry.bare !== true ? formatBytes(entry.sizeBytes) : "";
  const mode = entry.bare === true ? "" : formatMode(entry.mode);
  const wide = width > 260;
  const room = width - 22 - (wide ? 122 : 48);
  const name = cutEnd(showName(entry.name), room, 7.2);
  const rest = room - name.length * 7.2 - 24;
  const target = entry.target === undefined || rest < 30 ? "" : cutEnd(showName(entry.target), rest, SMALL_ADVANCE);
  const letter = formatMode(entry.mode)[0] ?? "-";
  const told = `${showName(entry.name)}, ${describeType(entry.mode)}${size === "" ? "" : `, ${size}`}`;
  return (
    <g
      {...treeItem(row, common, directory ? row.open : undefined, selected)}
      className={`entry-row${selected ? " selected" : ""}`}
      aria-label={entry.target === undefined ? told : `${told} to ${showName(entry.target)}`}
    >
      <rect className="entry-ground" x={2} y={0} width={width - 2} height={ENTRY_PITCH - 1} />
      {directory ? (
        <Turner x={9.5} y={ENTRY_PITCH / 2} open={row.open} />
      ) : (
        <text className="small" x={9.5} y={14.5} textAnchor="middle">
          {letter === "-" ? "·" : letter}
        </text>
      )}
      <text className={`entry-name${directory ? " directory" : ""}`} x={22} y={14.5}>
        {name}
        {isLink(entry.mode) && target !== "" && <tspan className="small">{`  → ${target}`}</tspan>}
      </text>
      <text className="small" x={width - (wide ? 80 : 6)} y={14.5} textAnchor="end">
        {size}
      </text>
      {wide && (
        <text className="small" x={width - 6} y={14.5} textAnchor="end">
          {mode}
        </text>
      )}
    </g>
  );
}

export function NoteRow({ row, ...common }: Common & { readonly row: RowShape & { kind: "note" } }) {
  const more = row.more > 0;
  return (
    <g {...treeItem(row, common, undefined, false)} className={`entry-row note${more ? " more" : ""}`} aria-label={row.text}>
      <rect className="entry-ground" x={2} y={0} width={row.width - 2} height={ENTRY_PITCH - 1} />
      <text className="small" x={22} y={14.5}>
        {row.text}
        {more ? ": show them" : ""}
      </text>
    </g>
  );
}
