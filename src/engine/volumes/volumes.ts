/** Provisional: binds alone. */

import type { Proc } from "../../abi/sys.ts";
import type { SpecMount } from "../../runtime/spec.ts";
import type { Daemon } from "../daemon.ts";
import type { Container, VolumeService } from "../parts.ts";

export class Volumes implements VolumeService {
  constructor(readonly daemon: Daemon) {}

  *restore(): Proc<void> {}

  *prepare(container: Container): Proc<void> {
    for (const bind of container.hostConfig.Binds ?? []) {
      const [Source = "", Destination = "", Mode = ""] = bind.split(":");
      container.mounts[Destination] = { Type: "bind", Source, Destination, Mode, RW: Mode !== "ro", Propagation: "rprivate", Spec: bind };
    }
  }

  *populate(): Proc<void> {}

  *setup(container: Container): Proc<SpecMount[]> {
    const mounts = Object.values(container.mounts).map(
      ({ Source, Destination, RW }): SpecMount => ({
        destination: Destination,
        type: "bind",
        source: Source,
        options: ["rbind", RW ? "rw" : "ro", "rprivate"],
      }),
    );
    const tmpfs = Object.entries(container.hostConfig.Tmpfs ?? {}).map(
      ([destination, options]): SpecMount => ({
        destination,
        type: "tmpfs",
        source: "tmpfs",
        options: ["noexec", "nosuid", "nodev", ...options.split(",").filter((option) => option !== "")],
      }),
    );
    return [...mounts, ...tmpfs];
  }

  *release(): Proc<void> {}

  *forget(): Proc<void> {}
}
