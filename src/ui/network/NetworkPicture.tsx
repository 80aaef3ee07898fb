/** Network namespaces as cards with wires between them: measures its room, asks `layout.ts` for shapes, and draws them. */
import "../styles/network.css";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type { NetworkEntity } from "../../bridge/messages.ts";
import type { LiveKind } from "../live.ts";
import { findNeighbour } from "../picture/navigate.ts";
import { TryThese } from "../picture/TryThese.tsx";
import { useNews } from "../picture/use-news.ts";
import { live, useStore } from "../store.ts";
import { useLiveVersion, useRelated, useSize } from "../use-live.ts";
import { Card } from "./Card.tsx";
import { layoutNetwork } from "./layout.ts";
import { endKey, type NetworkShapes } from "./shapes.ts";
import { PACKET_MARKS } from "./marks.ts";
import { nameNetwork } from "./names.ts";
import { OUTSIDE } from "./reach.ts";
import { NETWORK_KINDS, readNetworks, useSelectedNetwork } from "./state.ts";
import { RemarkNote, type Spot, stackRemarks } from "./Remarks.tsx";
import { FlightMark, RackDrawing, Water, WireLine } from "./Wires.tsx";
import { type Remark, useTraffic, useWatchedPackets } from "./use-packets.ts";
import { useReach } from "./use-reach.ts";

const REDRAW_MS = 120;
const PACKETS: readonly LiveKind[] = ["packets"];
const EXAMPLES = [
  "ip netns add blue",
  "ip link add v0 type veth peer name v1 netns blue",
  "ip addr add 10.0.0.1/24 dev v0; ip link set v0 up",
  "ip -n blue addr add 10.0.0.2/24 dev v1; ip -n blue link set v1 up",
  "ping -c 4 10.0.0.2",
];

const nameAloud = (network: NetworkEntity): string => `network ${nameNetwork(network, undefined, live.tasks)}`;

export function NetworkPicture() {
  const drawing = useRef<HTMLElement>(null);
  const { width, height } = useSize(drawing);
  const version = useLiveVersion(REDRAW_MS, NETWORK_KINDS);
  useWatchedPackets();
  useNews(live.networks, live.versions.networks, nameAloud);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for what is read.
  const shapes = useMemo(() => {
    const { host, all, nameOf } = readNetworks();
    return layoutNetwork({ networks: all, host, nameOf, width, height: height - 1 });
  }, [version, width, height]);
  const alone = live.networks.size === 1;
  return (
    <>
      <Ticker />
      <section
        className="drawing network"
        ref={drawing}
        aria-label="Network as a picture"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        {width > 0 && live.networks.size > 0 && <Plan shapes={shapes} />}
        {alone && (
          <TryThese
            words="The host's network is alone with its cable to the world outside. These make a second one, lay a wire, give both ends an address, and send something:"
            commands={EXAMPLES}
          />
        )}
      </section>
      <Legend />
    </>
  );
}

/** The last packet's header in words. */
function Ticker() {
  useLiveVersion(200, PACKETS);
  const last = live.packets.at(-1);
  return (
    <div className="view-bar network-bar">
      <span className="label">Last packet</span>
      <output className="header" aria-live="off">
        {last === undefined ? "none seen since this view was opened" : last.header}
      </output>
    </div>
  );
}

