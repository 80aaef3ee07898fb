/**
 * Address spaces: Linux `struct mm_struct`, `mm/mmap.c`. What a program holds is declared by it (brk, mmap, touch), never
 * measured from JavaScript. Pages become resident when touched and are charged then.
 *
 * Differs from Linux: fork copies the sizes, not page by page; the child shares no page with its parent, but is charged only for
 * what it touches after the fork.
 */

import { EINVAL, ENOMEM } from "../../abi/errno.ts";
import { PROT_EXEC, PROT_READ, PROT_WRITE } from "../../abi/mman.ts";
import { PAGE_SIZE } from "../params.ts";

/** A path on a mount; the VFS has its type. */
export type Path = object;

/** Where pages are charged: the machine's memory, later the cgroup's. */
export interface MemoryAccount {
  /** Returns false where the limit stands against it and nothing could be reclaimed. */
  charge(bytes: number): boolean;
  uncharge(bytes: number): void;
}

/** Memory that several address spaces map: it counts for itself, not for those. */
export interface SharedSegment {
  attached(): void;
  detached(): void;
  /** Makes its first `bytes` resident. Returns false where they could not be charged. */
  fault(bytes: number): boolean;
}

/** One mapping, a line of /proc/PID/maps. */
export interface Vma {
  start: number;
  end: number;
  prot: number;
  shared: boolean;
  /** Resident bytes. */
  residentBytes: number;
  /** The mapped file, or [heap], [stack]; empty for anonymous. A path is kept, since its name may change. */
  readonly name: string | Path;
  readonly offset: number;
  readonly dev: number;
  readonly ino: number;
  /** What is mapped, where that is shared memory: nothing of it is resident here. */
  readonly segment?: SharedSegment;
}

const IMAGE_BASE = 0x555555554000;
const MMAP_TOP = 0x7ffff7fff000;
/** What one page of last-level entries maps. */
const TABLE_SPAN = 512 * PAGE_SIZE;
const STACK_TOP = 0x7ffffffff000;
export const PAGE_MASK = PAGE_SIZE - 1;

const pageUp = (n: number): number => Math.ceil(n / PAGE_SIZE) * PAGE_SIZE;

export class AddressSpace {
  /** Ascending by start. */
  readonly vmas: Vma[] = [];
  /** Tasks that share it. */
  users = 1;
  private brkStart = 0;
  private brkEnd = 0;
  private mmapNext = MMAP_TOP;
  /** Sum over the VMAs. */
  residentBytes = 0;
  peakResidentBytes = 0;
  minorFaults = 0;

  constructor(private readonly account: MemoryAccount) {}

  /** Lays out a program image. */
  load(path: Path, dev: number, ino: number, imageBytes: number): void {
    const text = pageUp(imageBytes);
    this.insert({
      start: IMAGE_BASE,
      end: IMAGE_BASE + text,
      prot: PROT_READ | PROT_EXEC,
      shared: false,
      residentBytes: 0,
      name: path,
      offset: 0,
      dev,
      ino,
    });
    this.brkStart = IMAGE_BASE + text + 0x1000;
    this.brkEnd = this.brkStart;
    const stack = {
      start: STACK_TOP - 0x21000,
      end: STACK_TOP,
      prot: PROT_READ | PROT_WRITE,
      shared: false,
      residentBytes: 0,
      name: "[stack]",
      offset: 0,
      dev: 0,
      ino: 0,
    };
    this.insert(stack);
  }

  get virtualBytes(): number {
    return this.vmas.reduce((sum, v) => sum + (v.end - v.start), 0);
  }

  /**
   * Page tables that the resident pages need: a last-level table for each 2 MiB, and the ones above it.
   * Differs from Linux: they are told, but charged to nobody.
   */
  get pageTableBytes(): number {
    let tables = 1;
    for (const v of this.vmas) if (v.residentBytes > 0) tables += Math.ceil(v.residentBytes / TABLE_SPAN) + 2;
    return tables * PAGE_SIZE;
  }

  copy(account: MemoryAccount): AddressSpace {
    const copy = new AddressSpace(account);
    for (const v of this.vmas) {
      copy.vmas.push({ ...v, residentBytes: 0 });
      v.segment?.attached();
    }
    copy.brkStart = this.brkStart;
    copy.brkEnd = this.brkEnd;
    copy.mmapNext = this.mmapNext;
    return copy;
  }

  /** brk(2). Returns the break in force. `limitBytes` is RLIMIT_DATA. */
  brk(addr: number, limitBytes: number): number {
    if (addr < this.brkStart || addr - this.brkStart > limitBytes) return this.brkEnd;
    const heap = this.vmas.find((v) => v.name === "[heap]");
    const end = pageUp(addr);
    if (heap === undefined) {
      if (end > this.brkStart) {
        this.insert({
          start: this.brkStart,
          end,
          prot: PROT_READ | PROT_WRITE,
          shared: false,
          residentBytes: 0,
          name: "[heap]",
          offset: 0,
          dev: 0,
          ino: 0,
        });
      }
    } else if (end <= heap.start) this.drop(heap);
    else {
      const size = end - heap.start;
      if (heap.residentBytes > size) this.unresident(heap, heap.residentBytes - size);
      heap.end = end;
    }
    this.brkEnd = addr;
    return addr;
  }

