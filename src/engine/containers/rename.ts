/** docker rename. moby `daemon/rename.go`. */

import type { Proc } from "../../abi/sys.ts";
import { EngineError, invalidParameter, withContext } from "../errors.ts";
import type { Container } from "./container.ts";
import type { Containers } from "./containers.ts";

export function* renameContainer(containers: Containers, container: Container, newName: string, reference: string): Proc<void> {
  if (newName === "" || reference === "") throw invalidParameter("Neither old nor new names may be empty");
  const bare = newName.replace(/^\//, "");
  yield* container.lock.lock();
  try {
    const oldName = container.name;
    if (bare === oldName) throw invalidParameter("Renaming a container with the same name as its current name");
    try {
      container.name = yield* containers.reserveName(`/${bare}`, container.id);
    } catch (e) {
      if (!(e instanceof EngineError)) throw e;
      throw withContext("Error when allocating new name", e);
    }
    containers.releaseName(oldName, container.id);
    yield* container.save();
    yield* containers.event(container, "rename", { oldName: `/${oldName}` });
  } finally {
    yield* container.lock.unlock();
  }
}
