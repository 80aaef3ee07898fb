/** What a stage of a build has come to. moby `builder/dockerfile/evaluator.go:dispatchState`, `stagesBuildResults`. */

import type { BuildArgs } from "../../builder/build-args.ts";
import type { StageState } from "../../builder/image-config.ts";
import type { ContainerConfig } from "../api/container.ts";
import { systemError } from "../errors.ts";

export interface Stage extends StageState {
  /** `sha256:…`; empty for scratch without any step yet. */
  imageId: string;
  config: Partial<ContainerConfig>;
  maintainer: string;
  readonly args: BuildArgs;
}

/** Stages that are done, by name and by number. */
export class StageResults {
  private readonly named = new Map<string, string>();
  private readonly flat: string[] = [];

  /** The image of the stage; undefined if there is none of that name. */
  byName(name: string): string | undefined {
    return this.named.get(name.toLowerCase());
  }

  /** Of `COPY --from`; undefined for what may be an image's name. Errors: systemError. */
  find(nameOrIndex: string): string | undefined {
    const named = this.byName(nameOrIndex);
    if (named !== undefined || !/^[+-]?\d+$/.test(nameOrIndex)) return named;
    const index = Number(nameOrIndex);
    if (index === this.flat.length) throw systemError("refers to current build stage");
    if (index < 0 || index > this.flat.length) throw systemError("index out of bounds");
    return this.flat[index];
  }

  /** Errors: systemError. */
  checkAvailable(name: string): void {
    if (name !== "" && this.byName(name) !== undefined) throw systemError(`${name} stage name already used`);
  }

  add(name: string, imageId: string): void {
    this.checkAvailable(name);
    if (name !== "") this.named.set(name, imageId);
    this.flat.push(imageId);
  }
}
