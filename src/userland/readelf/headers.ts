/** readelf -h, -l, -S. */

import { type ElfFile, hex, type Section, type Segment } from "./elf-file.ts";
import { DT_FLAGS_1, DYNAMIC, flags1, INTERP, machines, osAbis, sectionTypes, segmentTypes, types } from "./names.ts";

/** A shared object that says it is a program (DF_1_PIE) is one. */
function typeName(file: ElfFile): string {
  if (file.type === 3) return `DYN (${isPie(file) ? "Position-Independent Executable file" : "Shared object file"})`;
  return types.get(file.type) ?? `<unknown>: ${hex(file.type)}`;
}

function isPie(file: ElfFile): boolean {
  const dynamic = file.segments.find((s) => s.type === DYNAMIC);
  if (dynamic === undefined || !file.holds(dynamic.offset, dynamic.filesz)) return false;
  for (let at = Number(dynamic.offset); at + 16 <= Number(dynamic.offset + dynamic.filesz); at += 16)
    if (file.u64(at) === DT_FLAGS_1 && (file.u64(at + 8) & flags1.PIE) !== 0n) return true;
  return false;
}

export function showFileHeader(file: ElfFile): string {
  const magic = [...file.bytes.subarray(0, 16)].map((b) => `${hex(b, 2)} `).join("");
  const abi = file.bytes[7] ?? 0;
  const rows: readonly (readonly [string, string | number | bigint])[] = [
    ["Class:", "ELF64"],
    ["Data:", "2's complement, little endian"],
    ["Version:", file.bytes[6] === 1 ? "1 (current)" : `${file.bytes[6]} <unknown>`],
    ["OS/ABI:", osAbis.get(abi) ?? `<unknown: ${hex(abi)}>`],
    ["ABI Version:", file.bytes[8] ?? 0],
    ["Type:", typeName(file)],
    ["Machine:", machines.get(file.u16(18)) ?? `<unknown>: 0x${hex(file.u16(18))}`],
    ["Version:", `0x${hex(file.u32(20))}`],
    ["Entry point address:", `0x${hex(file.entry)}`],
    ["Start of program headers:", `${file.programHeadersAt} (bytes into file)`],
    ["Start of section headers:", `${file.u64(40)} (bytes into file)`],
    ["Flags:", `0x${hex(file.u32(48))}`],
    ["Size of this header:", `${file.u16(52)} (bytes)`],
    ["Size of program headers:", `${file.u16(54)} (bytes)`],
    ["Number of program headers:", file.u16(56)],
    ["Size of section headers:", `${file.u16(58)} (bytes)`],
    ["Number of section headers:", file.u16(60)],
    ["Section header string table index:", file.u16(62)],
  ];
  return `ELF Header:\n  Magic:   ${magic}\n${rows.map(([name, value]) => `  ${name.padEnd(34)} ${value}\n`).join("")}`;
}

function flagText(flags: number): string {
  return (flags & 4 ? "R" : " ") + (flags & 2 ? "W" : " ") + (flags & 1 ? "E" : " ");
}

function segmentRow(s: Segment, wide: boolean): string {
  const name = segmentTypes.get(s.type) ?? `<unknown>: ${hex(s.type)}`.slice(0, 14);
  const align = s.align === 0n ? "0" : `0x${hex(s.align)}`;
  if (wide) {
    const six = (n: bigint): string => `0x${hex(n, 6)}`;
    return `  ${name.padEnd(14)} ${six(s.offset)} 0x${hex(s.vaddr, 16)} 0x${hex(s.paddr, 16)} ${six(s.filesz)} ${six(s.memsz)} ${flagText(s.flags)} ${align}\n`;
  }
  const x = (n: bigint): string => `0x${hex(n, 16)}`;
  return `  ${name.padEnd(14)} ${x(s.offset)} ${x(s.vaddr)} ${x(s.paddr)}\n                 ${x(s.filesz)} ${x(s.memsz)}  ${flagText(s.flags)}    ${align}\n`;
}

export function showProgramHeaders(file: ElfFile, wide: boolean, headerShown: boolean): string {
  const { segments } = file;
  if (segments.length === 0) return "\nThere are no program headers in this file.\n";
  let out = "";
  if (!headerShown) {
    const count = segments.length === 1 ? "is 1 program header" : `are ${segments.length} program headers`;
    out += `\nElf file type is ${typeName(file)}\nEntry point 0x${hex(file.entry)}\nThere ${count}, starting at offset ${file.programHeadersAt}\n`;
  }
  out += `\nProgram Header${segments.length > 1 ? "s" : ""}:\n`;
  out += wide
    ? "  Type           Offset   VirtAddr           PhysAddr           FileSiz  MemSiz   Flg Align\n"
    : "  Type           Offset             VirtAddr           PhysAddr\n                 FileSiz            MemSiz              Flags  Align\n";
  for (const s of segments) {
    out += segmentRow(s, wide);
    if (s.type === INTERP) out += `      [Requesting program interpreter: ${file.text(Number(s.offset))}]\n`;
  }
  return out + showMapping(file);
}

