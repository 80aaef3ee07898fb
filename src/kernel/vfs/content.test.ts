import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fillPacked, fillSynthetic } from "../../abi/synthetic.ts";
import { Content, ContentStore } from "./content.ts";

const MAX = 40_000;
const offset = fc.oneof(fc.nat(MAX), fc.constantFrom(0, 1, 4095, 4096, 4097, 8192, 12_288));
const length = fc.oneof(fc.nat(200), fc.nat(9000), fc.constantFrom(0, 1, 4096, 8192));

type Op =
  | { op: "write"; at: number; bytes: number; fill: number }
  | { op: "append"; bytes: number; fill: number }
  | { op: "truncate"; to: number }
  | { op: "punch"; at: number; bytes: number }
  | { op: "allocate"; at: number; bytes: number }
  | { op: "synthetic"; seed: number; bytes: number }
  | { op: "clone"; from: number; bytes: number; at: number; back: boolean };

const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant("write" as const), at: offset, bytes: length, fill: fc.nat(255) }),
  fc.record({ op: fc.constant("append" as const), bytes: length, fill: fc.nat(255) }),
  fc.record({ op: fc.constant("truncate" as const), to: offset }),
  fc.record({ op: fc.constant("punch" as const), at: offset, bytes: length }),
  fc.record({ op: fc.constant("allocate" as const), at: offset, bytes: length }),
  fc.record({ op: fc.constant("synthetic" as const), seed: fc.nat(), bytes: length }),
  fc.record({ op: fc.constant("clone" as const), from: offset, bytes: length, at: offset, back: fc.boolean() }),
);

/** A file as plain bytes, and which of them are allocated. */
class Model {
  bytes = new Uint8Array(0);

  resize(to: number): void {
    const next = new Uint8Array(to);
    next.set(this.bytes.subarray(0, to));
    this.bytes = next;
  }

  write(buf: Uint8Array, at: number): void {
    if (buf.length === 0) return;
    if (at + buf.length > this.bytes.length) this.resize(at + buf.length);
    this.bytes.set(buf, at);
  }
}

function whole(content: Content): Uint8Array {
  const buf = new Uint8Array(content.size);
  expect(content.read(buf, 0)).toBe(content.size);
  return buf;
}

function pattern(bytes: number, fill: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (fill === 0 ? 0 : (fill + i * 7) & 255));
}

function apply(op: Op, a: Content, ma: Model, b: Content, mb: Model): void {
  if (op.op === "write" || op.op === "append") {
    const buf = pattern(op.bytes, op.fill);
    const at = op.op === "write" ? op.at : a.size;
    a.write(buf, at);
    ma.write(buf, at);
  } else if (op.op === "truncate") {
    a.truncate(op.to);
    ma.resize(op.to);
  } else if (op.op === "punch") {
    const end = Math.min(op.at + op.bytes, a.size);
    if (end <= op.at) return;
    a.punch(op.at, end);
    ma.bytes.fill(0, op.at, end);
  } else if (op.op === "allocate") {
    a.allocate(op.at, op.at + op.bytes);
    expect(a.countPages(op.at, op.at + op.bytes).allocated).toBe(
      op.bytes === 0 ? a.countPages(op.at, op.at).allocated : pages(op.at, op.at + op.bytes),
    );
  } else if (op.op === "synthetic") {
    const from = a.size;
    a.appendSynthetic(op.seed, op.bytes);
    ma.resize(from + op.bytes);
    ma.bytes.set(whole(a).subarray(from), from);
  } else {
    const [src, msrc, dst, mdst] = op.back ? [b, mb, a, ma] : [a, ma, b, mb];
    const n = Math.min(op.bytes, src.size - op.from);
    if (n <= 0) return;
    dst.cloneRange(src, op.from, n, op.at);
    mdst.write(msrc.bytes.slice(op.from, op.from + n), op.at);
  }
}

const pages = (from: number, to: number): number => Math.ceil(to / 4096) - Math.floor(from / 4096);

