import { describe, expect, it } from "vitest";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { GunzipSource, GzipError, GzipSink } from "./gzip.ts";
import { concat } from "./stdio.ts";
import type { ByteSource } from "./stream.ts";
import { CHRTYPE, DIRTYPE, emptyEntry, REGTYPE, SYMTYPE, type TarEntry, TarError, type TarFormat, TarReader, TarWriter } from "./tar.ts";

function run<T>(proc: Proc<T>): T {
  const step = proc[Symbol.iterator]().next();
  if (!step.done) throw new Error("it sleeps");
  return step.value;
}

const sys = { *spend() {} } as unknown as Sys;

/** Delivers `bytes` in pieces of `size`. */
function source(bytes: Uint8Array, size = 100): ByteSource {
  let at = 0;
  return {
    *read() {
      if (at >= bytes.length) return undefined;
      const part = bytes.subarray(at, at + size);
      at += size;
      return part;
    },
  };
}

function sink(): { parts: Uint8Array[]; write(bytes: Uint8Array): Proc<void> } {
  const parts: Uint8Array[] = [];
  return {
    parts,
    *write(bytes) {
      parts.push(bytes.slice());
    },
  };
}

function pack(format: TarFormat, entries: readonly (readonly [TarEntry, string])[]): Uint8Array {
  const out = sink();
  const writer = new TarWriter(out, format);
  for (const [entry, text] of entries) {
    run(writer.entry({ ...entry, size: text.length }));
    run(writer.write(encodeUtf8(text)));
  }
  run(writer.end());
  return concat(out.parts);
}

function unpack(bytes: Uint8Array): (readonly [TarEntry, string])[] {
  const reader = new TarReader(source(bytes));
  const all: (readonly [TarEntry, string])[] = [];
  for (let entry = run(reader.next()); entry !== undefined; entry = run(reader.next())) {
    const parts: Uint8Array[] = [];
    for (let part = run(reader.read()); part !== undefined; part = run(reader.read())) parts.push(part.slice());
    all.push([entry, decodeUtf8(concat(parts))]);
  }
  return all;
}

const long = "x".repeat(150);
const entries: readonly (readonly [TarEntry, string])[] = [
  [{ ...emptyEntry, name: "d/", type: DIRTYPE, mode: 0o755, mtime: { sec: 7, nsec: 0 } }, ""],
  [{ ...emptyEntry, name: "d/file", type: REGTYPE, mode: 0o4644, uid: 5, gid: 6, uname: "root", gname: "games" }, "a".repeat(1000)],
  [{ ...emptyEntry, name: `d/${long}`, type: SYMTYPE, mode: 0o777, linkname: `e/${long}` }, ""],
  [{ ...emptyEntry, name: "d/null", type: CHRTYPE, mode: 0o666, devmajor: 1, devminor: 3 }, ""],
];

describe("tar", () => {
  it.each(["gnu", "pax"] as const)("%s archives keep long names, ids, devices and content", (format) => {
    const back = unpack(pack(format, entries));
    expect(back.map(([e, text]) => [{ ...e, size: text.length, pax: new Map() }, text])).toEqual(
      entries.map(([e, text]) => [{ ...e, size: text.length }, text]),
    );
  });

  it("an archive fills whole records of 10240 bytes", () => {
    expect(pack("gnu", entries).length % 10240).toBe(0);
  });

  it("numbers that do not fit into octal digits survive", () => {
    const big = { ...emptyEntry, name: "big", uid: 2 ** 31, mtime: { sec: -5, nsec: 0 } };
    for (const format of ["gnu", "pax"] as const) {
      const [entry] = unpack(pack(format, [[big, ""]]))[0] ?? [];
      expect([entry?.uid, entry?.mtime.sec]).toEqual([2 ** 31, -5]);
    }
  });

  it("pax archives keep nanoseconds before and after 1970", () => {
    for (const mtime of [
      { sec: 12, nsec: 340_000_000 },
      { sec: -2, nsec: 500_000_000 },
    ])
      expect(unpack(pack("pax", [[{ ...emptyEntry, name: "t", mtime }, ""]]))[0]?.[0].mtime).toEqual(mtime);
  });

  it("ustar refuses names that cannot be split", () => {
    const write = (name: string) => () => pack("ustar", [[{ ...emptyEntry, name }, ""]]);
    expect(write(long)).toThrow(TarError);
    expect(unpack(write(`${"d".repeat(90)}/${"f".repeat(90)}`)())[0]?.[0].name).toBe(`${"d".repeat(90)}/${"f".repeat(90)}`);
  });

  it("a damaged header is an error once, then the next good one is found", () => {
    const bytes = pack("gnu", entries);
    bytes[3] = 1;
    const reader = new TarReader(source(bytes));
    expect(() => run(reader.next())).toThrow(TarError);
    expect(run(reader.next())?.name).toBe("d/file");
  });

  it("an archive that ends inside a file is an error", () => {
    const reader = new TarReader(source(pack("gnu", entries).subarray(0, 1200)));
    run(reader.next());
    run(reader.next());
    expect(() => run(reader.next())).toThrow(TarError);
  });
});

function gzip(text: string, level = 6): Uint8Array {
  const out = sink();
  const gz = new GzipSink(sys, out, level, { name: "n", mtime: 9 });
  for (let i = 0; i < text.length; i += 1000) run(gz.write(encodeUtf8(text.slice(i, i + 1000))));
  run(gz.finish());
  return concat(out.parts);
}

function gunzip(bytes: Uint8Array, size = 100): { text: string; from: GunzipSource } {
  const from = new GunzipSource(sys, source(bytes, size));
  const parts: Uint8Array[] = [];
  for (let part = run(from.read()); part !== undefined; part = run(from.read())) parts.push(part.slice());
  return { text: decodeUtf8(concat(parts)), from };
}

describe("gzip", () => {
  const text = Array.from({ length: 3000 }, (_, i) => `${i * i}`).join(" ");

  it.each([1, 6, 9])("level %d round trip, read in pieces of any size", (level) => {
    const bytes = gzip(text, level);
    for (const size of [50, 4096, 1 << 20]) expect(gunzip(bytes, size).text).toBe(text);
  });

  it("keeps name and time, and joins members", () => {
    const { text: both, from } = gunzip(concat([gzip("one"), gzip("two"), new Uint8Array(50)]));
    expect([both, from.header, from.trailingGarbage]).toEqual(["onetwo", { name: "n", mtime: 9 }, false]);
    expect(gunzip(concat([gzip("one"), encodeUtf8("garbage")])).from.trailingGarbage).toBe(true);
  });

  it("a wrong checksum, an early end and other bytes are errors", () => {
    const bytes = gzip("hello hello hello");
    const kind = (damaged: Uint8Array): string => {
      try {
        gunzip(damaged);
      } catch (e) {
        if (e instanceof GzipError) return e.kind;
        throw e;
      }
      return "none";
    };
    const crc = bytes.slice();
    crc[crc.length - 8] = (crc[crc.length - 8] as number) ^ 1;
    expect([kind(crc), kind(bytes.subarray(0, -3)), kind(encodeUtf8("plain text"))]).toEqual(["crc", "eof", "format"]);
  });
});
