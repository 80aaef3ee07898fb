/** The terminals in their tabs and splits. Their screens are not React's: a pane only says where a screen stands. */
import { Fragment, useLayoutEffect, useRef } from "react";
import { Group, Panel, Separator } from "react-resizable-panels";
import { requireAction } from "../actions/index.ts";
import { runAction, useSession } from "../context.tsx";
import { useStore } from "../store.ts";
import { FindLine } from "./FindLine.tsx";
import { activateTab, type TabSet, type Tile } from "./tiling.ts";

export function TerminalArea() {
  const root = useStore((state) => state.tiling.root);
  return <TileView tile={root} />;
}

function TileView({ tile }: { readonly tile: Tile }) {
  if (tile.kind === "tabs") return <TabSetView set={tile} />;
  return (
    <Group orientation={tile.direction} className="tile" id={`split${tile.id}`}>
      {tile.children.map((child, i) => (
        <Fragment key={child.id}>
          {i > 0 && <Separator aria-label="Divider between terminals" />}
          <Panel id={`tile${child.id}`} minSize={120}>
            <TileView tile={child} />
          </Panel>
        </Fragment>
      ))}
    </Group>
  );
}

const STRIP_ACTIONS = [
  { name: "terminal.new", text: "New", wideOnly: false },
  { name: "terminal.split-right", text: "Split right", wideOnly: true },
  { name: "terminal.split-below", text: "Split below", wideOnly: true },
  { name: "terminal.find", text: "Find", wideOnly: true },
] as const;

function TabSetView({ set }: { readonly set: TabSet }) {
  const session = useSession();
  const focused = useStore((state) => state.tiling.focused === set.id);
  const starting = useStore((state) => state.phase.kind === "starting");
  const ended = useStore((state) => set.active !== undefined && state.ended.has(set.active));
  const paused = useStore((state) => state.pace.kind === "paused");
  const searching = useStore((state) => state.searching !== undefined && state.searching === set.active);
  const show = (terminal: number) => {
    useStore.setState({ tiling: activateTab(useStore.getState().tiling, terminal) });
    requestAnimationFrame(() => session.getView(terminal)?.focus());
  };
  // A button of the strip acts on its own tab set.
  const act = (name: string) => {
    if (set.active !== undefined) useStore.setState({ tiling: activateTab(useStore.getState().tiling, set.active) });
    runAction(requireAction(name), session);
  };
  return (
    <section className={`tab-set${focused ? " focused" : ""}`} data-region="terminals" aria-label="Terminals">
      <div className="pane-head tab-strip">
        <div className="tab-list">
          {set.tabs.map((terminal) => (
            <div key={terminal} className={`tab-holder${terminal === set.active ? " active" : ""}`}>
              <button type="button" className="tab" aria-pressed={terminal === set.active} onClick={() => show(terminal)}>
                <span className="balloon">{terminal}</span>
                Terminal
              </button>
              <button
                type="button"
                className="tab-close"
                aria-label={`Close terminal ${terminal}`}
                onClick={() => session.closeTerminal(terminal)}
              >
                ×
              </button>
            </div>
          ))}
        </div>
        <div className="tab-actions">
          {STRIP_ACTIONS.map(({ name, text, wideOnly }) => {
            const action = requireAction(name);
            return (
              <button
                key={name}
                type="button"
                className={`plain-button${wideOnly ? " wide-only" : ""}`}
                aria-label={action.label}
                title={action.shortcut === undefined ? action.label : `${action.label} (${action.shortcut})`}
                onClick={() => act(name)}
              >
                {text}
              </button>
            );
          })}
        </div>
      </div>
      {set.active === undefined ? (
        <div className="terminal-none">
          {!starting && (
            <>
              <span>No terminal is open. The machine runs on.</span>
              <button type="button" className="chip" onClick={() => session.openTerminal("tab")}>
                Open a terminal
              </button>
            </>
          )}
        </div>
      ) : (
        <div className="tab-panel">
          <Screen key={set.active} terminal={set.active} />
          {searching && <FindLine terminal={set.active} />}
        </div>
      )}
      {starting && set.active !== undefined && (
        <div className="terminal-end replaying">
          <span>Replaying your session from what you typed. A new machine is there at once:</span>
          <button type="button" className="chip" onClick={() => session.newMachine()}>
            New machine
          </button>
        </div>
      )}
      {ended && set.active !== undefined && (
        <div className="terminal-end">
          <span>The session on this terminal has ended.</span>
          <button type="button" className="chip" onClick={() => session.openTerminal("tab")}>
            Open a new one
          </button>
          <button type="button" className="chip" onClick={() => set.active !== undefined && session.closeTerminal(set.active)}>
            Close this one
          </button>
        </div>
      )}
      {paused && focused && set.active !== undefined && !ended && (
        <div className="terminal-end">
          <span>The clock stands: what you type waits for it.</span>
          <button type="button" className="chip" onClick={() => act("clock.toggle")}>
            Play
          </button>
          <button type="button" className="chip" onClick={() => act("clock.step")}>
            One system call
          </button>
        </div>
      )}
      <KeyChips />
    </section>
  );
}

function Screen({ terminal }: { readonly terminal: number }) {
  const session = useSession();
  const pane = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (pane.current !== null) session.attach(terminal, pane.current);
    return () => session.detach(terminal);
  }, [session, terminal]);
  return <div ref={pane} className="tile" />;
}

const KEYS = [
  { text: "Ctrl-C", keys: "\x03" },
  { text: "Tab", keys: "\t" },
  { text: "↑", keys: "\x1b[A", name: "Arrow up" },
  { text: "↓", keys: "\x1b[B", name: "Arrow down" },
  { text: "←", keys: "\x1b[D", name: "Arrow left" },
  { text: "→", keys: "\x1b[C", name: "Arrow right" },
  { text: "Esc", keys: "\x1b" },
  { text: "Ctrl-Z", keys: "\x1a" },
  { text: "Ctrl-D", keys: "\x04" },
] as const;

const COMMANDS = ["ls -l /", "ps aux", "pstree -p", "sleep 100 &", "fg"];

/** Keys that a touch keyboard lacks, and commands to tap. Shown on narrow screens. */
function KeyChips() {
  const session = useSession();
  return (
    <fieldset className="key-chips" aria-label="Keys and commands">
      {KEYS.map((key) => (
        <button
          type="button"
          className="chip"
          key={key.text}
          aria-label={"name" in key ? key.name : undefined}
          onClick={() => session.typeKeys(key.keys)}
        >
          {key.text}
        </button>
      ))}
      {COMMANDS.map((command) => (
        <button type="button" className="chip" key={command} onClick={() => session.typeCommand(command)}>
          {command}
        </button>
      ))}
    </fieldset>
  );
}