describe("content", () => {
  test("equals a plain array under random operations and gives all host bytes back", () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 40 }), (ops) => {
        const store = new ContentStore(1e9);
        const [a, b] = [new Content(store), new Content(store)];
        const [ma, mb] = [new Model(), new Model()];
        for (const o of ops) {
          apply(o, a, ma, b, mb);
          expect(a.size).toBe(ma.bytes.length);
          const count = a.countPages(0, 1e7);
          expect([a.allocatedPages, a.residentPages]).toEqual([count.allocated, count.resident]);
        }
        expect(Buffer.compare(whole(a), ma.bytes)).toBe(0);
        expect(Buffer.compare(whole(b), mb.bytes)).toBe(0);
        a.release();
        b.release();
        expect([store.hostBytes, a.allocatedPages, b.residentPages]).toEqual([0, 0, 0]);
      }),
      { numRuns: 400 },
    );
  });

  test("reading part of a synthetic range gives the same bytes as reading all of it", () => {
    const content = new Content(new ContentStore(1e6));
    content.appendSynthetic(42, 100_000);
    const all = whole(content);
    for (const [at, n] of [
      [0, 1],
      [1, 10],
      [4097, 333],
      [99_990, 10],
    ] as const) {
      const part = new Uint8Array(n);
      content.read(part, at);
      expect(part).toEqual(all.subarray(at, at + n));
    }
    expect(content.residentPages).toBe(0);
    expect(content.allocatedPages).toBe(25);
  });

  test("appending a byte at a time keeps few chunks", () => {
    const store = new ContentStore(1e9);
    const content = new Content(store);
    const one = new Uint8Array([7]);
    for (let i = 0; i < 200_000; i++) content.write(one, i);
    expect(content.size).toBe(200_000);
    expect(store.hostBytes).toBeLessThan(300_000);
  });

  test("a gigabyte of zeros weighs nothing on the host", () => {
    const store = new ContentStore(1e9);
    const content = new Content(store);
    const block = new Uint8Array(1 << 20);
    for (let i = 0; i < 1024; i++) content.write(block, i << 20);
    expect(content.residentPages).toBe(262_144);
    expect(store.hostBytes).toBe(0);
  });

  test("SEEK_DATA and SEEK_HOLE see whole pages", () => {
    const content = new Content(new ContentStore(1e9));
    content.write(new Uint8Array([1]), 10_000);
    content.truncate(50_000);
    expect(content.seekData(0)).toBe(8192);
    expect(content.seekHole(8192)).toBe(12_288);
    expect(content.seekHole(0)).toBe(0);
    expect(content.seekData(20_000)).toBeUndefined();
  });
});

describe("a synthetic stream that is written", () => {
  const stream = (seed: number, bytes: number, from = 0): Uint8Array => {
    const buf = new Uint8Array(bytes);
    fillSynthetic(seed, from, buf, 0, bytes);
    return buf;
  };

  test("is kept as its seed, in pieces of any size", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 3, max: 20_000 }), { minLength: 1 }), fc.nat(9000), (sizes, head) => {
        const store = new ContentStore(Number.MAX_SAFE_INTEGER);
        const content = new Content(store);
        const bytes = new Uint8Array(100_000);
        fillSynthetic(77, 0, bytes, 0, bytes.length);
        // A file may begin otherwise, as an executable does.
        bytes.fill(7, 0, head);
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const n = sizes[i % sizes.length] as number;
          content.write(bytes.subarray(at, at + n), at);
          at += n;
        }
        expect(Buffer.compare(whole(content), bytes)).toBe(0);
        const kept = Math.ceil(head / 4096) * 4096 + (bytes.length % 4096);
        expect(store.hostBytes).toBeLessThanOrEqual(2 * kept + 8192);
        const { allocated, resident } = content.countPages(0, bytes.length);
        expect([content.allocatedPages, content.residentPages]).toEqual([allocated, resident]);
        expect(allocated).toBe(Math.ceil(bytes.length / 4096));
        content.release();
        expect(store.hostBytes).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test("is bytes where one of them differs", () => {
    const store = new ContentStore(Number.MAX_SAFE_INTEGER);
    const content = new Content(store);
    const bytes = stream(5, 8192);
    bytes[4095] = 1;
    content.write(bytes, 0);
    expect(Buffer.compare(whole(content), bytes)).toBe(0);
    expect(content.residentPages).toBe(1);
    bytes[4095] = 0;
    content.write(bytes.subarray(4095, 4096), 4095);
    expect(Buffer.compare(whole(content), bytes)).toBe(0);
    expect(content.residentPages).toBe(0);
  });

  test("may begin with any of its blocks", () => {
    const content = new Content(new ContentStore(Number.MAX_SAFE_INTEGER));
    const bytes = stream(5, 40_960, 4096 * 1000);
    content.write(bytes, 4096);
    expect(content.residentPages).toBe(0);
    expect(Buffer.compare(whole(content).subarray(4096), bytes)).toBe(0);
  });
});

test("the compressed form of a synthetic stream is kept as its seed, too", () => {
  const store = new ContentStore(Number.MAX_SAFE_INTEGER);
  const content = new Content(store);
  const bytes = new Uint8Array(100_000);
  fillPacked(9, 8192, bytes, 0, bytes.length);
  for (let at = 0; at < bytes.length; at += 1448) content.write(bytes.subarray(at, at + 1448), at);
  expect(Buffer.compare(whole(content), bytes)).toBe(0);
  expect(content.residentPages).toBe(1);
  expect(store.hostBytes).toBeLessThan(4096);
  bytes[5000] = 1;
  content.write(bytes.subarray(5000, 5001), 5000);
  expect(Buffer.compare(whole(content), bytes)).toBe(0);
});
