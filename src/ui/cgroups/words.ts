/** What the strips, the table and the detail of a cgroup say, in words that fit. */
import type { CgroupEntity } from "../../bridge/messages.ts";
import type { CgroupSample } from "../cgroup-history.ts";
import { formatBytes, formatCount } from "../format.ts";
import { getCpuLimit } from "./layout.ts";

export interface Word {
  readonly text: string;
  /** Where there is no room for all of it. */
  readonly short?: string;
  readonly alarm?: boolean;
}

/** CPUs with as many digits as the eye takes in. */
export function formatCpus(cpus: number): string {
  return cpus === 0 ? "0" : cpus < 9.995 ? cpus.toFixed(2) : cpus.toFixed(0);
}

/** As cpu.max and the like write it. */
export function formatLimit(limit: number, format: (value: number) => string): string {
  return Number.isFinite(limit) ? format(limit) : "max";
}

/** The share of the last samples' periods that were throttled. */
export function getThrottled(history: readonly CgroupSample[]): number {
  const last = history.slice(-8);
  return last.reduce((sum, sample) => sum + sample.throttled, 0) / Math.max(1, last.length);
}

/** CPU time: use and limit first, then what hinders it. */
export function tellCpu(cgroup: CgroupEntity, history: readonly CgroupSample[], cpus: number): readonly Word[] {
  const { cpu, parent } = cgroup;
  const now = formatCpus(history.at(-1)?.cpus ?? 0);
  const limited = parent === undefined || Number.isFinite(cpu.quotaUsec);
  const words: Word[] = [{ text: limited ? `${now} of ${formatCpus(getCpuLimit(cgroup, cpus))}` : now }];
  const throttled = getThrottled(history);
  if (throttled >= 0.01) words.push({ text: `throttled ${Math.round(throttled * 100)}%`, short: "throttled", alarm: true });
  if (parent !== undefined && cpu.weight !== 100) words.push({ text: `weight ${cpu.weight}` });
  if (cpu.pressure >= 1) words.push({ text: `waits ${Math.round(cpu.pressure)}%` });
  return words;
}

export function tellMemory({ memory, parent }: CgroupEntity, memoryBytes: number): readonly Word[] {
  if (memory === undefined) return [];
  const limit = parent === undefined ? memoryBytes : memory.maxBytes;
  const now = formatBytes(memory.currentBytes);
  const words: Word[] = [{ text: Number.isFinite(limit) ? `${now} of ${formatBytes(limit)}` : now }];
  if (memory.oomKills > 0 && parent !== undefined) words.push({ text: `OOM ×${formatCount(memory.oomKills)}`, alarm: true });
  if (memory.pressure >= 1) words.push({ text: `waits ${Math.round(memory.pressure)}%` });
  return words;
}

export function tellPids({ pids }: CgroupEntity): readonly Word[] {
  if (pids === undefined) return [];
  const full = pids.current >= pids.max;
  return [{ text: Number.isFinite(pids.max) ? `${pids.current} of ${formatCount(pids.max)}` : formatCount(pids.current), alarm: full }];
}

/** As many words as there is room for, in characters; the first one always. */
export function fitWords(words: readonly Word[], room: number): readonly Word[] {
  const fitting: Word[] = [];
  let left = room;
  for (const word of words) {
    const gap = fitting.length === 0 ? 0 : 2;
    const text = [word.text, word.short ?? word.text].find((one) => one.length + gap <= left);
    if (text === undefined && fitting.length > 0) break;
    fitting.push({ ...word, text: text ?? word.text });
    left -= (text ?? word.text).length + gap;
  }
  return fitting;
}

/** A cgroup's directory as a shell takes it. */
export function getDirectory({ path }: CgroupEntity): string {
  const directory = path === "/" ? "/sys/fs/cgroup" : `/sys/fs/cgroup${path}`;
  return /^[\w./+-]+$/.test(directory) ? directory : `'${directory.replaceAll("'", "'\\''")}'`;
}
