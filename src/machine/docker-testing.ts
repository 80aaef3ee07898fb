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
  const imported = m.run(IMPORT);
  if (imported.status !== 0) throw new Error(`${imported.stdout}${imported.stderr}${m.log}`);
  return m;
}

/** A root filesystem of the host's own busybox, as an image. */
const IMPORT = `(set -e
r=/tmp/.rootfs
mkdir -p $r/bin $r/dev $r/etc $r/lib64 $r/proc $r/root $r/sys $r/tmp $r/usr/bin $r/usr/sbin $r/sbin $r/var $r/usr/lib/x86_64-linux-gnu
chmod 1777 $r/tmp
cp /bin/busybox $r/bin/
cp /lib64/ld-linux-x86-64.so.2 $r/lib64/
for lib in $(ldd /bin/busybox | sed -n 's/.*=> \\([^ ]*\\) .*/\\1/p'); do cp $lib $r/usr/lib/x86_64-linux-gnu/; done
ln -s usr/lib $r/lib
for name in $(busybox --list); do [ -e $r/bin/$name ] || ln -s /bin/busybox $r/bin/$name; done
printf 'root:x:0:0:root:/root:/bin/ash\\nnobody:x:65534:65534:nobody:/:/sbin/nologin\\n' > $r/etc/passwd
printf 'root:x:0:root\\nwheel:x:10:root\\nnobody:x:65534:\\n' > $r/etc/group
tar cf /tmp/.rootfs.tar -C $r .
curl -s --unix-socket /var/run/docker.sock -X POST -H 'Content-Type: application/x-tar' --data-binary @/tmp/.rootfs.tar 'http://localhost/v1.41/images/create?fromSrc=-&repo=alpine&tag=latest&changes=CMD%20%5B%22/bin/sh%22%5D&changes=ENV%20PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' | grep sha256: > /dev/null
rm -r $r /tmp/.rootfs.tar)
`;
