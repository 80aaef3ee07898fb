/** Case files: `### name [@busybox|@dash]`, then the script up to the next such line. What stands before the first is put in front of every script. */

export type Flavour = "bash" | "dash" | "busybox";

export interface Case {
  readonly name: string;
  readonly flavour: Flavour;
  readonly script: string;
}

/** What a script did: recorded from a real system, compared with the machine. */
export interface Transcript {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

export function parseCases(text: string): Case[] {
  const cases: Case[] = [];
  const prelude: string[] = [];
  let current: { name: string; flavour: Flavour; lines: string[] } | undefined;
  const close = (): void => {
    if (current !== undefined)
      cases.push({ name: current.name, flavour: current.flavour, script: `${[...prelude, ...current.lines].join("\n").trimEnd()}\n` });
  };
  for (const line of text.split("\n")) {
    const head = /^### (.*?)(?: @(busybox|dash))?$/.exec(line);
    if (head === null) {
      (current?.lines ?? prelude).push(line);
      continue;
    }
    close();
    current = { name: head[1] as string, flavour: (head[2] ?? "bash") as Flavour, lines: [] };
  }
  close();
  const names = new Set<string>();
  for (const c of cases) {
    if (names.has(c.name)) throw new Error(`two cases are named "${c.name}"`);
    names.add(c.name);
  }
  return cases;
}
