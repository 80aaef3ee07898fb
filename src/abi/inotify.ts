/** One event of inotify(7), as inotify_read returns it. */
export interface Inotify {
  readonly wd: number;
  /** IN_*. */
  readonly mask: number;
  readonly cookie: number;
  /** The entry of a watched directory; empty for the watched object itself. */
  readonly name: string;
}
