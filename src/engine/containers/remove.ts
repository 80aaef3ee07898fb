/** docker rm. moby `daemon/delete.go`. */

import type { Proc } from "../../abi/sys.ts";
import { conflict, EngineError, isFailure, systemError, wordsOf } from "../errors.ts";
import type { Container } from "./container.ts";
import type { Containers } from "./containers.ts";
import { killNow } from "./lifecycle.ts";

export function* removeContainer(
  containers: Containers,
  container: Container,
  { force = false, volumes = false }: { force?: boolean; volumes?: boolean },
): Proc<void> {
  if (container.removing) throw conflict(`removal of container ${container.id} is already in progress`);
  container.removing = true;
  try {
    yield* remove(containers, container, force, volumes);
  } catch (e) {
    container.removing = false;
    yield* container.announce();
    throw e;
  }
}

function* remove(containers: Containers, container: Container, force: boolean, volumes: boolean): Proc<void> {
  const { daemon } = containers;
  if (container.running) {
    if (!force) {
      const state = container.phase;
      const procedure = "Stop the container before attempting removal or force remove";
      const how = state === "paused" ? `Unpause and then ${procedure.toLowerCase()}` : procedure;
      throw conflict(`You cannot remove a ${state} container ${container.id}. ${how}`);
    }
    try {
      yield* killNow(containers, container);
    } catch (e) {
      if (!(e instanceof EngineError) || e.category !== "conflict") throw e;
    }
    if (container.running)
      throw systemError(
        `Could not kill running container ${container.id}, cannot remove - tried to kill container, but did not receive an exit event`,
      );
  }
  yield* container.lock.lock();
  try {
    yield* container.save();
    // Its directory goes last: a daemon that is killed here finds it, and goes on.
    yield* daemon.networks.forget(container);
    yield* daemon.volumes.forget(container, volumes);
    yield* daemon.images.removeLayer(container.id);
    yield* containers.removeFiles(container);
  } catch (e) {
    if (!isFailure(e)) throw e;
    container.phase = "dead";
    container.error = wordsOf(e);
    yield* container.save();
    throw systemError(`container ${container.id}: driver "overlay2" failed to remove root filesystem: ${wordsOf(e)}`);
  } finally {
    yield* container.lock.unlock();
  }
  containers.unregister(container);
  container.removed = true;
  yield* container.announce();
  yield* containers.event(container, "destroy");
}