function Plan({ shapes }: { readonly shapes: NetworkShapes }) {
  const [focused, setFocused] = useState<string | undefined>(undefined);
  const [pointed, setPointed] = useState<string | undefined>(undefined);
  const drawing = useRef<SVGSVGElement>(null);
  const related = useRelated();
  const selected = useSelectedNetwork();
  const reach = useReach(selected?.ino);
  const { flights, remarks, rates } = useTraffic();
  const { nameOf } = readNetworks();
  const { cards, wires } = shapes;
  const items = cards.map(({ key, x, y, width, height }) => ({ key, x: x + width / 2, y: y + height / 2 }));
  const entry = items.some(({ key }) => key === focused) ? focused : cards[0]?.key;
  const at = new Map(
    cards.flatMap(({ network, x, width, headY, ports, bars }) => [
      // What has no place of its own, such as the loopback device, is told of at the name.
      [endKey({ netNs: network.ino, ifindex: 0 }), { x: x + width / 2, y: headY - 4 }] as const,
      ...bars.map((bar) => [endKey(bar.end), { x: bar.x + 20, y: bar.y }] as const),
      ...ports.map((port) => [endKey(port.end), port] as const),
    ]),
  );
  const placeOf = ({ at: end }: Remark): Spot | undefined => at.get(endKey(end)) ?? at.get(endKey({ netNs: end.netNs, ifindex: 0 }));
  useEffect(() => {
    if (selected !== undefined) drawing.current?.querySelector(`[data-key="n${selected.ino}"]`)?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const onKeyDown = (event: KeyboardEvent<SVGSVGElement>): void => {
    const next = findNeighbour(items, entry, event.key);
    if (next === undefined) return;
    event.preventDefault();
    event.currentTarget.querySelector<SVGGElement>(`[data-key="${CSS.escape(next.key)}"]`)?.focus();
  };
  return (
    <svg
      ref={drawing}
      width={shapes.width}
      height={shapes.height}
      className={`network-plan${related === undefined ? "" : " dimmed"}`}
      onKeyDown={onKeyDown}
      onPointerLeave={() => setPointed(undefined)}
    >
      <title>Network namespaces and the wires between them</title>
      {shapes.waterY !== undefined && <Water y={shapes.waterY} width={shapes.width} reach={reach.get(OUTSIDE)} nameOf={nameOf} />}
      {wires.map((wire) => (
        <WireLine
          key={wire.key}
          wire={wire}
          rate={Math.max(rates.get(endKey(wire.from)) ?? 0, rates.get(endKey(wire.to)) ?? 0)}
          lit={pointed === undefined || pointed === wire.key}
          related={related === undefined || related.namespaces.has(wire.from.netNs) || related.namespaces.has(wire.to.netNs)}
          onPoint={setPointed}
        />
      ))}
      {cards.map((card) => (
        <Card
          key={card.key}
          card={card}
          tabbable={card.key === entry}
          onFocus={setFocused}
          related={related === undefined || related.namespaces.has(card.network.ino)}
          reach={reach.get(card.network.ino)}
          nameOf={nameOf}
        />
      ))}
      {shapes.rack !== undefined && <RackDrawing rack={shapes.rack} />}
      {flights.map((flight) => (
        <FlightMark key={`${flight.packet.seq}`} flight={flight} wires={wires} />
      ))}
      {stackRemarks(remarks, placeOf, shapes.width).map((note) => (
        <RemarkNote key={`${note.remark.packet.seq} ${note.remark.text}`} note={note} />
      ))}
    </svg>
  );
}

const WIRES = [
  ["veth", "veth pair"],
  ["uplink", "cable"],
  ["veth off", "down"],
] as const;

const MARKS = [
  ["icmp", "ICMP"],
  ["tcp", "TCP"],
  ["udp", "UDP"],
  ["arp", "ARP"],
] as const;

function Legend() {
  const selection = useStore((state) => state.selection);
  if (selection !== undefined) return null;
  return (
    <div className="legend">
      <span className="label">Key</span>
      {WIRES.map(([kind, words]) => (
        <span className="legend-entry" key={kind}>
          <svg width="22" height="10" aria-hidden="true" className="network-plan">
            <g className={`wire ${kind}`}>
              <path className="line" d="M0 5H22" />
              {kind === "uplink" && <path className="core" d="M0 5H22" />}
            </g>
          </svg>
          {words}
        </span>
      ))}
      {MARKS.map(([protocol, words]) => (
        <span className="legend-entry" key={protocol}>
          <svg width="14" height="12" viewBox="-7 -6 14 12" aria-hidden="true" className="network-plan">
            <FlightShape protocol={protocol} />
          </svg>
          {words}
        </span>
      ))}
    </div>
  );
}

function FlightShape({ protocol }: { readonly protocol: (typeof MARKS)[number][0] }) {
  return <path className={`packet-mark ${protocol}`} d={PACKET_MARKS[protocol]} />;
}
