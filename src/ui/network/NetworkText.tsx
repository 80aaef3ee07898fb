/** The text twin of the network: links one a row, routes, who can reach whom, and the last packets. */
import "../styles/network.css";
import { formatCount } from "../format.ts";
import { getLinkKey, type LiveKind } from "../live.ts";
import { live, toggleSelection } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { tellState } from "./names.ts";
import { tellPacketEvent, tellRoute } from "./NetworkFacts.tsx";
import { HOW_KNOWN, OUTSIDE, tellMark, tellReach, tellRewrite, tellWay } from "./reach.ts";
import { type Networks, readNetworks, useSelectedNetwork } from "./state.ts";
import { useWatchedPackets } from "./use-packets.ts";
import { useReach, useReachOf } from "./use-reach.ts";

const SEEN: readonly LiveKind[] = ["networks", "namespaces", "tasks", "counters", "packets"];
const ROWS_MOST = 600;
const PACKETS_MOST = 40;
/** Namespaces of which everybody is asked about everybody. */
const MATRIX_MOST = 10;

export function NetworkText() {
  useLiveVersion(400, SEEN);
  useWatchedPackets();
  const networks = readNetworks();
  return (
    <section
      className="drawing plain"
      aria-label="Network as text"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
    >
      <Links networks={networks} />
      <Routes networks={networks} />
      <ReachMatrix networks={networks} />
      <ReachTable networks={networks} />
      <Packets networks={networks} />
    </section>
  );
}

