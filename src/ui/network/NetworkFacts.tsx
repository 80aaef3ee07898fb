/** What is known of the network of a namespace, below its other details: links, routes, whom it reaches, who listens, neighbours, its last packets. */
import "../styles/network.css";
import { useEffect, useState } from "react";
import type { Answer, LinkEntity, NetworkEntity, PacketEntity, RouteEntity } from "../../bridge/messages.ts";
import { useSession } from "../context.tsx";
import { formatBytes, formatCount } from "../format.ts";
import { getLinkKey, type LiveKind } from "../live.ts";
import { live, onFrame, toggleSelection } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { tellState } from "./names.ts";
import { HOW_KNOWN, OUTSIDE, tellReach, tellRewrite, tellWay } from "./reach.ts";
import { readNetworks } from "./state.ts";
import { useReach } from "./use-reach.ts";

const SEEN: readonly LiveKind[] = ["networks", "counters", "packets"];
const ASK_MS = 600;
const SHOWN_MOST = 12;
const PACKETS_SHOWN = 6;

/** The answer to a question that is asked again while the machine runs. */
function useNetworking(ino: number): Extract<Answer, { kind: "network" }> | undefined {
  const session = useSession();
  const [answer, setAnswer] = useState<Extract<Answer, { kind: "network" }> | undefined>(undefined);
  useEffect(() => {
    let ended = false;
    let askedMs = Number.NEGATIVE_INFINITY;
    let askedNs = -1;
    const ask = (): void => {
      const now = performance.now();
      if (now - askedMs < ASK_MS || live.nowNs === askedNs) return;
      askedMs = now;
      askedNs = live.nowNs;
      void session.ask({ kind: "network", netNs: ino }).then((found) => {
        if (!ended && found.kind === "network") setAnswer((before) => (JSON.stringify(before) === JSON.stringify(found) ? before : found));
      });
    };
    ask();
    const end = onFrame(ask);
    return () => {
      ended = true;
      end();
    };
  }, [session, ino]);
  return answer;
}

export function tellRoute({ dst, gateway, dev, type, metric, src }: RouteEntity, links: readonly LinkEntity[]): string {
  const name = links.find(({ ifindex }) => ifindex === dev)?.name;
  const parts = [
    type === "unicast" ? dst : `${type} ${dst}`,
    gateway === undefined ? "" : `via ${gateway}`,
    name === undefined ? "" : `dev ${name}`,
    src === undefined ? "" : `src ${src}`,
    metric === 0 ? "" : `metric ${metric}`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}

export function tellCounters(netNs: number, { ifindex }: LinkEntity): string {
  const counters = live.counters.get(getLinkKey({ netNs, ifindex }));
  if (counters === undefined) return "nothing moved";
  const { rxPackets, rxBytes, rxDropped, txPackets, txBytes, txDropped } = counters;
  const dropped = rxDropped + txDropped === 0 ? "" : `, ${formatCount(rxDropped + txDropped)} dropped`;
  return `in ${formatCount(rxPackets)} (${formatBytes(rxBytes)}), out ${formatCount(txPackets)} (${formatBytes(txBytes)})${dropped}`;
}

export function tellPacketEvent({ header, event }: PacketEntity): string {
  if (event.kind === "drop") return `${header}, dropped: ${event.rule === undefined ? event.reason : `by ${event.rule}`}`;
  if (event.kind === "hop") return header;
  return `${header}, ${event.answer ? "turned back" : event.what} at ${event.hook}: ${event.before} → ${event.after} by ${event.rule}`;
}

function isAt({ event }: PacketEntity, ino: number): boolean {
  return event.kind === "hop" ? event.from.netNs === ino || event.to.netNs === ino : event.at.netNs === ino;
}

export function NetworkFacts({ network }: { readonly network: NetworkEntity }) {
  useLiveVersion(250, SEEN);
  const { ino, links, routes } = network;
  const reach = useReach(ino);
  const asked = useNetworking(ino);
  const { nameOf } = readNetworks();
  const packets = live.packets
    .filter((packet) => isAt(packet, ino))
    .slice(-PACKETS_SHOWN)
    .reverse();
  return (
    <>
      {network.name !== "" && (
        <div className="wide">
          <dt className="label">Pinned by</dt>
          <dd>/run/netns/{network.name}</dd>
        </div>
      )}
      {links.slice(0, SHOWN_MOST).map((link) => (
        <div key={link.ifindex} className="half">
          <dt className="label verbatim">{link.name}</dt>
          <dd>
            {[link.kind, tellState(link), ...link.addresses, `mtu ${link.mtu}`].join(" ")}
            <br />
            {tellCounters(ino, link)}
          </dd>
        </div>
      ))}
      <List name="Routes" items={routes.map((route) => tellRoute(route, links))} none="none: nothing can be sent" />
      <div className="wide">
        <dt className="label">Who can be reached</dt>
        <dd className="reach-list">
          {[...reach].slice(0, SHOWN_MOST).map(([other, found]) => (
            <span key={other}>
              {other === OUTSIDE ? (
                nameOf(other)
              ) : (
                <button type="button" className="link-button" onClick={() => toggleSelection({ kind: "namespace", ino: other })}>
                  {nameOf(other)}
                </button>
              )}
              {` ${tellReach(found, nameOf)}`}
              {found.ways
                .filter((way) => way !== found.best || way.rewrites.length > 0)
                .map((way) => (
                  <span key={`${way.protocol} ${way.dst}`} className="way">
                    {[
                      `${way.protocol === "tcp" ? "TCP" : "ping"} ${way.dst} ${tellWay(way, nameOf)}`,
                      ...way.rewrites.map((one) => tellRewrite(one, nameOf)),
                    ].join("; ")}
                  </span>
                ))}
            </span>
          ))}
          {reach.size === 0 && "there is nobody else"}
          <span className="soft">{HOW_KNOWN}</span>
        </dd>
      </div>
      <List name="Rules" items={asked?.rules ?? []} none="none" />
      <List name="Listening" items={asked?.listening ?? []} none="nobody" />
      <List name="Neighbours" items={asked?.neighbours ?? []} none="none known" />
      <List name="Last packets" items={packets.map(tellPacketEvent)} none="none seen; they are followed while the Network view is shown" />
    </>
  );
}

function List({ name, items, none }: { readonly name: string; readonly items: readonly string[]; readonly none: string }) {
  return (
    <div className="wide">
      <dt className="label">{name}</dt>
      <dd className="packet-list">
        {items.slice(0, SHOWN_MOST).map((item, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines may be equal.
          <span key={`${i} ${item}`}>{item}</span>
        ))}
        {items.length > SHOWN_MOST && <span>and {formatCount(items.length - SHOWN_MOST)} more</span>}
        {items.length === 0 && none}
      </dd>
    </div>
  );
}
