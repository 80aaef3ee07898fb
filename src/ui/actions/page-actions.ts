/** Actions on the page and the machine as a whole. */
import { cycleRegions } from "../regions.ts";
import { writeSetting } from "../storage.ts";
import { announce, isDark, setTheme, useStore } from "../store.ts";
import type { Action, ActionContext } from "./action.ts";

function toggleScreenReader({ session, state }: ActionContext): void {
  const screenReader = !state.screenReader;
  writeSetting("screen-reader", screenReader ? "on" : undefined);
  useStore.setState({ screenReader });
  session.setScreenReader(screenReader);
  announce(screenReader ? "Screen reader mode is on." : "Screen reader mode is off.");
}

export const pageActions: readonly Action[] = [
  {
    name: "palette.open",
    label: "All commands",
    section: "Page",
    shortcut: "Ctrl+K",
    run: ({ state }) => useStore.setState({ dialog: state.dialog === "palette" ? undefined : "palette" }),
  },
  { name: "help.open", label: "Help and shortcuts", section: "Page", shortcut: "F1", run: () => useStore.setState({ dialog: "help" }) },
  { name: "region.next", label: "Go to the next pane", section: "Page", shortcut: "F6", run: () => cycleRegions(1) },
  { name: "region.previous", label: "Go to the previous pane", section: "Page", shortcut: "Shift+F6", run: () => cycleRegions(-1) },
  {
    name: "theme.toggle",
    label: "Paper or blueprint",
    section: "Page",
    shortcut: "Ctrl+Shift+L",
    run: ({ state }) => setTheme(isDark(state.theme) ? "light" : "dark"),
  },
  { name: "theme.system", label: "Theme of the system", section: "Page", run: () => setTheme("system") },
  { name: "page.screen-reader", label: "Screen reader mode of the terminals", section: "Page", run: toggleScreenReader },
  { name: "machine.new", label: "New machine", section: "Machine", run: ({ session }) => session.newMachine() },
  { name: "machine.log", label: "Download the input log", section: "Machine", run: ({ session }) => session.downloadLog() },
];
