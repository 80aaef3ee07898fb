/**
 * One terminal of the page: an xterm on a pty of the machine. It lives outside React, so that moving it between panes or drawing the page anew
 * touches neither its content nor its selection; bytes go to it straight from the frames.
 *
 * What the machine prints is hostile until proven otherwise: no window operations, no title, no clipboard, and links only to the web, opened
 * without a way back.
 */
import { FitAddon } from "@xterm/addon-fit";
import type { SearchAddon } from "@xterm/addon-search";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal } from "@xterm/xterm";
import { MONO, MONO_FALLBACK, readTerminalTheme } from "./colours.ts";

/** Where a terminal's input goes. */
export interface TerminalPort {
  type(text: string): void;
  resize(rows: number, cols: number): void;
  /** Bytes have been drawn. */
  acknowledge(bytes: number): void;
  focused(): void;
}

const SCROLLBACK_LINES = 10_000;

function openLink(_event: MouseEvent, uri: string): void {
  if (!/^https?:\/\//i.test(uri)) return;
  window.open(uri, "_blank", "noopener,noreferrer");
}

export class TerminalView {
  readonly number: number;
  /** The element that xterm draws into; moved into the pane that shows it. */
  readonly host = document.createElement("div");
  private readonly term: Terminal;
  private readonly fitting = new FitAddon();
  private readonly port: TerminalPort;
  private search: SearchAddon | undefined;
  private readonly resizes: ResizeObserver;
  private opened = false;
  private fitRequest = 0;
  /** Bytes written and not yet acknowledged. */
  private undrawn = 0;

  constructor(number: number, port: TerminalPort, options: { readonly fontSize: number; readonly screenReader: boolean }) {
    this.number = number;
    this.port = port;
    this.host.className = "terminal-host";
    this.term = new Terminal({
      allowProposedApi: true,
      cursorBlink: false,
      cursorStyle: "block",
      cursorInactiveStyle: "outline",
      fontFamily: document.fonts.check(`13px ${MONO}`) ? `${MONO}, ${MONO_FALLBACK}` : MONO_FALLBACK,
      fontSize: options.fontSize,
      fontWeight: 400,
      fontWeightBold: 600,
      lineHeight: 1.25,
      linkHandler: { activate: openLink, allowNonHttpProtocols: false },
      minimumContrastRatio: 4.5,
      screenReaderMode: options.screenReader,
      scrollback: SCROLLBACK_LINES,
      theme: readTerminalTheme(),
      windowOptions: {},
    });
    this.term.loadAddon(this.fitting);
    this.term.loadAddon(new WebLinksAddon(openLink));
    this.term.onData((text) => port.type(text));
    this.term.onBinary((text) => port.type(text));
    this.term.onResize(({ rows, cols }) => port.resize(rows, cols));
    this.host.addEventListener("focusin", () => port.focused());
    this.resizes = new ResizeObserver(() => {
      cancelAnimationFrame(this.fitRequest);
      this.fitRequest = requestAnimationFrame(() => this.fit());
    });
    this.resizes.observe(this.host);
  }

  /** Shows the terminal in a pane. */
  attach(pane: HTMLElement): void {
    pane.append(this.host);
    if (!this.opened) {
      this.opened = true;
      this.term.open(this.host);
      this.term.textarea?.setAttribute("aria-label", `Terminal ${this.number} input. F6 leaves it.`);
      // Typing assistance would rewrite commands.
      for (const name of ["autocapitalize", "autocorrect", "autocomplete"]) this.term.textarea?.setAttribute(name, "off");
      this.awaitFont();
    }
    this.fit();
  }

  detach(): void {
    this.host.remove();
  }

  get rows(): number {
    return this.term.rows;
  }

  get cols(): number {
    return this.term.cols;
  }

  /** Draws output; acknowledges it when xterm has parsed it, which is what holds a flooding machine back. */
  write(bytes: Uint8Array): void {
    this.undrawn += bytes.length;
    this.term.write(bytes, () => {
      this.undrawn -= bytes.length;
      this.port.acknowledge(bytes.length);
    });
  }

  /** A line of the page's own, not the machine's. */
  note(text: string): void {
    this.term.write(`\r\n\x1b[0;2m${text}\x1b[0m\r\n\x1b[?25l`);
    this.term.options.disableStdin = true;
  }

  focus(): void {
    this.term.focus();
  }

  clearScrollback(): void {
    this.term.clear();
  }

  getSelection(): string {
    return this.term.getSelection();
  }

  /** The terminal's whole text, scrollback included, without the blank lines at its end. */
  getText(): string {
    const buffer = this.term.buffer.active;
    const lines: string[] = [];
    for (let row = 0; row < buffer.length; row++) {
      const line = buffer.getLine(row);
      const text = line?.translateToString(true) ?? "";
      if (line?.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    return lines.join("\n").trimEnd();
  }

  applyTheme(): void {
    this.term.options.theme = readTerminalTheme();
  }

  setScreenReader(on: boolean): void {
    this.term.options.screenReaderMode = on;
  }

  setFontSize(px: number): void {
    this.term.options.fontSize = px;
    this.fit();
  }

  /** Looks for text in the scrollback; the search code is fetched with the first search. */
  async find(text: string, direction: "next" | "previous"): Promise<boolean> {
    if (this.search === undefined) {
      const { SearchAddon } = await import("@xterm/addon-search");
      this.search = new SearchAddon();
      this.term.loadAddon(this.search);
    }
    if (text === "") {
      this.search.clearDecorations();
      this.term.clearSelection();
      return true;
    }
    return direction === "next" ? this.search.findNext(text, { incremental: true }) : this.search.findPrevious(text);
  }

  dispose(): void {
    // What will never be drawn must not hold the machine back.
    if (this.undrawn > 0) this.port.acknowledge(this.undrawn);
    this.resizes.disconnect();
    cancelAnimationFrame(this.fitRequest);
    this.term.dispose();
    this.host.remove();
  }

  private fit(): void {
    if (!this.opened || this.host.clientWidth < 40 || this.host.clientHeight < 20) return;
    this.fitting.fit();
  }

  private awaitFont(): void {
    const family = `${MONO}, ${MONO_FALLBACK}`;
    if (this.term.options.fontFamily === family) return;
    const use = (found: readonly FontFace[]): void => {
      if (found.length === 0) return;
      this.term.options.fontFamily = family;
      this.fit();
    };
    // A sandboxed frame may not load fonts: then the fallback stays.
    document.fonts.load(`13px ${MONO}`).then(use, () => undefined);
  }
}
