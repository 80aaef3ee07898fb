/** What came and what went while a view is shown, said in its live region: what a command did, for whoever does not see it move. */
import { useEffect, useRef } from "react";
import { announce } from "../store.ts";

/** More than this are counted instead of named. */
const NAMED_MOST = 3;

export interface News {
  readonly came: readonly string[];
  readonly went: readonly string[];
}

/** Told by name, or counted where they are many; nothing for no news. */
export function tellNews({ came, went }: News): string {
  const tell = (names: readonly string[], verb: string): string => {
    if (names.length === 0) return "";
    return names.length > NAMED_MOST ? `${names.length} ${verb}.` : `${names.join(", ")} ${verb}.`;
  };
  return [tell(came, "came"), tell(went, "went")].filter((text) => text !== "").join(" ");
}

/** `version` changes with the things; `name` is how one of them is called aloud. */
export function useNews<K, T>(things: ReadonlyMap<K, T>, version: number, name: (thing: T) => string): void {
  const known = useRef<ReadonlyMap<K, string> | undefined>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the map is one and the same; its version tells of changes.
  useEffect(() => {
    const before = known.current;
    const now = new Map([...things].map(([key, thing]) => [key, before?.get(key) ?? name(thing)]));
    known.current = now;
    if (before === undefined) return;
    const came = [...now].filter(([key]) => !before.has(key)).map(([, text]) => text);
    const went = [...before].filter(([key]) => !now.has(key)).map(([, text]) => text);
    const text = tellNews({ came, went });
    if (text !== "") announce(text);
  }, [version]);
}
