/** readelf -d. */

import { type ElfFile, hex } from "./elf-file.ts";
import { DYNAMIC, dynamicFlags, dynamicFlags1, type DynamicShape, dynamicTags } from "./names.ts";

const STRTAB = 5n;

export function showDynamic(file: ElfFile): string {
  const segment = file.segments.find((s) => s.type === DYNAMIC);
  if (segment === undefined || segment.filesz === 0n || !file.holds(segment.offset, segment.filesz))
    return "\nThere is no dynamic section in this file.\n";
  const start = Number(segment.offset);
  const entries: [tag: bigint, value: bigint][] = [];
  for (let at = start; at + 16 <= start + Number(segment.filesz); at += 16) {
    entries.push([file.u64(at), file.u64(at + 8)]);
    if (file.u64(at) === 0n) break;
  }
  const table = entries.find(([tag]) => tag === STRTAB)?.[1];
  const strings = table === undefined ? undefined : file.offsetOf(table);
  const text = (value: bigint): string => (strings === undefined ? "" : file.text(Number(strings + value)));
  const count = entries.length === 1 ? "1 entry" : `${entries.length} entries`;
  const rows = entries.map(([tag, value]) => {
    const [name, shape] = dynamicTags.get(tag) ?? [`<unknown>: ${hex(tag)}`, "hex"];
    return ` 0x${hex(tag, 16)} ${`(${name})`.padEnd(20)} ${show(shape, value, text)}\n`;
  });
  return `\nDynamic section at offset 0x${hex(start)} contains ${count}:\n  Tag        Type                         Name/Value\n${rows.join("")}`;
}

function show(shape: DynamicShape, value: bigint, text: (value: bigint) => string): string {
  switch (shape) {
    case "bytes":
      return `${value} (bytes)`;
    case "number":
      return `${value}`;
    case "needed":
      return `Shared library: [${text(value)}]`;
    case "soname":
      return `Library soname: [${text(value)}]`;
    case "rpath":
      return `Library rpath: [${text(value)}]`;
    case "runpath":
      return `Library runpath: [${text(value)}]`;
    case "pltrel":
      return value === 7n ? "RELA" : value === 17n ? "REL" : `${value}`;
    case "flags":
      return dynamicFlags.filter((_, bit) => (value & (1n << BigInt(bit))) !== 0n).join(" ");
    case "flags1":
      return `Flags: ${[...dynamicFlags1]
        .filter(([bit]) => (value & bit) !== 0n)
        .map(([, name]) => name)
        .join(" ")}`;
    default:
      return `0x${hex(value)}`;
  }
}
