/** Asks the machine whom network namespaces reach: anew when a network or its rules have changed, and now and then while the machine runs. */
import { useEffect, useState } from "react";
import type { Answer } from "../../bridge/messages.ts";
import { useSession } from "../context.tsx";
import { live, onFrame } from "../store.ts";
import { type Reach, sumUp } from "./reach.ts";

const ASK_MS = 700;
/** Where nothing has changed that frames tell of: who listens, what rules have let through. */
const LOOK_MS = 2500;

export type Reached = ReadonlyMap<number, Reach>;

const NOBODY: ReadonlyMap<number, Reached> = new Map();

/** For each of these namespaces, whom it reaches. */
export function useReachOf(inos: readonly number[]): ReadonlyMap<number, Reached> {
  const session = useSession();
  const [found, setFound] = useState(NOBODY);
  const key = inos.join(" ");
  useEffect(() => {
    const asked = key === "" ? [] : key.split(" ").map(Number);
    let ended = false;
    let atMs = Number.NEGATIVE_INFINITY;
    let atNs = -1;
    let version = -1;
    const texts = new Map<number, string>();
    const take = (ino: number, answer: Answer): void => {
      const text = JSON.stringify(answer);
      if (ended || answer.kind !== "reach" || texts.get(ino) === text) return;
      texts.set(ino, text);
      setFound((before) => new Map([...before, [ino, sumUp(answer.ways)]]));
    };
    const ask = (): void => {
      const now = performance.now();
      const changed = version !== live.versions.networks;
      if (now - atMs < (changed ? ASK_MS : LOOK_MS) || (!changed && live.nowNs === atNs)) return;
      atMs = now;
      atNs = live.nowNs;
      version = live.versions.networks;
      for (const ino of asked) void session.ask({ kind: "reach", from: ino }).then((answer) => take(ino, answer));
    };
    setFound(NOBODY);
    ask();
    const end = asked.length === 0 ? undefined : onFrame(ask);
    return () => {
      ended = true;
      end?.();
    };
  }, [session, key]);
  return found;
}

const EMPTY: Reached = new Map();

/** Whom one reaches; nobody until the machine has answered. */
export function useReach(from: number | undefined): Reached {
  const found = useReachOf(from === undefined ? [] : [from]);
  return (from === undefined ? undefined : found.get(from)) ?? EMPTY;
}
