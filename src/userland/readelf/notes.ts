/** readelf -n. */

import { decodeUtf8 } from "../../abi/utf8.ts";
import { type ElfFile, hex } from "./elf-file.ts";
import { NOTE } from "./names.ts";

const SHT_NOTE = 7;

/** By section where there are any, else by segment. */
export function showNotes(file: ElfFile, wide: boolean): string {
  const sections = file.sections.filter((s) => s.type === SHT_NOTE);
  if (sections.length > 0) {
    return sections
      .map((s) => `\nDisplaying notes found in: ${s.name}\n${list(file, Number(s.offset), Number(s.size), Number(s.align), wide)}`)
      .join("");
  }
  const places = file.segments.filter((s) => s.type === NOTE);
  return places
    .map(
      (s) =>
        `\nDisplaying notes found at file offset 0x${hex(s.offset, 8)} with length 0x${hex(s.filesz, 8)}:\n${list(file, Number(s.offset), Number(s.filesz), Number(s.align), wide)}`,
    )
    .join("");
}

function list(file: ElfFile, start: number, length: number, align: number, wide: boolean): string {
  const step = align === 8 ? 8 : 4;
  const up = (n: number): number => Math.ceil(n / step) * step;
  const end = Math.min(start + length, file.bytes.length);
  let out = `  ${"Owner".padEnd(20)} Data size \tDescription\n`;
  for (let at = start; at + 12 <= end; ) {
    const [nameLength, descLength, type] = [file.u32(at), file.u32(at + 4), file.u32(at + 8)];
    const descAt = up(at + 12 + nameLength - start) + start;
    const name = decodeUtf8(file.bytes, at + 12, at + 12 + nameLength).replace(/\0.*$/s, "");
    const desc = file.bytes.subarray(descAt, descAt + descLength);
    out += `  ${name.padEnd(20)} 0x${hex(descLength, 8)}\t${typeName(name, type)}${wide ? "\t" : "\n"}`;
    out += describe(file, name, type, desc, descAt);
    at = start + up(descAt - start + descLength);
  }
  return out;
}

function typeName(owner: string, type: number): string {
  if (owner === "GNU") {
    const known = [
      "",
      "NT_GNU_ABI_TAG (ABI version tag)",
      "NT_GNU_HWCAP (DSO-supplied software HWCAP info)",
      "NT_GNU_BUILD_ID (unique build ID bitstring)",
      "NT_GNU_GOLD_VERSION (gold version)",
      "NT_GNU_PROPERTY_TYPE_0",
    ];
    return known[type] ?? `Unknown note type: (0x${hex(type, 8)})`;
  }
  return type === 1 ? "NT_VERSION (version)" : type === 2 ? "NT_ARCH (architecture)" : `Unknown note type: (0x${hex(type, 8)})`;
}

function describe(file: ElfFile, owner: string, type: number, desc: Uint8Array, at: number): string {
  if (owner === "GNU" && type === 3) return `    Build ID: ${[...desc].map((b) => hex(b, 2)).join("")}\n`;
  if (owner === "GNU" && type === 1 && desc.length >= 16) {
    const system = ["Linux", "Hurd", "Solaris", "FreeBSD", "NetBSD"][file.u32(at)] ?? "Unknown";
    return `    OS: ${system}, ABI: ${file.u32(at + 4)}.${file.u32(at + 8)}.${file.u32(at + 12)}\n`;
  }
  return desc.length === 0 ? "" : `   description data: ${[...desc].map((b) => `${hex(b, 2)} `).join("")}\n`;
}
