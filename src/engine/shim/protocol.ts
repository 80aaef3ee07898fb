/**
 * What dockerd and the shim say to each other over a stream socket in /run/containerd/s: a line of JSON with a request, a line with the answer; one request a connection at a time.
 * Stands for containerd's ttrpc task service.
 */

import type { Resources, SpecProcess } from "../../runtime/spec.ts";

/** Named pipes of a process; absent streams lead nowhere. */
export interface StreamPaths {
  readonly stdin?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly terminal: boolean;
}

/** An exec is named by `exec`; without it, the container's first process is meant. */
export type ShimRequest =
  | { readonly method: "create"; readonly streams: StreamPaths }
  | { readonly method: "start" }
  | { readonly method: "exec"; readonly exec: string; readonly process: SpecProcess; readonly streams: StreamPaths }
  | { readonly method: "kill"; readonly exec?: string; readonly signal: number; readonly all?: boolean }
  | { readonly method: "pause" }
  | { readonly method: "resume" }
  | { readonly method: "resize"; readonly exec?: string; readonly rows: number; readonly cols: number }
  | { readonly method: "closeStdin"; readonly exec?: string }
  | { readonly method: "update"; readonly resources: Resources }
  | { readonly method: "state" }
  /** Answered when the process has ended. */
  | { readonly method: "wait"; readonly exec?: string }
  /** Forgets an exec, or what is left of the container. */
  | { readonly method: "delete"; readonly exec?: string }
  /** The shim ends. */
  | { readonly method: "shutdown" };

export interface ExitReport {
  /** 128 + number for a signal. */
  readonly status: number;
  readonly exitedSec: number;
  readonly exitedNsec: number;
}

export interface ShimState {
  /** 0 before create, and once it has ended. */
  readonly pid: number;
  readonly started: boolean;
  readonly exit?: ExitReport;
  readonly execs: readonly string[];
}

/** What a request is answered with; `error` is in the words of runc. */
export interface ShimAnswer {
  readonly error?: string;
  readonly pid?: number;
  readonly exit?: ExitReport;
  readonly state?: ShimState;
}