  /** mmap(2) without MAP_FIXED: below what was mapped last. Returns the address. Errors: ENOMEM over `limitBytes` (RLIMIT_AS). */
  map(
    length: number,
    prot: number,
    shared: boolean,
    limitBytes: number,
    file?: { name: string | Path; dev: number; ino: number; offset: number; segment?: SharedSegment },
  ): number {
    if (!(length > 0)) throw EINVAL;
    const size = pageUp(length);
    if (this.virtualBytes + size > limitBytes || size > this.mmapNext - IMAGE_BASE) throw ENOMEM;
    const start = this.mmapNext - size;
    this.mmapNext = start;
    const { name, dev, ino, offset } = file ?? { name: "", dev: 0, ino: 0, offset: 0 };
    const segment = file?.segment;
    const vma = { start, end: start + size, prot, shared, residentBytes: 0, name, offset, dev, ino };
    this.insert(segment === undefined ? vma : { ...vma, segment });
    return start;
  }

  unmap(addr: number, length: number): void {
    if (addr % PAGE_SIZE !== 0 || !(length > 0)) throw EINVAL;
    const end = addr + pageUp(length);
    for (const v of [...this.vmas]) {
      if (v.end <= addr || v.start >= end) continue;
      this.cut(v, addr, end);
    }
    if (addr === this.mmapNext) this.mmapNext = this.vmas.find((v) => v.start >= end)?.start ?? MMAP_TOP;
    if (this.mmapNext > MMAP_TOP) this.mmapNext = MMAP_TOP;
  }

  protect(addr: number, length: number, prot: number): void {
    if (addr % PAGE_SIZE !== 0) throw EINVAL;
    const v = this.vmas.find((m) => m.start <= addr && addr < m.end);
    if (v === undefined || addr + length > v.end) throw ENOMEM;
    if (v.start === addr && v.end === addr + pageUp(length)) v.prot = prot;
  }

  /**
   * Makes the pages of a range resident. Returns the number of new pages; -1 if they could not be charged.
   * Errors: EINVAL stands for SIGSEGV, which the caller raises.
   */
  touch(addr: number, length: number): number {
    const v = this.vmas.find((m) => m.start <= addr && addr < m.end);
    if (v === undefined || addr + length > v.end) throw EINVAL;
    if (v.segment !== undefined) return v.segment.fault(addr + length - v.start) ? 0 : -1;
    // Residency is kept as one number a mapping: touching [start, n) makes the first n bytes resident.
    const wanted = pageUp(addr + length - v.start) - v.residentBytes;
    if (wanted <= 0) return 0;
    if (!this.account.charge(wanted)) return -1;
    v.residentBytes += wanted;
    this.residentBytes += wanted;
    if (this.residentBytes > this.peakResidentBytes) this.peakResidentBytes = this.residentBytes;
    const pages = wanted / PAGE_SIZE;
    this.minorFaults += pages;
    return pages;
  }

  /** The pages that a new image needs before it does anything of its own. */
  touchImage(bytes: number): void {
    const [text] = this.vmas;
    if (text === undefined) return;
    this.touch(text.start, Math.min(bytes, text.end - text.start));
    const stack = this.vmas[this.vmas.length - 1] as Vma;
    this.touch(stack.start, stack.end - stack.start);
  }

  /** Gives everything back: exit, execve. */
  free(): void {
    this.account.uncharge(this.residentBytes);
    this.residentBytes = 0;
    for (const v of this.vmas) v.segment?.detached();
    this.vmas.length = 0;
  }

  private insert(vma: Vma): void {
    let at = this.vmas.length;
    while (at > 0 && (this.vmas[at - 1] as Vma).start > vma.start) at--;
    this.vmas.splice(at, 0, vma);
  }

  private cut(v: Vma, from: number, to: number): void {
    if (from <= v.start && to >= v.end) {
      this.drop(v);
      return;
    }
    if (from <= v.start) v.start = to;
    else if (to >= v.end) v.end = from;
    else {
      this.insert({ ...v, start: to, residentBytes: 0, offset: v.offset + (to - v.start) });
      v.segment?.attached();
      v.end = from;
    }
    const over = v.residentBytes - (v.end - v.start);
    if (over > 0) this.unresident(v, over);
  }

  private drop(v: Vma): void {
    this.unresident(v, v.residentBytes);
    this.vmas.splice(this.vmas.indexOf(v), 1);
    v.segment?.detached();
  }

  private unresident(v: Vma, bytes: number): void {
    v.residentBytes -= bytes;
    this.residentBytes -= bytes;
    this.account.uncharge(bytes);
  }
}
