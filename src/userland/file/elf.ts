/** What file(1) says about an ELF file: libmagic's `elf` rules and `readelf.c`, from the header and program headers. */

import { decodeUtf8 } from "../../abi/utf8.ts";

const TYPES = ["no file type", "relocatable", "executable", "shared object", "core file"] as const;
const MACHINES: Readonly<Record<number, string>> = {
  0: "no machine",
  3: "Intel 80386",
  8: "MIPS",
  20: "PowerPC or cisco 4500",
  21: "64-bit PowerPC or cisco 7500",
  22: "IBM S/390",
  40: "ARM",
  62: "x86-64",
  183: "ARM aarch64",
  243: "UCB RISC-V",
  258: "LoongArch",
};
const ABIS: Readonly<Record<number, string>> = { 0: "SYSV", 1: "HP-UX", 2: "NetBSD", 3: "GNU/Linux", 6: "Solaris", 9: "FreeBSD" };

const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_NOTE = 4;
const DT_FLAGS_1 = 0x6ffffffb;
const DF_1_PIE = 0x08000000;
const NT_GNU_BUILD_ID = 3;

/** `bytes` begin with the ELF magic. */
export function describeElf(bytes: Uint8Array): string {
  if (bytes.length < 52) return "ELF";
  const wide = bytes[4] === 2;
  const little = bytes[5] === 1;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const half = (at: number): number => (at + 2 <= bytes.length ? v.getUint16(at, little) : 0);
  const word = (at: number): number => (at + 4 <= bytes.length ? v.getUint32(at, little) : 0);
  const addr = (at: number): number => (wide ? (at + 8 <= bytes.length ? Number(v.getBigUint64(at, little)) : 0) : word(at));

  const phoff = addr(wide ? 32 : 28);
  const phnum = half(wide ? 56 : 44);
  const phentsize = half(wide ? 54 : 42);
  const shnum = half(wide ? 60 : 48);
  let interp: string | undefined;
  let dynamic = false;
  let pie = false;
  let buildId: string | undefined;
  for (let i = 0; i < phnum && i < 2048; i++) {
    const at = phoff + i * phentsize;
    const type = word(at);
    const offset = addr(at + (wide ? 8 : 4));
    const size = addr(at + (wide ? 32 : 16));
    if (type === PT_INTERP) interp = decodeUtf8(bytes, offset, Math.min(bytes.length, offset + size)).replace(/\0[\s\S]*$/, "");
    else if (type === PT_DYNAMIC) {
      dynamic = true;
      const step = wide ? 16 : 8;
      for (let d = offset; d + step <= Math.min(offset + size, bytes.length); d += step)
        if (addr(d) === DT_FLAGS_1 && (addr(d + step / 2) & DF_1_PIE) !== 0) pie = true;
    } else if (type === PT_NOTE) {
      for (let n = offset; n + 12 <= Math.min(offset + size, bytes.length); ) {
        const nameSize = word(n);
        const descSize = word(n + 4);
        const desc = n + 12 + ((nameSize + 3) & ~3);
        if (word(n + 8) === NT_GNU_BUILD_ID && decodeUtf8(bytes, n + 12, n + 15) === "GNU") {
          buildId = Array.from(bytes.subarray(desc, desc + descSize), (b) => b.toString(16).padStart(2, "0")).join("");
        }
        n = desc + ((descSize + 3) & ~3);
      }
    }
  }
  const type = half(16);
  const kind = type === 3 && pie ? "pie executable" : (TYPES[type] ?? `unknown type ${type}`);
  const machine = MACHINES[half(18)] ?? `*unknown arch 0x${half(18).toString(16)}*`;
  const parts = [
    `ELF ${wide ? "64" : "32"}-bit ${little ? "LSB" : "MSB"} ${kind}`,
    machine,
    `version ${word(20)} (${ABIS[bytes[7] as number] ?? `unknown OS ABI ${bytes[7]}`})`,
  ];
  if (type === 2 || type === 3) {
    if (interp !== undefined) parts.push("dynamically linked", `interpreter ${interp}`);
    else parts.push(dynamic ? "dynamically linked" : "statically linked");
  }
  if (buildId !== undefined) parts.push(`BuildID[${buildId.length === 40 ? "sha1" : "xxHash"}]=${buildId}`);
  if (shnum === 0) parts.push("no section header");
  return parts.join(", ");
}
