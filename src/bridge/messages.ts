/**
 * The messages between the page and the worker that holds the machine. Plain data only (structured clone).
 * Sending costs what changed, not what exists: the worker sends at most one Frame per animation frame, of deltas.
 */

/** What a session starts from; part of the input log. */
export interface SessionConfig {
  readonly seed: number;
  /** CLOCK_REALTIME at boot, seconds since 1970. */
  readonly startSec: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly hostname: string;
}

/** One thing that came from outside, at a virtual time. */
export type Input = { readonly atNs: number } & (
  | { readonly type: "open"; readonly terminal: number; readonly rows: number; readonly cols: number }
  | { readonly type: "close"; readonly terminal: number }
  | { readonly type: "type"; readonly terminal: number; readonly text: string }
  | { readonly type: "resize"; readonly terminal: number; readonly rows: number; readonly cols: number }
);

/** A session is its input log: replayed, it gives the session back. */
export interface InputLog {
  readonly version: 1;
  readonly config: SessionConfig;
  readonly inputs: readonly Input[];
}

/** How virtual time follows real time. */
export type Pace =
  | { readonly kind: "paused" }
  /** Virtual seconds a real second. */
  | { readonly kind: "speed"; readonly factor: number }
  | { readonly kind: "asap" };

/** From the page to the worker. */
export type PageMessage =
  /** Boots; with a log, replays it to its last input first (`untilNs`: to that time). */
  | { readonly type: "boot"; readonly config: SessionConfig; readonly log?: InputLog; readonly untilNs?: number }
  | { readonly type: "open"; readonly terminal: number; readonly rows: number; readonly cols: number }
  | { readonly type: "close"; readonly terminal: number }
  | { readonly type: "type"; readonly terminal: number; readonly text: string }
  | { readonly type: "resize"; readonly terminal: number; readonly rows: number; readonly cols: number }
  /** The page has drawn what it was sent: terminal output beyond a window of unacknowledged bytes holds the machine back. */
  | { readonly type: "drawn"; readonly terminal: number; readonly bytes: number }
  | { readonly type: "pace"; readonly pace: Pace }
  /** While paused: one system call. */
  | { readonly type: "step" }
  /** Ask for the input log; answered by a `log` message. */
  | { readonly type: "log" };

export type TaskState = "R" | "S" | "D" | "T" | "t" | "Z" | "X" | "I";

/** A process (thread group leader) as the process view shows it. */
export interface TaskEntity {
  /** PID in the host's PID namespace; the key. */
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  /** The name as in /proc/PID/comm. */
  readonly comm: string;
  readonly argv: readonly string[];
  readonly state: TaskState;
  readonly uid: number;
  readonly nice: number;
  readonly threads: number;
  /** User and system time used, nanoseconds. */
  readonly cpuNs: number;
  readonly rssBytes: number;
  /** Controlling terminal such as `pts/0`; empty for none. */
  readonly tty: string;
  readonly startNs: number;
  /** For a zombie: the wait status that its parent will see. */
  readonly waitStatus?: number;
  /** Its numbers in nested PID namespaces, outermost first, without the host's. */
  readonly innerPids: readonly number[];
}

/** A trace event as the page gets it; `name` is the Linux tracepoint. */
export interface TraceEntity {
  readonly seq: number;
  readonly atNs: number;
  readonly name: string;
  readonly pid: number;
  readonly comm: string;
  /** One line of text: the event's fields as the kernel's trace_pipe would print them. */
  readonly text: string;
}

export interface CpuSample {
  /** Busy share of each CPU over the last interval, 0 … 1. */
  readonly busy: readonly number[];
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly load1: number;
}

/** Entities that changed since the last frame. */
export interface Delta<T> {
  readonly upsert: readonly T[];
  readonly remove: readonly number[];
}

/** From the worker to the page. */
export type WorkerMessage =
  /** First message: the machine has booted. */
  | { readonly type: "booted"; readonly bootMs: number }
  | {
      readonly type: "frame";
      readonly nowNs: number;
      /** Virtual nanoseconds per real nanosecond over the last frames: below the asked factor when falling behind. */
      readonly achieved: number;
      readonly pace: Pace;
      readonly output: readonly { readonly terminal: number; readonly bytes: Uint8Array }[];
      readonly tasks: Delta<TaskEntity>;
      readonly events: readonly TraceEntity[];
      /** Events left out of this frame because there were too many. */
      readonly eventsDropped: number;
      readonly sample?: CpuSample;
    }
  /** The session on a terminal ended (its login shell exited). */
  | { readonly type: "hangup"; readonly terminal: number }
  | { readonly type: "log"; readonly log: InputLog; readonly nowNs: number }
  /** The kernel panicked: its text, and the log that replays it. */
  | { readonly type: "panic"; readonly text: string; readonly log: InputLog };
