/** Provisional: one image, alpine:latest, made of the host's own busybox; layers are directories below /var/lib/docker/overlay2. */

import { EEXIST } from "../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { mkdir, optional, readFile, stat, symlink, writeFile } from "../../userland/libc/unistd.ts";
import type { FilesystemChange, GraphDriverJson } from "../api/container.ts";
import type { Daemon } from "../daemon.ts";
import { notFound } from "../errors.ts";
import type { ImageForContainer, ImageService } from "../parts.ts";

const ID = `sha256:${"a1".repeat(32)}`;
const APPLETS =
  "sh ls cat echo sleep true false ps id hostname mount env printenv kill touch rm mkdir cp mv ln grep sed wc head tail date uname pwd chmod chown dd df du find sort test [ expr seq tr cut xargs sync stat readlink realpath basename dirname nc wget ping ip ifconfig free top watch yes tee vi tar gzip nproc whoami tty stty trap usleep timeout".split(
    " ",
  );

export class Images implements ImageService {
  private readonly mounted = new Map<string, number>();
  private readonly image: ImageForContainer = {
    id: ID,
    os: "linux",
    config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["/bin/sh"] },
  };

  constructor(private readonly daemon: Daemon) {}

  *restore(): Proc<void> {}

  *resolve(reference: string): Proc<ImageForContainer> {
    if (!["alpine", "alpine:latest", ID, ID.slice(7, 19)].includes(reference))
      throw notFound(`No such image: ${reference.includes(":") ? reference : `${reference}:latest`}`);
    yield* this.makeBase();
    return this.image;
  }

  findById(id: string): ImageForContainer | undefined {
    return id === ID ? this.image : undefined;
  }

  count(): number {
    return 1;
  }

  private dir(id: string): string {
    return `${this.daemon.config.root}/overlay2/${id}`;
  }

  private *makeBase(): Proc<void> {
    const { sys } = this.daemon;
    const base = `${this.dir("base")}/diff`;
    if ((yield* optional(stat(sys, `${base}/bin/sh`))) !== undefined) return;
    for (const dir of [
      "",
      "/bin",
      "/etc",
      "/dev",
      "/proc",
      "/sys",
      "/tmp",
      "/root",
      "/var",
      "/usr",
      "/usr/bin",
      "/usr/lib",
      "/usr/lib/x86_64-linux-gnu",
      "/lib64",
    ])
      yield* makeDirs(this.daemon, base + dir);
    for (const file of [
      "/bin/busybox",
      "/lib64/ld-linux-x86-64.so.2",
      "/usr/lib/x86_64-linux-gnu/libc.so.6",
      "/usr/lib/x86_64-linux-gnu/libresolv.so.2",
    ]) {
      const content = yield* optional(readFile(sys, file));
      if (content !== undefined) yield* writeFile(sys, base + file, content, 0o755);
    }
    for (const name of APPLETS) yield* optional(symlink(sys, "/bin/busybox", `${base}/bin/${name}`), [EEXIST]);
    yield* writeFile(sys, `${base}/etc/passwd`, "root:x:0:0:root:/root:/bin/ash\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n", 0o644);
    yield* writeFile(sys, `${base}/etc/group`, "root:x:0:root\nwheel:x:10:root\nnobody:x:65534:\n", 0o644);
    yield* writeFile(sys, `${base}/etc/hosts`, "", 0o644);
  }

  *createLayer(containerId: string): Proc<void> {
    yield* this.makeBase();
    for (const name of ["diff", "work", "merged"]) yield* makeDirs(this.daemon, `${this.dir(containerId)}/${name}`);
  }

  *mountLayer(containerId: string): Proc<string> {
    const dir = this.dir(containerId);
    const n = this.mounted.get(containerId) ?? 0;
    if (n === 0)
      yield* this.daemon.sys.mount(
        "overlay",
        `${dir}/merged`,
        "overlay",
        0,
        `lowerdir=${this.dir("base")}/diff,upperdir=${dir}/diff,workdir=${dir}/work`,
      );
    this.mounted.set(containerId, n + 1);
    return `${dir}/merged`;
  }

  *unmountLayer(containerId: string): Proc<void> {
    const n = this.mounted.get(containerId) ?? 0;
    if (n === 0) return;
    this.mounted.set(containerId, n - 1);
    if (n === 1) yield* this.daemon.sys.umount2(`${this.dir(containerId)}/merged`, 2);
  }

  *removeLayer(containerId: string): Proc<void> {
    yield* optional(this.daemon.sys.unlinkat(AT_FDCWD, `${this.dir(containerId)}/merged`, AT_REMOVEDIR));
  }

  *layerSize(): Proc<{ rw: number; rootFs: number }> {
    return { rw: 0, rootFs: 0 };
  }

  graphDriver(containerId: string): GraphDriverJson {
    const dir = this.dir(containerId);
    return {
      Data: { LowerDir: `${this.dir("base")}/diff`, MergedDir: `${dir}/merged`, UpperDir: `${dir}/diff`, WorkDir: `${dir}/work` },
      Name: "overlay2",
    };
  }

  *changes(): Proc<FilesystemChange[]> {
    return [];
  }
}

function* makeDirs(daemon: Daemon, path: string): Proc<void> {
  for (let at = path.indexOf("/", 1); ; at = path.indexOf("/", at + 1)) {
    yield* optional(mkdir(daemon.sys, at < 0 ? path : path.slice(0, at), 0o755), [EEXIST]);
    if (at < 0) return;
  }
}
