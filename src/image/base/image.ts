/** A base image as it is declared: what its layers hold, how it was made, how it runs. */

import type { RunConfig } from "../oci.ts";
import type { Tree } from "./tree.ts";

export interface BaseLayer {
  /** Names the layer among all: images that share it say the same. */
  readonly key: string;
  /** Makes the declaration; called when somebody wants the layer. */
  readonly tree: () => Tree;
}

/** One line of the history. */
export interface Step {
  readonly createdBy: string;
  readonly comment?: string;
  /** Absent: the step changed the configuration alone. */
  readonly layer?: BaseLayer;
}

export interface BaseImage {
  /** As in the registry: `library/alpine`. */
  readonly repository: string;
  /** The same image under several tags. */
  readonly tags: readonly string[];
  /** RFC 3339. */
  readonly created: string;
  readonly steps: readonly Step[];
  readonly config: RunConfig;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A step of the builder that Docker's own images are made with. */
export const buildkit = (createdBy: string, layer?: BaseLayer): Step => ({
  createdBy,
  comment: "buildkit.dockerfile.v0",
  ...(layer === undefined ? {} : { layer }),
});

/** A `RUN` step. */
export const run = (command: string, layer: BaseLayer): Step => buildkit(`RUN /bin/sh -c ${command} # buildkit`, layer);

/** Seconds since 1970. */
export const secondsOf = (created: string): number => Math.floor(utcMs(created) / 1000);

/** The time of an RFC 3339 text in UTC, without the host's calendar. */
function utcMs(text: string): number {
  const match = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/.exec(text);
  if (match === null) throw new Error(`no time: ${text}`);
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, number, number, number, number, number];
  // Days from 1970 on of a civil date, the year beginning in March.
  const y = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const days = y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
  return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000;
}
