/** All containers of the daemon: by id and name. moby `container/view.go`, `daemon/container.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { Daemon } from "../daemon.ts";
import { notFound, notImplemented } from "../errors.ts";
import type { Container, ContainerService } from "../parts.ts";

export class Containers implements ContainerService {
  constructor(readonly daemon: Daemon) {}

  *restore(): Proc<void> {
    yield* this.daemon.networks.restore([]);
  }

  *shutdown(): Proc<void> {}

  list(): Container[] {
    return [];
  }

  require(reference: string): Container {
    throw notFound(`No such container: ${reference}`);
  }

  find(): Container | undefined {
    return undefined;
  }

  *create(): Proc<never> {
    throw notImplemented("not yet");
  }
  *start(): Proc<void> {}
  *stop(): Proc<void> {}
  *pause(): Proc<void> {}
  *unpause(): Proc<void> {}
  *waitStopped(): Proc<number> {
    return 0;
  }
  *remove(): Proc<void> {}
  *event(): Proc<void> {}
}
