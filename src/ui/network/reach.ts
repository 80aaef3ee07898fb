/** Who can reach whom, as the machine answers it (`Query` "reach"): one verdict for each namespace, and every way in words. */
import type { ReachRewrite, ReachWay } from "../../bridge/messages.ts";

export const HOW_KNOWN =
  "The machine is asked: packets that leave no trace are walked through its routes, bridges and iptables rules, there and back. Not considered: connections that exist already, what netem loses, IPv6.";

/** The key of the world outside among namespaces. */
export const OUTSIDE = 0;

export interface Reach {
  readonly kind: "both" | "one way" | "none";
  /** The way that speaks for all. */
  readonly best: ReachWay;
  readonly ways: readonly ReachWay[];
}

type NameOf = (ino: number) => string;

const RANK = { answered: 0, there: 1, none: 2 } as const;
const KINDS = { answered: "both", there: "one way", none: "none" } as const;

/** By namespace, in the order in which they come. An echo speaks for its host sooner than a port does. */
export function sumUp(ways: readonly ReachWay[]): ReadonlyMap<number, Reach> {
  const byTarget = new Map<number, ReachWay[]>();
  for (const way of ways) {
    const list = byTarget.get(way.to);
    if (list === undefined) byTarget.set(way.to, [way]);
    else list.push(way);
  }
  const found = new Map<number, Reach>();
  for (const [to, list] of byTarget) {
    const [best] = [...list].sort((a, b) => RANK[a.state] - RANK[b.state] || Number(a.protocol === "tcp") - Number(b.protocol === "tcp"));
    if (best !== undefined) found.set(to, { kind: KINDS[best.state], best, ways: list });
  }
  return found;
}

const tellEnd = ({ protocol, dst }: ReachWay): string => (protocol === "tcp" ? `${dst} by TCP` : dst);

function tellWhy({ halt }: ReachWay, nameOf: NameOf): string {
  return halt === undefined ? "nothing is known of an answer" : `${nameOf(halt.netNs)} ${halt.words}`;
}

/** In one line: `reaches 10.0.0.2`, `cannot: host has no route to 10.0.0.2`. */
export function tellReach({ kind, best }: Reach, nameOf: NameOf): string {
  switch (kind) {
    case "both":
      return `reaches ${tellEnd(best)}`;
    case "one way":
      return `${tellEnd(best)} one way: ${tellWhy(best, nameOf)}`;
    case "none":
      return `cannot: ${tellWhy(best, nameOf)}`;
  }
}

export const tellRewrite = ({ netNs, before, after, rule }: ReachRewrite, nameOf: NameOf): string =>
  `${before} → ${after} by ${rule} of ${nameOf(netNs)}`;

/** What becomes of one question. */
export function tellWay(way: ReachWay, nameOf: NameOf): string {
  if (way.state === "answered") return "answered";
  return `${way.state === "there" ? "gets there, no answer: " : "no: "}${tellWhy(way, nameOf)}`;
}

/** A word or two for the mark on a card. */
export function tellMark({ kind, best }: Reach): string {
  if (kind === "both") return best.protocol === "tcp" ? `port ${best.dst.slice(best.dst.indexOf(":") + 1)}` : "reached";
  if (best.halt?.byRule === true) return kind === "none" ? "filtered" : "no answer";
  return kind === "none" ? "not reached" : "no way back";
}
