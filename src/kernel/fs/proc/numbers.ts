/** Names and inode numbers of the directories of tasks. */

/** Inode numbers of what belongs to no task are below. */
const TASK_INO = 0x8000_0000;
/** Room for the entries of a task after its own number. */
const TASK_INO_STEP = 64;

/** The inode number of the directory of a task: as a process, or as a thread below task/. */
export const taskIno = (nr: number, thread: boolean): number => TASK_INO + (nr * 2 + (thread ? 1 : 0)) * TASK_INO_STEP;

/** A PID as the name of a directory: decimal, without leading zeros. */
export function parsePid(name: string): number | undefined {
  return /^[1-9][0-9]{0,9}$/.test(name) ? Number(name) : undefined;
}
