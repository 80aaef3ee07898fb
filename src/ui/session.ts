/**
 * The visitor's session: starts the machine, carries bytes between its terminals and the screen, keeps its input log across reloads.
 * It acts on the machine in one way only, by typing into a terminal (and, about time itself, by the clock's controls).
 */
import { MachineClient, spawnWorker, type WorkerLike } from "../bridge/client.ts";
import type { Answer, InputLog, Pace, Query, SessionConfig } from "../bridge/messages.ts";
import type { Frame } from "./live.ts";
import { forgetSession, loadSession, readNow, saveSession, writeNow } from "./storage.ts";
import { announce, announceFrame, live, useStore } from "./store.ts";
import { TerminalView } from "./terminals/terminal-view.ts";
import { activateTab, activeTerminal, addTab, removeTab, splitWith, tabSets } from "./terminals/tiling.ts";
import { fitsSettings, makeConfig, parseSettings } from "./url-state.ts";

export type Placement = "tab" | "right" | "below";

/** How far past its last input a session is replayed on reload, in nanoseconds: what ran alone for an hour need not run for an hour again. */
const REPLAY_PAST_INPUT_NS = 60e9;

/** Terminals that are open at the end of a log, with the greatest number ever used. */
export function findOpenTerminals(log: InputLog): { readonly open: readonly number[]; readonly greatest: number } {
  const open = new Set<number>();
  let greatest = 0;
  for (const input of log.inputs) {
    greatest = Math.max(greatest, input.terminal);
    if (input.type === "open") open.add(input.terminal);
    else if (input.type === "close") open.delete(input.terminal);
  }
  return { open: [...open], greatest };
}

export class Session {
  /** What the running machine was started from. */
  config: SessionConfig | undefined;
  private client: MachineClient | undefined;
  private readonly views = new Map<number, TerminalView>();
  /** Terminals that the machine knows of. */
  private readonly known = new Set<number>();
  /** Terminals whose session has ended, not yet said. */
  private readonly hangups = new Set<number>();
  private lastTerminal = 0;
  private saveTimer: ReturnType<typeof setTimeout> | undefined;
  private logLength = 0;
  private awaitingDownload = false;
  private readonly spawn: () => WorkerLike;
  private fontSize = 13;
  /** A view looks at packets; a new machine is told, too. */
  private watching = false;
  private framePace: Pace = { kind: "speed", factor: 1 };

  constructor(spawn: () => WorkerLike) {
    this.spawn = spawn;
  }

  /** Starts the machine: the kept session of this tab if there is one that fits the address, else a new one. */
  async start(): Promise<void> {
    const settings = parseSettings(location.search);
    const client = this.connect();
    const saved = await loadSession();
    const log = saved !== undefined && fitsSettings(settings, saved.log.config) ? saved.log : undefined;
    if (log === undefined) {
      this.bootFresh(client);
      return;
    }
    const { open, greatest } = findOpenTerminals(log);
    this.lastTerminal = greatest;
    for (const terminal of open) {
      this.known.add(terminal);
      this.addView(terminal);
      useStore.setState({ tiling: addTab(useStore.getState().tiling, terminal) });
    }
    const lastNs = log.inputs.at(-1)?.atNs ?? 0;
    const nowNs = readNow();
    const untilNs = nowNs !== undefined && nowNs > lastNs ? Math.min(nowNs, lastNs + REPLAY_PAST_INPUT_NS) : undefined;
    this.config = log.config;
    client.boot(log.config, log, untilNs);
    client.setPace(settings.pace);
    useStore.setState({ pace: settings.pace });
    if (open.length === 0) this.openTerminal("tab");
  }

