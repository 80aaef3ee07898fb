/** What all parts of the engine share: the system calls, where things are kept, the configuration, and each other. moby `daemon/daemon.go`. */

import type { Env, Proc, Sys } from "../abi/sys.ts";
import { CLOCK_REALTIME } from "../abi/time.ts";
import { encodeUtf8 } from "../abi/utf8.ts";
import { writeAll } from "../userland/libc/stdio.ts";
import { strftime } from "../userland/libc/strftime.ts";
import type { ContainerService, EventService, ImageService, NetworkService, VolumeService } from "./parts.ts";

/** daemon.json and flags, as far as they have an effect. Immutable after the start. */
export interface DaemonConfig {
  /** /var/lib/docker. */
  readonly root: string;
  /** /var/run/docker. */
  readonly execRoot: string;
  readonly pidFile: string;
  readonly hosts: readonly string[];
  readonly debug: boolean;
  readonly liveRestore: boolean;
  /** Seconds. */
  readonly shutdownTimeout: number;
  readonly logDriver: string;
  readonly logOpts: Readonly<Record<string, string>>;
  readonly labels: readonly string[];
  readonly init: boolean;
  readonly cgroupParent: string;
  readonly defaultShmSize: number;
  readonly defaultUlimits: Readonly<Record<string, { Name: string; Hard: number; Soft: number }>>;
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `172.17.0.1/16` of docker0; empty: the default. */
  readonly bip: string;
  /** Name of the default bridge; empty: docker0; `none`: no bridge. */
  readonly bridge: string;
  readonly iptables: boolean;
  readonly ipForward: boolean;
  readonly ipMasq: boolean;
  readonly icc: boolean;
  readonly userlandProxy: boolean;
  readonly defaultAddressPools: readonly { readonly base: string; readonly size: number }[];
  readonly mtu: number;
}

export class Daemon {
  /** Written by dockerd.ts at the start, before any request is served. */
  images!: ImageService;
  networks!: NetworkService;
  volumes!: VolumeService;
  containers!: ContainerService;
  events!: EventService;
  /** Set once shutdown has begun: no restart of containers any more. */
  shuttingDown = false;
  /** `ABCD:…`, the daemon's own id, of /var/lib/docker/engine-id. */
  id = "";

  constructor(
    readonly sys: Sys,
    readonly config: DaemonConfig,
    readonly env: Env,
  ) {}

  /** Nanoseconds since 1970. */
  *now(): Proc<number> {
    const { sec, nsec } = yield* this.sys.clock_gettime(CLOCK_REALTIME);
    return sec * 1e9 + nsec;
  }

  /** RFC 3339 with nanoseconds, as Go prints times. */
  *timestamp(): Proc<string> {
    const { sec, nsec } = yield* this.sys.clock_gettime(CLOCK_REALTIME);
    return formatTime(sec, nsec);
  }

  /** `bytes` random bytes as hexadecimal digits; 32 make an id. */
  *randomHex(bytes = 32): Proc<string> {
    const buf = new Uint8Array(bytes);
    yield* this.sys.getrandom(buf, 0);
    return [...buf].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** A line in the daemon's log, standard error. `debug` ones only with --debug. */
  *log(level: "debug" | "info" | "warning" | "error", message: string, fields: Readonly<Record<string, string>> = {}): Proc<void> {
    if (level === "debug" && !this.config.debug) return;
    const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${quoted(value)}`);
    const line = `time="${yield* this.timestamp()}" level=${level} msg=${quoted(message)}${rest.join("")}\n`;
    yield* writeAll(this.sys, 2, encodeUtf8(line));
  }
}

const quoted = (text: string): string => (/^[\w.\-/@^+]+$/.test(text) ? text : JSON.stringify(text));

/** RFC 3339 with the nanoseconds that are not zero. */
export function formatTime(sec: number, nsec: number): string {
  const fraction = String(Math.floor(nsec)).padStart(9, "0").replace(/0+$/, "");
  return `${strftime("%Y-%m-%dT%H:%M:%S", { sec, nsec })}${fraction === "" ? "" : `.${fraction}`}Z`;
}

/** What Go prints for a time that was never set. */
export const NO_TIME = "0001-01-01T00:00:00Z";