const SHF_ALLOC = 2n;
const SHF_TLS = 0x400n;
const NOBITS = 8;
const TLS = 7;

/** ELF_SECTION_IN_SEGMENT_STRICT of binutils, as far as ordinary files go. */
function isIn(section: Section, segment: Segment): boolean {
  if (section.type === 0 || section.name === "") return false;
  const tls = (section.flags & SHF_TLS) !== 0n;
  if (tls ? ![1, 0x6474e552, TLS].includes(segment.type) : segment.type === TLS || segment.type === 6) return false;
  if ((section.flags & SHF_ALLOC) === 0n) return false;
  const tbss = tls && section.type === NOBITS && segment.type !== TLS;
  const size = tbss ? 0n : section.size;
  if (section.type !== NOBITS && (section.offset < segment.offset || section.offset + size > segment.offset + segment.filesz)) return false;
  if (section.addr < segment.vaddr || section.addr + size > segment.vaddr + segment.memsz) return false;
  // An empty section at the very end, or at the start of PT_DYNAMIC, is not in it.
  if (size === 0n && segment.memsz > 0n && section.addr >= segment.vaddr + segment.memsz) return false;
  return true;
}

function showMapping({ sections, segments }: ElfFile): string {
  if (sections.length === 0) return "";
  const rows = segments.map((segment, i) => {
    const names = sections.filter((s) => isIn(s, segment)).map((s) => `${s.name} `);
    return `   ${String(i).padStart(2, "0")}     ${names.join("")}\n`;
  });
  return `\n Section to Segment mapping:\n  Segment Sections...\n${rows.join("")}`;
}

const FLAG_LETTERS = "WAXxMSILOGTC";

function sectionFlags(flags: bigint): string {
  let out = "";
  for (let bit = 0; bit < FLAG_LETTERS.length; bit++) if (bit !== 3 && (flags & (1n << BigInt(bit))) !== 0n) out += FLAG_LETTERS[bit];
  return out;
}

const KEY = `Key to Flags:
  W (write), A (alloc), X (execute), M (merge), S (strings), I (info),
  L (link order), O (extra OS processing required), G (group), T (TLS),
  C (compressed), x (unknown), o (OS specific), E (exclude),
  D (mbind), l (large), p (processor specific)
`;

export function showSections(file: ElfFile, wide: boolean, headerShown: boolean): string {
  const { sections } = file;
  if (sections.length === 0) return "\nThere are no sections in this file.\n";
  const count = sections.length === 1 ? "is 1 section header" : `are ${sections.length} section headers`;
  let out = headerShown ? "" : `There ${count}, starting at offset 0x${hex(file.u64(40))}:\n`;
  out += `\nSection Header${sections.length > 1 ? "s" : ""}:\n`;
  out += wide
    ? "  [Nr] Name              Type            Address          Off    Size   ES Flg Lk Inf Al\n"
    : "  [Nr] Name              Type             Address           Offset\n       Size              EntSize          Flags  Link  Info  Align\n";
  for (const [i, s] of sections.entries()) {
    const name = (s.name.length > 17 ? `${s.name.slice(0, 12)}[...]` : s.name).padEnd(17);
    const type = (sectionTypes.get(s.type) ?? `${hex(s.type, 8)}: <unknown>`).padEnd(15).slice(0, 15);
    const index = `  [${String(i).padStart(2)}] ${wide ? s.name.padEnd(17) : name} ${type}`;
    const flags = sectionFlags(s.flags);
    out += wide
      ? `${index} ${hex(s.addr, 16)} ${hex(s.offset, 6)} ${hex(s.size, 6)} ${hex(s.entsize, 2)} ${flags.padStart(3)} ${String(s.link).padStart(2)} ${String(s.info).padStart(3)} ${String(s.align).padStart(2)}\n`
      : `${index}  ${hex(s.addr, 16)}  ${hex(s.offset, 8)}\n       ${hex(s.size, 16)}  ${hex(s.entsize, 16)} ${flags.padStart(3)}  ${String(s.link).padStart(6)}${String(s.info).padStart(6)}${String(s.align).padStart(6)}\n`;
  }
  return out + KEY;
}
