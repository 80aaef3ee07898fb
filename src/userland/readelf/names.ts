/** Names of numbers in ELF files: `include/elf/*.h` of binutils, as far as they are seen on Linux for x86-64. */

export const INTERP = 3;
export const DYNAMIC = 2;
export const NOTE = 4;
export const DT_FLAGS_1 = 0x6ffffffbn;
export const flags1 = { PIE: 0x08000000n } as const;

export const types: ReadonlyMap<number, string> = new Map([
  [0, "NONE (None)"],
  [1, "REL (Relocatable file)"],
  [2, "EXEC (Executable file)"],
  [4, "CORE (Core file)"],
]);

export const osAbis: ReadonlyMap<number, string> = new Map([
  [0, "UNIX - System V"],
  [1, "UNIX - HP-UX"],
  [2, "UNIX - NetBSD"],
  [3, "UNIX - GNU"],
  [6, "UNIX - Solaris"],
  [9, "UNIX - FreeBSD"],
  [12, "UNIX - OpenBSD"],
]);

export const machines: ReadonlyMap<number, string> = new Map([
  [0, "None"],
  [3, "Intel 80386"],
  [40, "ARM"],
  [62, "Advanced Micro Devices X86-64"],
  [183, "AArch64"],
  [243, "RISC-V"],
]);

export const segmentTypes: ReadonlyMap<number, string> = new Map([
  [0, "NULL"],
  [1, "LOAD"],
  [2, "DYNAMIC"],
  [3, "INTERP"],
  [4, "NOTE"],
  [5, "SHLIB"],
  [6, "PHDR"],
  [7, "TLS"],
  [0x6474e550, "GNU_EH_FRAME"],
  [0x6474e551, "GNU_STACK"],
  [0x6474e552, "GNU_RELRO"],
  [0x6474e553, "GNU_PROPERTY"],
]);

export const sectionTypes: ReadonlyMap<number, string> = new Map([
  [0, "NULL"],
  [1, "PROGBITS"],
  [2, "SYMTAB"],
  [3, "STRTAB"],
  [4, "RELA"],
  [5, "HASH"],
  [6, "DYNAMIC"],
  [7, "NOTE"],
  [8, "NOBITS"],
  [9, "REL"],
  [11, "DYNSYM"],
  [14, "INIT_ARRAY"],
  [15, "FINI_ARRAY"],
  [16, "PREINIT_ARRAY"],
  [17, "GROUP"],
  [0x6ffffff6, "GNU_HASH"],
  [0x6ffffffd, "VERDEF"],
  [0x6ffffffe, "VERNEED"],
  [0x6fffffff, "VERSYM"],
]);

export type DynamicShape = "hex" | "bytes" | "number" | "needed" | "soname" | "rpath" | "runpath" | "pltrel" | "flags" | "flags1" | "null";

export const dynamicTags: ReadonlyMap<bigint, readonly [string, DynamicShape]> = new Map<bigint, readonly [string, DynamicShape]>([
  [0n, ["NULL", "hex"]],
  [1n, ["NEEDED", "needed"]],
  [2n, ["PLTRELSZ", "bytes"]],
  [3n, ["PLTGOT", "hex"]],
  [4n, ["HASH", "hex"]],
  [5n, ["STRTAB", "hex"]],
  [6n, ["SYMTAB", "hex"]],
  [7n, ["RELA", "hex"]],
  [8n, ["RELASZ", "bytes"]],
  [9n, ["RELAENT", "bytes"]],
  [10n, ["STRSZ", "bytes"]],
  [11n, ["SYMENT", "bytes"]],
  [12n, ["INIT", "hex"]],
  [13n, ["FINI", "hex"]],
  [14n, ["SONAME", "soname"]],
  [15n, ["RPATH", "rpath"]],
  [16n, ["SYMBOLIC", "hex"]],
  [17n, ["REL", "hex"]],
  [18n, ["RELSZ", "bytes"]],
  [19n, ["RELENT", "bytes"]],
  [20n, ["PLTREL", "pltrel"]],
  [21n, ["DEBUG", "hex"]],
  [22n, ["TEXTREL", "hex"]],
  [23n, ["JMPREL", "hex"]],
  [24n, ["BIND_NOW", "hex"]],
  [25n, ["INIT_ARRAY", "hex"]],
  [26n, ["FINI_ARRAY", "hex"]],
  [27n, ["INIT_ARRAYSZ", "bytes"]],
  [28n, ["FINI_ARRAYSZ", "bytes"]],
  [29n, ["RUNPATH", "runpath"]],
  [30n, ["FLAGS", "flags"]],
  [0x6ffffef5n, ["GNU_HASH", "hex"]],
  [0x6ffffff0n, ["VERSYM", "hex"]],
  [0x6ffffff9n, ["RELACOUNT", "number"]],
  [0x6ffffffan, ["RELCOUNT", "number"]],
  [0x6ffffffbn, ["FLAGS_1", "flags1"]],
  [0x6ffffffcn, ["VERDEF", "hex"]],
  [0x6ffffffdn, ["VERDEFNUM", "number"]],
  [0x6ffffffen, ["VERNEED", "hex"]],
  [0x6fffffffn, ["VERNEEDNUM", "number"]],
]);

/** By bit. */
export const dynamicFlags = ["ORIGIN", "SYMBOLIC", "TEXTREL", "BIND_NOW", "STATIC_TLS"] as const;

export const dynamicFlags1: ReadonlyMap<bigint, string> = new Map([
  [0x1n, "NOW"],
  [0x2n, "GLOBAL"],
  [0x4n, "GROUP"],
  [0x8n, "NODELETE"],
  [0x10n, "LOADFLTR"],
  [0x20n, "INITFIRST"],
  [0x40n, "NOOPEN"],
  [0x80n, "ORIGIN"],
  [0x08000000n, "PIE"],
]);
