/** The whole page: title block, terminals, picture, time line; on a narrow screen one pane at a time. */
import { lazy, Suspense, useEffect, useSyncExternalStore } from "react";
import { Group, Panel, Separator } from "react-resizable-panels";
import { matchesShortcut } from "./actions/action.ts";
import { actions } from "./actions/index.ts";
import { runAction, useSession } from "./context.tsx";
import { PanicScreen } from "./dialogs/PanicScreen.tsx";
import { PicturePane } from "./picture/PicturePane.tsx";
import { SheetFrame } from "./sheet/SheetFrame.tsx";
import { TitleBlock } from "./sheet/TitleBlock.tsx";
import { type Pane, useStore } from "./store.ts";
import { TerminalArea } from "./terminals/TerminalArea.tsx";
import { Timeline } from "./timeline/Timeline.tsx";
import { formatView, parseView } from "./url-state.ts";
import { getView } from "./views.ts";

const Palette = lazy(() => import("./dialogs/Palette.tsx").then(({ Palette }) => ({ default: Palette })));
const Help = lazy(() => import("./dialogs/Help.tsx").then(({ Help }) => ({ default: Help })));

export function App() {
  useShortcuts();
  useAddress();
  useThemeOfTerminals();
  const phase = useStore((state) => state.phase);
  const dialog = useStore((state) => state.dialog);
  return (
    <>
      <SheetFrame />
      <div className="page">
        <TitleBlock />
        <main className="workspace">
          <Workspace />
          {(phase.kind === "panicked" || phase.kind === "failed") && <PanicScreen phase={phase} />}
        </main>
        <Timeline />
        <PaneTabs />
      </div>
      <Announcer />
      <Suspense>
        {dialog === "palette" && <Palette />}
        {dialog === "help" && <Help />}
      </Suspense>
    </>
  );
}

const narrow = matchMedia("(max-width: 760px)");

function useNarrow(): boolean {
  return useSyncExternalStore(
    (changed) => {
      narrow.addEventListener("change", changed);
      return () => narrow.removeEventListener("change", changed);
    },
    () => narrow.matches,
  );
}

function Workspace() {
  const pane = useStore((state) => state.pane);
  const machine = useStore((state) => state.machine);
  if (useNarrow()) {
    return (
      <>
        <div className={`pane${pane === "terminal" ? " shown" : ""}`}>
          <TerminalArea key={machine} />
        </div>
        {pane === "picture" && <PicturePane className=" shown" />}
      </>
    );
  }
  return (
    <Group id="workspace" orientation="horizontal" className="tile">
      <Panel id="terminals" defaultSize="57" minSize={280}>
        <TerminalArea key={machine} />
      </Panel>
      <Separator aria-label="Divider between terminals and picture" />
      <Panel id="picture" defaultSize="43" minSize={260}>
        <PicturePane />
      </Panel>
    </Group>
  );
}

function PaneTabs() {
  const pane = useStore((state) => state.pane);
  const title = useStore((state) => getView(state.view).title);
  const choose = (next: Pane) => useStore.setState({ pane: next });
  return (
    <nav className="pane-tabs" aria-label="Panes">
      {(["terminal", "picture"] as const).map((name) => (
        <button key={name} type="button" aria-pressed={pane === name} onClick={() => choose(name)}>
          {name === "terminal" ? "Terminal" : title}
        </button>
      ))}
    </nav>
  );
}

function Announcer() {
  const announcement = useStore((state) => state.announcement);
  return (
    <div className="visually-hidden" role="status">
      {announcement}
    </div>
  );
}

/** Shortcuts are taken before the terminal, which would otherwise take every key. */
function useShortcuts(): void {
  const session = useSession();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const action = actions.find(({ shortcut }) => shortcut !== undefined && matchesShortcut(shortcut, event));
      if (action === undefined || event.isComposing) return;
      event.preventDefault();
      event.stopPropagation();
      runAction(action, session);
    };
    addEventListener("keydown", onKeyDown, { capture: true });
    return () => removeEventListener("keydown", onKeyDown, { capture: true });
  }, [session]);
}

/** View and selection stand in the address. A sandboxed frame may refuse to change it; then it stays. */
function useAddress(): void {
  useEffect(() => {
    const read = (): void => {
      useStore.setState(parseView(location.hash));
    };
    read();
    addEventListener("hashchange", read);
    const end = useStore.subscribe((state, before) => {
      const { view, asText, selection, seenFrom } = before;
      if (state.view === view && state.asText === asText && state.selection === selection && state.seenFrom === seenFrom) return;
      try {
        history.replaceState(null, "", formatView(state));
      } catch {
        // The view changes all the same.
      }
    });
    return () => {
      removeEventListener("hashchange", read);
      end();
    };
  }, []);
}

function useThemeOfTerminals(): void {
  const session = useSession();
  const theme = useStore((state) => state.theme);
  useEffect(() => {
    // Reads the colours again for every choice of the visitor's.
    void theme;
    session.applyTheme();
    const system = matchMedia("(prefers-color-scheme: dark)");
    const follow = (): void => session.applyTheme();
    system.addEventListener("change", follow);
    return () => system.removeEventListener("change", follow);
  }, [session, theme]);
}