function Head({ names }: { readonly names: readonly string[] }) {
  return (
    <thead>
      <tr>
        {names.map((name) => (
          <th key={name} scope="col" className="label">
            {name}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function Name({ ino, nameOf }: { readonly ino: number; readonly nameOf: Networks["nameOf"] }) {
  return (
    <button type="button" onClick={() => toggleSelection({ kind: "namespace", ino })}>
      {nameOf(ino)}
    </button>
  );
}

function Links({ networks }: { readonly networks: Networks }) {
  const { all, nameOf } = networks;
  const selected = useSelectedNetwork();
  const rows = all.flatMap((network) => network.links.map((link) => ({ network, link })));
  const findName = (netNs: number, ifindex: number): string =>
    live.networks.get(netNs)?.links.find((link) => link.ifindex === ifindex)?.name ?? String(ifindex);
  return (
    <table className="twin">
      <caption className="visually-hidden">Links</caption>
      <Head names={["Namespace", "Link", "Kind", "State", "Addresses", "Leads to", "Packets in", "Packets out", "Dropped", "MTU"]} />
      <tbody>
        {rows.slice(0, ROWS_MOST).map(({ network: { ino }, link }) => {
          const counters = live.counters.get(getLinkKey({ netNs: ino, ifindex: link.ifindex }));
          const peer = link.peer === undefined ? "" : `${findName(link.peer.netNs, link.peer.ifindex)} in ${nameOf(link.peer.netNs)}`;
          const master = link.master === undefined ? "" : `port of ${findName(ino, link.master)}`;
          return (
            <tr key={`${ino} ${link.ifindex}`} className={ino === selected?.ino ? "selected" : undefined}>
              <td>
                <Name ino={ino} nameOf={nameOf} />
              </td>
              <td>{link.name}</td>
              <td>{link.kind}</td>
              <td>{tellState(link)}</td>
              <td>{[...link.addresses, ...link.addresses6].join(" ")}</td>
              <td>{[link.kind === "uplink" ? "the world outside" : peer, master].filter((word) => word !== "").join(", ")}</td>
              <td className="number">{formatCount(counters?.rxPackets ?? 0)}</td>
              <td className="number">{formatCount(counters?.txPackets ?? 0)}</td>
              <td className="number">{formatCount((counters?.rxDropped ?? 0) + (counters?.txDropped ?? 0))}</td>
              <td className="number">{link.mtu}</td>
            </tr>
          );
        })}
        {rows.length > ROWS_MOST && (
          <tr>
            <td colSpan={10}>and {formatCount(rows.length - ROWS_MOST)} more</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

function Routes({ networks }: { readonly networks: Networks }) {
  const rows = networks.all.flatMap((network) => network.routes.map((route) => ({ network, text: tellRoute(route, network.links) })));
  return (
    <table className="twin">
      <caption className="visually-hidden">Routes</caption>
      <Head names={["Namespace", "Route"]} />
      <tbody>
        {rows.slice(0, ROWS_MOST).map(({ network, text }) => (
          <tr key={`${network.ino} ${text}`}>
            <td>{networks.nameOf(network.ino)}</td>
            <td>{text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Everybody whom everybody reaches, as long as they are few. */
function ReachMatrix({ networks }: { readonly networks: Networks }) {
  const { all, nameOf } = networks;
  const few = all.length >= 2 && all.length <= MATRIX_MOST ? all.map(({ ino }) => ino) : [];
  const found = useReachOf(few);
  if (few.length === 0) return null;
  const outside = [...found.values()].some((reached) => reached.has(OUTSIDE)) ? [OUTSIDE] : [];
  return (
    <table className="twin">
      <caption className="visually-hidden">Who can reach whom</caption>
      <Head names={["From \\ to", ...[...few, ...outside].map(nameOf)]} />
      <tbody>
        {few.map((from) => (
          <tr key={from}>
            <td>
              <Name ino={from} nameOf={nameOf} />
            </td>
            {[...few, ...outside].map((to) => {
              const reach = found.get(from)?.get(to);
              const words = reach === undefined ? "" : tellReach(reach, nameOf);
              return (
                <td key={to} title={words}>
                  {from === to ? "–" : reach === undefined ? "no address" : tellMark(reach)}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Of the selected one, else of the host. */
function ReachTable({ networks }: { readonly networks: Networks }) {
  const { host, nameOf } = networks;
  const selected = useSelectedNetwork();
  const from = selected?.ino ?? host;
  const reach = useReach(from);
  if (from === undefined || reach.size === 0) return null;
  return (
    <>
      <table className="twin">
        <caption className="visually-hidden">{`Whom ${nameOf(from)} can reach`}</caption>
        <Head names={["From", "To", "Verdict", "Asked for", "Answer", "Rewritten"]} />
        <tbody>
          {[...reach].flatMap(([ino, found]) =>
            found.ways.map((way, i) => (
              <tr key={`${ino} ${way.protocol} ${way.dst}`}>
                <td>{i === 0 ? nameOf(from) : ""}</td>
                <td>{i > 0 ? "" : ino === OUTSIDE ? nameOf(ino) : <Name ino={ino} nameOf={nameOf} />}</td>
                <td>{i === 0 ? tellReach(found, nameOf) : ""}</td>
                <td>{`${way.protocol === "tcp" ? "TCP" : "ping"} ${way.dst}`}</td>
                <td>{tellWay(way, nameOf)}</td>
                <td>{way.rewrites.map((one) => tellRewrite(one, nameOf)).join("; ")}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
      <p className="twin-rest">{HOW_KNOWN}</p>
    </>
  );
}

function Packets({ networks }: { readonly networks: Networks }) {
  const packets = live.packets.slice(-PACKETS_MOST).reverse();
  if (packets.length === 0) return null;
  const place = (netNs: number): string => (netNs === 0 ? "the world outside" : networks.nameOf(netNs));
  return (
    <table className="twin">
      <caption className="visually-hidden">Packets, the last one first</caption>
      <Head names={["Time", "Where", "Packet"]} />
      <tbody>
        {packets.map((packet) => {
          const { event } = packet;
          return (
            <tr key={packet.seq}>
              <td className="number">{`${(packet.atNs / 1e9).toFixed(6)} s`}</td>
              <td>{event.kind === "hop" ? `${place(event.from.netNs)} → ${place(event.to.netNs)}` : place(event.at.netNs)}</td>
              <td>{tellPacketEvent(packet)}</td>
            </tr>
          );
        })}
        {live.packetsLeftOut > 0 && (
          <tr>
            <td colSpan={3}>{formatCount(live.packetsLeftOut)} were not told: too many at once</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}
