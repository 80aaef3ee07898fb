/** What a match or target extension of iptables(8) is: its options, how they are read, and how they are written again (`-S`) and shown (`-L`). */

import type { IptOption } from "../../abi/iptables.ts";
import type { Names } from "./names.ts";

export interface ExtensionOption {
  readonly name: string;
  /** Other names that mean it. */
  readonly aliases?: readonly string[];
  /** How many words follow; one unless given. */
  readonly words?: 0 | 1 | 2;
  /** `!` may stand before it. */
  readonly invertible?: boolean;
  /** As it is kept. Throws ParameterProblem. */
  parse?(names: Names, words: readonly string[], alias: string): readonly string[];
}

/** How things are shown by `-L`. */
export interface ShowStyle {
  readonly numeric: boolean;
  readonly names: Names;
  readonly protocol: string;
}

export interface Extension {
  readonly name: string;
  /** Its name in `-L`, where that is another one. */
  readonly shownAs?: string;
  /** In the order in which they are written. */
  readonly options: readonly ExtensionOption[];
  /** Options that are there unless others are given. */
  readonly defaults?: readonly IptOption[];
  /** After all: throws ParameterProblem. */
  readonly check?: (options: OptionSet, protocol: number, table: string) => void;
  /** As `-S` writes them, each with a blank before it; without this, plainly. */
  save?(options: OptionSet): string;
  /** As `-L` shows them. */
  show(options: OptionSet, style: ShowStyle): string;
}

/** Options by name. */
export class OptionSet {
  constructor(readonly list: readonly IptOption[]) {}

  get(name: string): IptOption | undefined {
    return this.list.find((option) => option.name === name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  value(name: string): string {
    return this.get(name)?.values[0] ?? "";
  }

  inverted(name: string): boolean {
    return this.get(name)?.invert === true;
  }
}

/** ` ! --name value`, of those that are there. */
export function plainly(list: readonly IptOption[]): string {
  return list.map(({ name, invert, values }) => `${invert ? " !" : ""} --${[name, ...values].join(" ")}`).join("");
}

/** xtables_save_string(): quoted unless it is a plain word. */
export function quoted(text: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  return `"${text.replace(/["\\']/g, "\\$&")}"`;
}
