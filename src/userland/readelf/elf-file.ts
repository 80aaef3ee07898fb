/** An ELF64 little-endian file as tables of numbers: elf(5). Nothing is assumed to be well-formed. */

import { decodeUtf8 } from "../../abi/utf8.ts";

/** What cannot be read, in the words of the real tool. */
export class Malformed {
  constructor(readonly message: string) {}
}

export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: bigint;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  readonly filesz: bigint;
  readonly memsz: bigint;
  readonly align: bigint;
}

export interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: bigint;
  readonly addr: bigint;
  readonly offset: bigint;
  readonly size: bigint;
  readonly link: number;
  readonly info: number;
  readonly align: bigint;
  readonly entsize: bigint;
}

export const hex = (n: number | bigint, width = 0): string => n.toString(16).padStart(width, "0");

export class ElfFile {
  private readonly view: DataView;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < 64) throw new Malformed("header");
    this.segments = this.readSegments();
    this.sections = this.readSections();
  }

  u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  u64(at: number): bigint {
    return this.view.getBigUint64(at, true);
  }

  /** Whether `length` bytes at `at` are in the file. */
  holds(at: bigint, length: bigint): boolean {
    return at + length <= BigInt(this.bytes.length);
  }

  get type(): number {
    return this.u16(16);
  }

  get entry(): bigint {
    return this.u64(24);
  }

  get programHeadersAt(): bigint {
    return this.u64(32);
  }

  text(at: number): string {
    let end = at;
    while (end < this.bytes.length && this.bytes[end] !== 0) end++;
    return decodeUtf8(this.bytes, at, end);
  }

  /** The place in the file of what is loaded at `address`. */
  offsetOf(address: bigint): bigint | undefined {
    for (const s of this.segments) {
      if (s.type === 1 && address >= s.vaddr && address < s.vaddr + s.filesz) return address - s.vaddr + s.offset;
    }
    return undefined;
  }

  private readSegments(): Segment[] {
    const [count, size] = [this.u16(56), this.u16(54)];
    if (!this.holds(this.programHeadersAt, BigInt(count * size)))
      throw new Malformed(`Reading ${count * size} bytes extends past end of file for program headers`);
    return Array.from({ length: count }, (_, i) => {
      const at = Number(this.programHeadersAt) + i * size;
      return {
        type: this.u32(at),
        flags: this.u32(at + 4),
        offset: this.u64(at + 8),
        vaddr: this.u64(at + 16),
        paddr: this.u64(at + 24),
        filesz: this.u64(at + 32),
        memsz: this.u64(at + 40),
        align: this.u64(at + 48),
      };
    });
  }

  private readSections(): Section[] {
    const [start, size, count, names] = [this.u64(40), this.u16(58), this.u16(60), this.u16(62)];
    if (start === 0n) return [];
    if (!this.holds(start, BigInt(count * size)))
      throw new Malformed(`Reading ${count * size} bytes extends past end of file for section headers`);
    const at = (i: number): number => Number(start) + i * size;
    const strings = names < count ? Number(this.u64(at(names) + 24)) : 0;
    return Array.from({ length: count }, (_, i) => ({
      name: this.text(strings + this.u32(at(i))),
      type: this.u32(at(i) + 4),
      flags: this.u64(at(i) + 8),
      addr: this.u64(at(i) + 16),
      offset: this.u64(at(i) + 24),
      size: this.u64(at(i) + 32),
      link: this.u32(at(i) + 40),
      info: this.u32(at(i) + 44),
      align: this.u64(at(i) + 48),
      entsize: this.u64(at(i) + 56),
    }));
  }
}
