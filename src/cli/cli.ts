/** What every command of `docker` has at hand: streams, the client, the user's configuration. Real counterpart: docker/cli `cli/command/cli.go`. */

import { Errno } from "../abi/errno.ts";
import type { Env, Proc, Sys } from "../abi/sys.ts";
import { clock } from "../userland/libc/clock.ts";
import { isatty, Output } from "../userland/libc/stdio.ts";
import { Client, olderThan } from "./client.ts";
import { type ConfigFile, readConfig } from "./context/config.ts";
import { resolveHost } from "./context/store.ts";

/** What a person set before the command: `-H`, `--context`, `--config`. */
export interface GlobalOptions {
  readonly hosts: readonly string[];
  readonly context: string;
  readonly configDir: string;
  readonly debug: boolean;
}

/** What the engine can do, as far as help and checks depend on it. */
export interface Capabilities {
  atLeast(version: string): boolean;
  readonly experimental: boolean;
}

export class Cli {
  /** Unbuffered, as Go's are: what goes to both comes in its order. */
  readonly stdout: Output;
  readonly stderr: Output;
  private config: ConfigFile | undefined;
  private connected: Client | undefined;

  constructor(
    readonly sys: Sys,
    readonly env: Env,
    readonly options: GlobalOptions,
  ) {
    this.stdout = new Output(sys, 1, "none");
    this.stderr = new Output(sys, 2, "none");
  }

  print(text: string): Proc<void> {
    return this.stdout.print(text);
  }

  eprint(text: string): Proc<void> {
    return this.stderr.print(text);
  }

  isTerminal(fd: 0 | 1 | 2): Proc<boolean> {
    return isatty(this.sys, fd);
  }

  /** Columns of the terminal behind `fd`; undefined where there is none. */
  *columns(fd: 0 | 1): Proc<number | undefined> {
    try {
      const { cols } = yield* this.sys.ioctl(fd, "TIOCGWINSZ");
      return cols;
    } catch (e) {
      if (e instanceof Errno) return undefined;
      throw e;
    }
  }

  /** ~/.docker/config.json. */
  *configFile(): Proc<ConfigFile> {
    this.config ??= yield* readConfig(this.sys, this.options.configDir);
    return this.config;
  }

  /** Errors: CliError where the context or the host is none. */
  *client(): Proc<Client> {
    this.connected ??= new Client(this.sys, yield* resolveHost(this), this.env.get("DOCKER_API_VERSION"));
    return this.connected;
  }

  /** A client with connections of its own, for a thread. */
  *anotherClient(): Proc<Client> {
    return yield* (yield* this.client()).another();
  }

  *capabilities(): Proc<Capabilities> {
    const client = yield* this.client();
    const ping = yield* client.ping();
    return { atLeast: (version) => !olderThan(client.version, version), experimental: ping?.experimental ?? false };
  }

  /** Seconds since 1970. */
  now(): Proc<number> {
    return clock(this.sys);
  }
}
