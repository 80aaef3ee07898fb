/** `f` of top, "Fields Management": which columns are shown, in which order, and which one sorts. fields_utility() of procps-ng. */

import type { Proc } from "../../abi/sys.ts";
import type { Command } from "../libc/command.ts";
import type { View } from "./draw.ts";
import { findField } from "./fields.ts";
import type { Keyboard } from "./keyboard.ts";

/** Lines above the names. */
const HEAD_ROWS = 4;
/** `* NAME     = `. */
const PREFIX = 13;

const bold = (text: string): string => `\x1b[1m${text}\x1b[0m`;
const reverse = (text: string): string => `\x1b[7m${text}\x1b[0m`;

function drawScreen(view: View, focus: number, moving: boolean, cols: number, rows: number): string {
  const perColumn = Math.max(1, rows - HEAD_ROWS);
  const columns = Math.ceil(view.order.length / perColumn);
  const width = Math.floor(cols / columns);
  const out = [
    "\x1b[H\x1b[J",
    `${bold("Fields Management")} for window ${reverse("1:Def")}, whose current sort field is ${bold(view.sortBy)}\r\n`,
    "   Navigate with Up/Dn, Right selects for move then <Enter> or Left commits,\r\n",
    "   'd' or <Space> toggles display, 's' sets sort.  Use 'q' or <Esc> to end!",
  ];
  for (const [i, name] of view.order.entries()) {
    const shown = view.shown.has(name);
    const said = ` = ${findField(name)?.description ?? ""}`.slice(0, Math.min(23, Math.max(0, width - PREFIX + 1)));
    const title = name.padEnd(8);
    const at = `\x1b[${HEAD_ROWS + 1 + (i % perColumn)};${Math.floor(i / perColumn) * width + 1}H`;
    const text = i === focus ? (moving ? reverse(` ${title}${said}`) : ` ${reverse(title)}${said}`) : ` ${title}${said}`;
    out.push(at, shown ? `*${i === focus ? text : bold(text)}` : ` ${text}`);
  }
  return out.join("");
}

const withMoved = (order: readonly string[], from: number, to: number): readonly string[] => {
  const next = order.filter((_, i) => i !== from);
  next.splice(to, 0, order[from] as string);
  return next;
};

/** Cursor keys as the terminal sends them, in both of its modes. */
const arrows: Readonly<Record<string, string>> = { A: "up", B: "down", C: "right", D: "left", H: "home", F: "end" };

function keyOf(text: string): string {
  const arrow = /^\x1b[[O]([ABCDHF])$/.exec(text)?.[1];
  if (arrow !== undefined) return arrows[arrow] as string;
  if (text === "\x1b[5~") return "page up";
  if (text === "\x1b[6~") return "page down";
  return text;
}

/** One key after the other; those that came together are told apart. */
const keysOf = (text: string): string[] => (text.match(/\x1b(?:[[O][0-9]*[A-Z~])?|[^\x1b]/gs) ?? []).map(keyOf);

/** Until q or Escape. Blocks for keys. */
export function* manageFields(c: Command, keyboard: Keyboard, view: View): Proc<void> {
  let focus = Math.max(0, view.order.indexOf(view.sortBy));
  let moving = false;
  for (;;) {
    const { cols, rows } = yield* keyboard.size();
    yield* c.print(drawScreen(view, focus, moving, cols, rows));
    yield* c.stdout.flush();
    const text = yield* keyboard.key(-1);
    if (keyboard.ended) return;
    for (const key of keysOf(text ?? "")) {
      if (key === "q" || key === "\x1b" || key === "\x03") return;
      const name = view.order[focus] as string;
      if (key === "right") moving = true;
      else if (key === "left" || key === "\r" || key === "\n") moving = false;
      else if (key === "d" || key === " ") {
        const shown = new Set(view.shown);
        if (!shown.delete(name)) shown.add(name);
        view.shown = shown;
      } else if (key === "s") {
        view.sortBy = name;
        view.descending = true;
      } else {
        const next = goTo(key, focus, view.order.length, rows - HEAD_ROWS);
        if (moving) view.order = withMoved(view.order, focus, next);
        focus = next;
      }
    }
  }
}

function goTo(key: string, focus: number, count: number, page: number): number {
  const to = {
    up: focus - 1,
    k: focus - 1,
    down: focus + 1,
    j: focus + 1,
    home: 0,
    end: count - 1,
    "page up": focus - page,
    "page down": focus + page,
  }[key];
  return Math.max(0, Math.min(count - 1, to ?? focus));
}
