/** Machines with a running engine, for tests. Requests go through curl inside the machine. */

import type { SessionConfig } from "../bridge/messages.ts";
import { boot, TestMachine } from "./testing.ts";

export interface Answer {
  readonly status: number;
  /** JSON decoded where it is JSON. */
  readonly body: unknown;
  readonly text: string;
}

export class DockerMachine extends TestMachine {
  /** One request of the Engine API. A body is sent as JSON. */
  api(method: string, path: string, body?: unknown): Answer {
    const data = body === undefined ? "" : `-H 'Content-Type: application/json' -d @/tmp/.request`;
    if (body !== undefined) this.write("/tmp/.request", JSON.stringify(body));
    const head = method === "HEAD" ? "-I" : `-X ${method}`;
    const { stdout } = this.run(
      `curl -s ${head} ${data} -w '\\n%{http_code}' --unix-socket /var/run/docker.sock 'http://localhost/v1.41${path}'`,
    );
    const end = stdout.lastIndexOf("\n");
    const text = stdout.slice(0, end);
    let parsed: unknown = text;
    try {
      parsed = JSON.parse(text);
    } catch {
      // Not everything is JSON.
    }
    return { status: Number(stdout.slice(end + 1)), body: parsed, text };
  }

  /** What dockerd has logged. */
  get log(): string {
    return this.read("/var/log/docker.log");
  }
}

/** Boots, and waits until the engine answers. There is an image `alpine` without a network. */
export function bootDocker(config: Partial<SessionConfig> = {}): DockerMachine {
  const m = new DockerMachine(boot(config).machine);
  const { status, stderr } = m.run("systemctl start docker");
  if (status !== 0) throw new Error(`${stderr}${m.log}`);
  return m;
}
