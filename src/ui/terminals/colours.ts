/**
 * The terminal's colours and type, read from the style sheet, so that each theme stands in one place (`styles/tokens.css`).
 */
import type { ITheme } from "@xterm/xterm";

const ANSI = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

export function readTerminalTheme(): ITheme {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(`--term-${name}`).trim();
  const theme: Record<string, string> = {
    background: read("paper"),
    foreground: read("ink"),
    cursor: read("cursor"),
    cursorAccent: read("paper"),
    selectionBackground: read("selection"),
    scrollbarSliderBackground: read("slider"),
    scrollbarSliderHoverBackground: read("slider"),
    scrollbarSliderActiveBackground: read("slider"),
  };
  for (const name of ANSI) {
    theme[name] = read(name);
    theme[`bright${name[0]?.toUpperCase()}${name.slice(1)}`] = read(`bright-${name}`);
  }
  return theme;
}

export const MONO = '"IBM Plex Mono"';
export const MONO_FALLBACK = '"Plex Mono Fallback", "DejaVu Sans Mono", Menlo, Consolas, monospace';
