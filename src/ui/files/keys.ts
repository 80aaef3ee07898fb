/** What a key does in the tree of mounts: the keys of the tree pattern of ARIA's authoring practices. */
import type { RowShape } from "./layout.ts";

export type KeyEffect = { readonly to: RowShape | undefined } | "toggle" | "activate";

/** Undefined for a key that the tree has no use for. */
export function decideKey(rows: readonly RowShape[], at: number, key: string): KeyEffect | undefined {
  const row = rows[at];
  if (row === undefined) return undefined;
  const isOpen = row.kind !== "note" && row.open;
  switch (key) {
    case "ArrowDown":
      return { to: rows[at + 1] };
    case "ArrowUp":
      return { to: rows[at - 1] };
    case "Home":
      return { to: rows[0] };
    case "End":
      return { to: rows.at(-1) };
    case "ArrowRight":
      return isOpen ? { to: rows[at + 1] } : "toggle";
    case "ArrowLeft":
      return isOpen ? "toggle" : { to: rows.find((other) => other.key === row.parentKey) };
    case "Enter":
    case " ":
      return "activate";
    default:
      return undefined;
  }
}
