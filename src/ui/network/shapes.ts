/** What the network drawing is made of: cards, ports, bars, wires, a rack; and what both its layout and its drawing ask of links. */
import type { LinkEnd, LinkEntity, NetworkEntity } from "../../bridge/messages.ts";

const CHAR = 6.45;

export interface PortShape {
  readonly key: string;
  readonly end: LinkEnd;
  readonly link: LinkEntity;
  /** Middle of the port, on the border. */
  readonly x: number;
  readonly y: number;
  readonly name: string;
  readonly address: string;
  /** Baselines of the two. */
  readonly nameY: number;
  readonly addressY: number;
  /** Where the line to its bridge ends; absent for what is no port of a bridge. */
  readonly barY?: number;
  /** More than one, drawn as one. */
  readonly count: number;
}

export interface BarShape {
  readonly key: string;
  readonly end: LinkEnd;
  readonly link: LinkEntity;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Baseline of its address, above or below it. */
  readonly addressY: number;
}

export interface CardShape {
  readonly key: string;
  readonly network: NetworkEntity;
  readonly title: string;
  readonly host: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly headY: number;
  readonly ports: readonly PortShape[];
  readonly bars: readonly BarShape[];
  /** Links without a wire, and what else is to be said. */
  readonly notes: readonly { readonly key: string; readonly text: string; readonly x: number; readonly y: number; readonly off: boolean }[];
  /** What is to be said of it as a whole, in a word or two. */
  readonly state: string;
}

export type Point = readonly [number, number];

export interface WireShape {
  readonly key: string;
  readonly kind: "veth" | "macvlan" | "uplink" | "trunk";
  readonly from: LinkEnd;
  readonly to: LinkEnd;
  readonly points: readonly Point[];
  readonly works: boolean;
}

export interface RackShape {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly cells: readonly {
    readonly ino: number;
    readonly x: number;
    readonly y: number;
    readonly title: string;
    readonly works: boolean;
  }[];
  readonly left: number;
}

export interface NetworkShapes {
  readonly width: number;
  readonly height: number;
  readonly cards: readonly CardShape[];
  readonly wires: readonly WireShape[];
  readonly rack: RackShape | undefined;
  /** The world outside begins here; absent where no cable leads there. */
  readonly waterY: number | undefined;
}

export interface NetworkInput {
  /** The host first, then the others in their order. */
  readonly networks: readonly NetworkEntity[];
  readonly host: number | undefined;
  readonly nameOf: (ino: number) => string;
  readonly width: number;
  readonly height: number;
}

export const textWidth = (text: string): number => text.length * CHAR;
export const endKey = ({ netNs, ifindex }: LinkEnd): string => `${netNs}.${ifindex}`;
export const works = ({ up, carrier }: LinkEntity): boolean => up && carrier;
export const isWired = ({ kind, peer }: LinkEntity, netNs: number): boolean =>
  (kind === "veth" && peer !== undefined) || (kind === "macvlan" && peer !== undefined && peer.netNs !== netNs);
