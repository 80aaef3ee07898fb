/** The options of a tmpfs mount: tmpfs(5), Linux `mm/shmem.c:shmem_parse_one`. */

import { EINVAL } from "../../../abi/errno.ts";
import { PAGE_SIZE } from "../../params.ts";

export interface TmpfsOptions {
  /** As given; 0 means no limit but memory. */
  sizeBytes?: number;
  nrInodes?: number;
  mode?: number;
  uid?: number;
  gid?: number;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** memparse(): a number with a unit. */
function parseSize(text: string, totalBytes: number): number {
  const percent = /^([0-9]+)%$/.exec(text);
  if (percent !== null) return Math.floor((totalBytes * Number(percent[1])) / 100);
  const match = /^(0x[0-9a-f]+|[0-9]+)([kmgt]?)$/i.exec(text);
  if (match === null) throw EINVAL;
  return Number(match[1]) * (UNITS[(match[2] as string).toLowerCase()] as number);
}

function parseNumber(text: string, pattern: RegExp, base: number): number {
  if (!pattern.test(text)) throw EINVAL;
  return Number.parseInt(text, base);
}

/** Errors: EINVAL for an unknown option or a bad value. */
export function parseTmpfsOptions(data: string, totalBytes: number): TmpfsOptions {
  const options: TmpfsOptions = {};
  for (const part of data.split(",")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = equals < 0 ? part : part.slice(0, equals);
    const value = equals < 0 ? "" : part.slice(equals + 1);
    if (name === "size") options.sizeBytes = Math.ceil(parseSize(value, totalBytes) / PAGE_SIZE) * PAGE_SIZE;
    else if (name === "nr_blocks") options.sizeBytes = parseSize(value, totalBytes) * PAGE_SIZE;
    else if (name === "nr_inodes") options.nrInodes = parseSize(value, totalBytes);
    else if (name === "mode") options.mode = parseNumber(value, /^[0-7]+$/, 8) & 0o7777;
    else if (name === "uid") options.uid = parseNumber(value, /^[0-9]+$/, 10);
    else if (name === "gid") options.gid = parseNumber(value, /^[0-9]+$/, 10);
    else throw EINVAL;
  }
  return options;
}
