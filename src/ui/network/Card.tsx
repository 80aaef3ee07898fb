/** A network namespace as a card: a compartment with ports on its border, its bridges as bars, and what the selected one reaches as a mark. */
import { Shape } from "../picture/Shape.tsx";
import { tellState } from "./names.ts";
import type { BarShape, CardShape, PortShape } from "./shapes.ts";
import { type Reach, tellReach } from "./reach.ts";
import { ReachMark } from "./ReachMark.tsx";

interface Props {
  readonly card: CardShape;
  readonly tabbable: boolean;
  readonly onFocus: (key: string) => void;
  readonly related: boolean;
  readonly reach: Reach | undefined;
  readonly nameOf: (ino: number) => string;
}

function describe({ title, network, state }: CardShape, reach: Reach | undefined, nameOf: Props["nameOf"]): string {
  const links = network.links
    .filter(({ kind }) => kind !== "loopback")
    .slice(0, 8)
    .map((link) =>
      [link.name, link.kind === "uplink" ? "" : link.kind, link.addresses.join(" "), tellState(link)]
        .filter((word) => word !== "")
        .join(" "),
    );
  const told = [
    ...links,
    ...(state === "" ? [] : [state]),
    ...(reach === undefined ? [] : [`the selected one ${tellReach(reach, nameOf)}`]),
  ];
  return `network ${title}: ${told.join(", ")}`;
}

export function Card({ card, tabbable, onFocus, related, reach, nameOf }: Props) {
  const { x, y, width, height, title, host, headY, ports, bars, notes, network, state } = card;
  return (
    <Shape
      id={card.key}
      name={describe(card, reach, nameOf)}
      selection={{ kind: "namespace", ino: network.ino }}
      className={`net-card${host ? " host" : ""}${related || reach !== undefined ? " related" : ""}${reach === undefined ? "" : ` reach-${reach.kind.replace(" ", "-")}`}`}
      tabbable={tabbable}
      onFocus={onFocus}
    >
      <rect className="halo" x={x - 4} y={y - 4} width={width + 8} height={height + 8} />
      <rect className="hull" x={x} y={y} width={width} height={height} />
      <path className="head-line" d={host ? `M${x} ${headY - 16}H${x + width}` : `M${x} ${y + 25.5}H${x + width}`} />
      <text className="card-name" x={x + 11} y={headY}>
        {title}
      </text>
      <text className="small" x={host ? x + 20 + title.length * 8 : x + width - 10} y={headY} textAnchor={host ? "start" : "end"}>
        {reach === undefined || host ? state : ""}
      </text>
      {bars.map((bar) => (
        <Bar key={bar.key} bar={bar} />
      ))}
      {notes.map((note) => (
        <text key={note.key} className={`small${note.off ? " off" : ""}`} x={note.x} y={note.y}>
          {note.text}
        </text>
      ))}
      {ports.map((port) => (
        <Port key={`${port.key} ${port.y}`} port={port} />
      ))}
      {reach !== undefined && (
        <ReachMark
          reach={reach}
          words={tellReach(reach, nameOf)}
          {...(host ? { left: x + 11, y: y + height + 2 } : { right: x + width - 6, y: y - 3 })}
        />
      )}
    </Shape>
  );
}

function Bar({ bar }: { readonly bar: BarShape }) {
  const { x, y, width, height, link } = bar;
  const works = link.up && link.carrier;
  return (
    <g className={`bridge-bar${works ? "" : " off"}`}>
      <rect x={x} y={y} width={width} height={height} />
      <text className="bar-name" x={x + 7} y={y + 12.5}>
        {link.name}
      </text>
      <text className="bar-kind" x={x + width - 7} y={y + 12} textAnchor="end">
        {works ? "BRIDGE" : tellState(link).toUpperCase()}
      </text>
      <text className="small" x={x + 1} y={bar.addressY}>
        {link.addresses.join(" ")}
      </text>
    </g>
  );
}

function Port({ port }: { readonly port: PortShape }) {
  const { x, y, link, barY, nameY, addressY, name, address, count } = port;
  const state = link.up ? (link.carrier ? "works" : "waiting") : "off";
  return (
    <g className={`port ${state}`}>
      {barY !== undefined && <path className="lead" d={`M${x} ${y}V${barY}`} />}
      {count > 1 && <rect className="socket behind" x={x - 2} y={y - 7} width={11} height={9} />}
      <rect className="socket" x={x - 5.5} y={y - 4.5} width={11} height={9} />
      {state === "off" && <path className="slash" d={`M${x - 7} ${y + 6}L${x + 7} ${y - 6}`} />}
      <text className="port-name" x={barY === undefined ? x : x + 5} y={nameY} textAnchor={barY === undefined ? "middle" : "start"}>
        {name}
        {nameY === addressY && <tspan className="small">{` ${address}`}</tspan>}
      </text>
      {nameY !== addressY && (
        <text className="small" x={x} y={addressY} textAnchor="middle">
          {address}
        </text>
      )}
    </g>
  );
}
