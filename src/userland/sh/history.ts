/** The command history: the list, its file, and which lines are kept (HISTCONTROL, HISTSIZE). */

import { Errno } from "../../abi/errno.ts";
import { O_APPEND, O_CREAT, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { writeAll } from "../libc/stdio.ts";
import { open, readText, writeFile } from "../libc/unistd.ts";

export class History {
  readonly entries: string[] = [];
  /** Number of the first entry. */
  first = 1;
  /** So many entries are in the file already. */
  saved = 0;

  /** Number of the next entry. */
  get number(): number {
    return this.first + this.entries.length;
  }

  /** Adds a line unless `control` (HISTCONTROL) tells otherwise; keeps at most `size`. */
  add(line: string, control: string, size: number): void {
    const words = control.split(":");
    const both = words.includes("ignoreboth");
    if ((both || words.includes("ignorespace")) && line.startsWith(" ")) return;
    if ((both || words.includes("ignoredups")) && this.entries[this.entries.length - 1] === line) return;
    if (words.includes("erasedups")) {
      for (let i = this.entries.length - 1; i >= 0; i--) if (this.entries[i] === line) this.entries.splice(i, 1);
    }
    this.entries.push(line);
    while (this.entries.length > size) {
      this.entries.shift();
      this.first++;
      this.saved = Math.max(0, this.saved - 1);
    }
  }

  get(number: number): string | undefined {
    return this.entries[number - this.first];
  }

  delete(number: number): boolean {
    if (this.get(number) === undefined) return false;
    this.entries.splice(number - this.first, 1);
    return true;
  }

  clear(): void {
    this.entries.length = 0;
    this.first = 1;
    this.saved = 0;
  }

  *load(sys: Sys, path: string): Proc<boolean> {
    let text: string;
    try {
      text = yield* readText(sys, path);
    } catch (e) {
      if (e instanceof Errno) return false;
      throw e;
    }
    for (const line of text.split("\n")) if (line !== "") this.entries.push(line);
    this.saved = this.entries.length;
    return true;
  }

  *append(sys: Sys, path: string): Proc<void> {
    const fresh = this.entries.slice(this.saved);
    if (fresh.length === 0) return;
    try {
      const fd = yield* open(sys, path, O_WRONLY | O_CREAT | O_APPEND, 0o600);
      yield* writeAll(sys, fd, encodeUtf8(`${fresh.join("\n")}\n`));
      yield* sys.close(fd);
      this.saved = this.entries.length;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
  }

  *write(sys: Sys, path: string): Proc<void> {
    yield* writeFile(sys, path, this.entries.map((e) => `${e}\n`).join(""), 0o600);
    this.saved = this.entries.length;
  }
}
