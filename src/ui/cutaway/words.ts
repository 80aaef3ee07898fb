/** Containers in words. */
import type { ContainerEntity } from "../../bridge/messages.ts";
import { formatBytes, formatShare } from "../format.ts";
import type { CompartmentShape } from "./layout.ts";

/** One word or two: `running`, `running, healthy`, `exited 137, out of memory`. */
export function tellState({ state, exitCode, health, oomKilled }: ContainerEntity): string {
  if (state === "exited") return `exited ${exitCode}${oomKilled ? ", out of memory" : ""}`;
  return health === "" || state !== "running" ? state : `${state}, ${health}`;
}

/** `8080→80/tcp`, one after the other. */
export function tellPorts({ ports }: ContainerEntity): string {
  return [
    ...new Set(
      ports.map(
        ({ hostIp, hostPort, container }) => `${hostIp === "0.0.0.0" || hostIp === "::" ? "" : `${hostIp}:`}${hostPort}→${container}`,
      ),
    ),
  ].join(", ");
}

/** All of it in a sentence, as a screen reader says it. */
export function tellContainer(container: ContainerEntity, shape?: CompartmentShape): string {
  const ports = tellPorts(container);
  return [
    `container ${container.name} of image ${container.image}`,
    tellState(container),
    ...(shape === undefined
      ? []
      : [
          `${shape.processes} ${shape.processes === 1 ? "process" : "processes"}`,
          `CPU ${formatShare(shape.cpuShare)}`,
          `memory ${formatBytes(shape.memoryBytes)}${container.limits.memoryBytes > 0 ? ` of ${formatBytes(container.limits.memoryBytes)}` : ""}`,
        ]),
    ...container.networks.filter(({ address }) => address !== "").map(({ name, address }) => `${address} in ${name}`),
    ...(ports === "" ? [] : [`ports ${ports}`]),
  ].join(", ");
}
