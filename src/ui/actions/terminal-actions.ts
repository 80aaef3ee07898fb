/** Actions on the terminals. */
import { announce, useStore } from "../store.ts";
import { activeTerminal, cycleTab } from "../terminals/tiling.ts";
import type { Action, ActionContext } from "./action.ts";

const hasTerminal = ({ state }: ActionContext): boolean => activeTerminal(state.tiling) !== undefined;

function cycle({ session, state }: ActionContext, by: 1 | -1): void {
  useStore.setState({ tiling: cycleTab(state.tiling, by) });
  requestAnimationFrame(() => session.getActiveView()?.focus());
}

/** Copies the selection; where a frame may not use the clipboard, by the document's own copy command. */
function copySelection({ session }: ActionContext): void {
  const text = session.getActiveView()?.getSelection() ?? "";
  if (text === "") return;
  const fallBack = (): void => void document.execCommand("copy");
  if (navigator.clipboard === undefined) fallBack();
  else navigator.clipboard.writeText(text).catch(fallBack);
  announce("Selection copied.");
}

export const terminalActions: readonly Action[] = [
  {
    name: "terminal.new",
    label: "New terminal",
    section: "Terminal",
    shortcut: "Ctrl+Shift+Enter",
    run: ({ session }) => session.openTerminal("tab"),
  },
  {
    name: "terminal.split-right",
    label: "Split to the right",
    section: "Terminal",
    shortcut: "Ctrl+Shift+ArrowRight",
    run: ({ session }) => session.openTerminal("right"),
  },
  {
    name: "terminal.split-below",
    label: "Split below",
    section: "Terminal",
    shortcut: "Ctrl+Shift+ArrowDown",
    run: ({ session }) => session.openTerminal("below"),
  },
  {
    name: "terminal.close",
    label: "Close terminal",
    section: "Terminal",
    enabled: hasTerminal,
    run: ({ session, state }) => {
      const terminal = activeTerminal(state.tiling);
      if (terminal !== undefined) session.closeTerminal(terminal);
    },
  },
  {
    name: "terminal.next",
    label: "Next terminal",
    section: "Terminal",
    shortcut: "Ctrl+Shift+]",
    enabled: hasTerminal,
    run: (context) => cycle(context, 1),
  },
  {
    name: "terminal.previous",
    label: "Previous terminal",
    section: "Terminal",
    shortcut: "Ctrl+Shift+[",
    enabled: hasTerminal,
    run: (context) => cycle(context, -1),
  },
  {
    name: "terminal.find",
    label: "Find in terminal",
    section: "Terminal",
    shortcut: "Ctrl+Shift+F",
    enabled: hasTerminal,
    run: ({ state }) => useStore.setState({ searching: activeTerminal(state.tiling) }),
  },
  {
    name: "terminal.copy",
    label: "Copy selection",
    section: "Terminal",
    shortcut: "Ctrl+Shift+C",
    enabled: hasTerminal,
    run: copySelection,
  },
  {
    name: "terminal.clear",
    label: "Clear scrollback",
    section: "Terminal",
    enabled: hasTerminal,
    run: ({ session }) => session.getActiveView()?.clearScrollback(),
  },
  {
    name: "terminal.kill-line",
    label: "Send Ctrl-K to the shell",
    section: "Terminal",
    enabled: hasTerminal,
    run: ({ session }) => session.typeKeys("\x0b"),
  },
  { name: "terminal.larger", label: "Larger terminal text", section: "Terminal", run: ({ session }) => session.changeFontSize(1) },
  { name: "terminal.smaller", label: "Smaller terminal text", section: "Terminal", run: ({ session }) => session.changeFontSize(-1) },
];