  /** Ends this machine and boots another; its session is forgotten. */
  newMachine(): void {
    this.client?.end();
    clearTimeout(this.saveTimer);
    for (const view of this.views.values()) view.dispose();
    this.views.clear();
    this.known.clear();
    this.hangups.clear();
    live.clear();
    void forgetSession();
    writeNow(0);
    let tiling = useStore.getState().tiling;
    for (const terminal of [...this.listTerminals()]) tiling = removeTab(tiling, terminal);
    const machine = useStore.getState().machine + 1;
    useStore.setState({
      machine,
      tiling,
      ended: new Set(),
      phase: { kind: "starting" },
      selection: undefined,
      seenFrom: undefined,
      hovered: undefined,
      searching: undefined,
    });
    this.lastTerminal = 0;
    this.bootFresh(this.connect());
    announceFrame();
  }

  openTerminal(placement: Placement): void {
    const terminal = ++this.lastTerminal;
    this.addView(terminal);
    const { tiling } = useStore.getState();
    useStore.setState({
      tiling:
        placement === "tab" ? addTab(tiling, terminal) : splitWith(tiling, terminal, placement === "right" ? "horizontal" : "vertical"),
      pane: "terminal",
    });
    setTimeout(() => this.views.get(terminal)?.focus());
  }

  closeTerminal(terminal: number): void {
    const { ended, tiling } = useStore.getState();
    if (this.known.has(terminal)) {
      this.client?.close(terminal);
      this.known.delete(terminal);
      this.saveSoon();
    }
    this.views.get(terminal)?.dispose();
    this.views.delete(terminal);
    useStore.setState({ tiling: removeTab(tiling, terminal), ended: new Set([...ended].filter((one) => one !== terminal)) });
    setTimeout(() => this.getActiveView()?.focus());
  }

  getView(terminal: number): TerminalView | undefined {
    return this.views.get(terminal);
  }

  getActiveView(): TerminalView | undefined {
    const terminal = activeTerminal(useStore.getState().tiling);
    return terminal === undefined ? undefined : this.views.get(terminal);
  }

  listTerminals(): readonly number[] {
    return tabSets(useStore.getState().tiling.root).flatMap((set) => set.tabs);
  }

  /** A pane shows the terminal: once it has a size, the machine opens its end of the line. */
  attach(terminal: number, pane: HTMLElement): void {
    const view = this.views.get(terminal);
    if (view === undefined) return;
    view.attach(pane);
    if (this.known.has(terminal) || useStore.getState().ended.has(terminal)) return;
    this.known.add(terminal);
    this.client?.open(terminal, view.rows, view.cols);
    this.saveSoon();
  }

  detach(terminal: number): void {
    this.views.get(terminal)?.detach();
  }

  /** Types a command into the active terminal and enters it; opens a terminal where there is none. */
  typeCommand(command: string): void {
    this.typeKeys(`${command}\r`);
    announce(`Typed: ${command}`);
  }

  /** Types keys as they are. */
  typeKeys(text: string): void {
    const terminal = activeTerminal(useStore.getState().tiling);
    if (terminal === undefined || useStore.getState().ended.has(terminal)) return;
    this.client?.type(terminal, text);
    this.saveSoon();
    useStore.setState({ pane: "terminal" });
    this.views.get(terminal)?.focus();
  }

  /** What frames do not carry, as it is in the machine now. Never settles where there is no machine. */
  ask(query: Query): Promise<Answer> {
    return this.client?.ask(query) ?? new Promise(() => {});
  }

  /** Whether frames tell of single packets: costs something while there are many. */
  watchPackets(on: boolean): void {
    this.watching = on;
    this.client?.watchPackets(on);
  }

  setPace(pace: Pace): void {
    this.client?.setPace(pace);
    useStore.setState({ pace });
  }

  step(): void {
    if (useStore.getState().pace.kind !== "paused") this.setPace({ kind: "paused" });
    this.client?.step();
  }

  /** Offers the input log as a file. */
  downloadLog(): void {
    const { phase } = useStore.getState();
    if (phase.kind === "panicked") {
      offerFile(phase.log);
      return;
    }
    this.awaitingDownload = true;
    this.client?.requestLog();
  }

  applyTheme(): void {
    for (const view of this.views.values()) view.applyTheme();
  }

  setScreenReader(on: boolean): void {
    for (const view of this.views.values()) view.setScreenReader(on);
  }

