/**
 * What a visitor can do, as objects: the palette, the buttons and the shortcuts are all made from these.
 */
import type { Session } from "../session.ts";
import type { PageState } from "../store.ts";

export interface ActionContext {
  readonly session: Session;
  readonly state: PageState;
}

export interface Action {
  /** Stable, as `noun.verb`. */
  readonly name: string;
  /** What the palette and the button say. */
  readonly label: string;
  /** Heading in the palette. */
  readonly section: "Terminal" | "Clock" | "Picture" | "Machine" | "Page";
  /** Keys such as `Ctrl+Shift+F`; Command counts as Ctrl. */
  readonly shortcut?: string;
  /** False where it would do nothing now. */
  readonly enabled?: (context: ActionContext) => boolean;
  readonly run: (context: ActionContext) => void;
}

export interface Keys {
  readonly key: string;
  /** The key's place on the keyboard. */
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
}

/** Whether a key event is the one that a shortcut names. With Alt the key counts, not the character that some keyboards then give. */
export function matchesShortcut(shortcut: string, event: Keys): boolean {
  const parts = shortcut.toLowerCase().split("+");
  const key = parts.at(-1);
  const held = event.altKey ? event.code.replace(/^(Digit|Key)/, "") : event.key;
  return (
    (event.key.toLowerCase() === key || held.toLowerCase() === key) &&
    (event.ctrlKey || event.metaKey) === parts.includes("ctrl") &&
    event.shiftKey === parts.includes("shift") &&
    event.altKey === parts.includes("alt")
  );
}
