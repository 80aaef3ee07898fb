/** Where sed writes: text collected and handed on in blocks, with the newline that a last line lacked made up for when more follows. */

import type { Proc } from "../../abi/sys.ts";
import type { Output } from "../libc/stdio.ts";

const FLUSH_AT = 16384;

export class SedOutput {
  private parts: string[] = [];
  private size = 0;
  private missingNewline = false;

  constructor(
    private stream: Output,
    private readonly delimiter: string,
  ) {}

  /** A line; without its newline where the input's last line had none. */
  line(text: string, terminated: boolean): void {
    this.makeUp();
    this.parts.push(text);
    if (terminated) this.parts.push(this.delimiter);
    else this.missingNewline = true;
    this.size += text.length + 1;
  }

  /** Text as it is. */
  text(text: string): void {
    if (text === "") return;
    this.makeUp();
    this.parts.push(text);
    this.size += text.length;
  }

  get isFull(): boolean {
    return this.size >= FLUSH_AT;
  }

  /** Hands on what was collected; `through` also to the kernel. */
  *flush(through = false): Proc<void> {
    if (this.size > 0) {
      const text = this.parts.join("");
      this.parts = [];
      this.size = 0;
      yield* this.stream.print(text);
    }
    if (through) yield* this.stream.flush();
  }

  /** Begins another file: what was collected goes to the old one. */
  *redirect(stream: Output): Proc<void> {
    yield* this.flush(true);
    this.stream = stream;
    this.missingNewline = false;
  }

  private makeUp(): void {
    if (!this.missingNewline) return;
    this.parts.push(this.delimiter);
    this.size++;
    this.missingNewline = false;
  }
}