  changeFontSize(by: number): void {
    this.fontSize = Math.min(28, Math.max(9, this.fontSize + by));
    for (const view of this.views.values()) view.setFontSize(this.fontSize);
  }

  /** Asks for the log at once, where the page may be about to go. */
  saveNow(): void {
    writeNow(live.nowNs);
    this.client?.requestLog();
  }

  private connect(): MachineClient {
    const client = new MachineClient(
      this.spawn(),
      {
        booted: ({ bootMs }) => {
          useStore.setState({ phase: { kind: "running", bootMs } });
          if (this.watching) client.watchPackets(true);
        },
        frame: (frame) => this.showFrame(frame),
        // Its last words come with the next frame.
        hangup: ({ terminal }) => void this.hangups.add(terminal),
        log: ({ log }) => this.keepLog(log),
        panic: ({ text, log }) => useStore.setState({ phase: { kind: "panicked", text, log } }),
      },
      (text) => useStore.setState({ phase: { kind: "failed", text } }),
    );
    this.client = client;
    return client;
  }

  private bootFresh(client: MachineClient): void {
    const settings = parseSettings(location.search);
    const [drawn] = crypto.getRandomValues(new Uint32Array(1));
    const config = makeConfig(settings, Date.now(), drawn ?? 1);
    this.config = config;
    client.boot(config, undefined, undefined);
    if (settings.pace.kind !== "speed" || settings.pace.factor !== 1) client.setPace(settings.pace);
    useStore.setState({ pace: settings.pace });
    this.openTerminal("tab");
  }

  private addView(terminal: number): void {
    const port = {
      type: (text: string) => {
        this.client?.type(terminal, text);
        this.saveSoon();
      },
      resize: (rows: number, cols: number) => {
        if (!this.known.has(terminal)) return;
        this.client?.resize(terminal, rows, cols);
        this.saveSoon();
      },
      acknowledge: (bytes: number) => this.client?.acknowledge(terminal, bytes),
      focused: () => {
        const { tiling } = useStore.getState();
        if (activeTerminal(tiling) !== terminal) useStore.setState({ tiling: activateTab(tiling, terminal) });
      },
    };
    this.views.set(terminal, new TerminalView(terminal, port, { fontSize: this.fontSize, screenReader: useStore.getState().screenReader }));
  }

  private showFrame(frame: Frame): void {
    live.apply(frame, performance.now());
    for (const { terminal, bytes } of frame.output) {
      const view = this.views.get(terminal);
      if (view === undefined) this.client?.acknowledge(terminal, bytes.length);
      else view.write(bytes);
    }
    for (const terminal of this.hangups) this.hangUp(terminal);
    this.hangups.clear();
    // Frames that were under way when a control was used still carry the old pace: only a change of theirs counts.
    if (!isSamePace(frame.pace, this.framePace)) useStore.setState({ pace: frame.pace });
    this.framePace = frame.pace;
    announceFrame();
  }

  private hangUp(terminal: number): void {
    this.known.delete(terminal);
    this.views.get(terminal)?.note("session ended");
    useStore.setState({ ended: new Set([...useStore.getState().ended, terminal]) });
    announce(`Terminal ${terminal}: the session ended.`);
  }

  private keepLog(log: InputLog): void {
    this.logLength = log.inputs.length;
    void saveSession(log);
    if (!this.awaitingDownload) return;
    this.awaitingDownload = false;
    offerFile(log);
  }

  private saveSoon(): void {
    clearTimeout(this.saveTimer);
    // A longer log costs more to copy: it is copied less often.
    this.saveTimer = setTimeout(() => this.client?.requestLog(), 120 + this.logLength / 20);
  }
}

function isSamePace(a: Pace, b: Pace): boolean {
  return a.kind === b.kind && (a.kind !== "speed" || b.kind !== "speed" || a.factor === b.factor);
}

function offerFile(log: InputLog): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(log)], { type: "application/json" }));
  link.download = `drydock-${log.config.seed}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function spawnMachine(url: string): () => WorkerLike {
  return () => spawnWorker(url);
}
