/** docker update: other limits and another restart policy for a container, while it runs. moby `daemon/update.go`, `container/container_unix.go`. */

import type { Proc } from "../../abi/sys.ts";
import type { ContainerUpdateBody, HostConfig } from "../api/container.ts";
import { conflict, type EngineError, systemError } from "../errors.ts";
import type { Container } from "./container.ts";
import type { Containers } from "./containers.ts";
import { shimOf } from "./lifecycle.ts";
import { ShimError, ShimGone } from "./shim-client.ts";
import { resourcesOf } from "./spec.ts";
import { verifyResources, verifyRestartPolicy } from "./verify.ts";

const NUMBERS = [
  "CpuShares",
  "Memory",
  "NanoCpus",
  "BlkioWeight",
  "CpuPeriod",
  "CpuQuota",
  "MemoryReservation",
  "MemorySwap",
  "KernelMemory",
] as const;
const TEXTS = ["CpusetCpus", "CpusetMems"] as const;

/** Returns warnings. */
export function* updateContainer(containers: Containers, container: Container, body: ContainerUpdateBody): Proc<string[]> {
  const { daemon } = containers;
  const fail = (why: string): EngineError => conflict(`Cannot update container ${container.id}: ${why}`);
  if (body.RestartPolicy !== undefined)
    verifyRestartPolicy({ ...body.RestartPolicy, MaximumRetryCount: body.RestartPolicy.MaximumRetryCount ?? 0 });
  if (container.removing || container.phase === "dead")
    throw systemError(`Cannot update container ${container.id}: Container is marked for removal and cannot be "update".`);
  const host: HostConfig = { ...container.hostConfig };
  const checked = { ...host };
  for (const name of NUMBERS) checked[name] = body[name] ?? 0;
  for (const name of TEXTS) checked[name] = body[name] ?? "";
  checked.PidsLimit = body.PidsLimit ?? null;
  checked.OomKillDisable = null;
  // A new limit of memory alone is compared with the swap that was set before.
  const warnings = yield* verifyResources(daemon, { ...checked, MemorySwap: checked.Memory === 0 ? 0 : checked.MemorySwap });
  yield* container.lock.lock();
  try {
    merge(host, checked, body, fail);
    container.hostConfig = host;
    if (body.RestartPolicy !== undefined && (body.RestartPolicy.Name ?? "") !== "") {
      if (host.AutoRemove && !["", "no"].includes(body.RestartPolicy.Name))
        throw fail("Restart policy cannot be updated because AutoRemove is enabled for the container");
      host.RestartPolicy = { Name: body.RestartPolicy.Name, MaximumRetryCount: body.RestartPolicy.MaximumRetryCount ?? 0 };
      container.restartManager.policy = host.RestartPolicy;
    }
    yield* container.save();
    if (container.running && !container.restarting) {
      const { devices: _devices, ...resources } = resourcesOf(host);
      try {
        yield* shimOf(container).ask({ method: "update", resources });
      } catch (e) {
        if (!(e instanceof ShimError || e instanceof ShimGone)) throw e;
        throw systemError(`Cannot update container ${container.id}: ${e.message}`);
      }
    }
  } finally {
    yield* container.lock.unlock();
  }
  yield* containers.event(container, "update");
  return warnings;
}

/** What is said takes the place of what was. Errors: conflict. */
function merge(host: HostConfig, asked: HostConfig, body: ContainerUpdateBody, fail: (why: string) => EngineError): void {
  const { NanoCpus, CpuPeriod, CpuQuota, Memory, MemorySwap } = asked;
  if (NanoCpus > 0 && host.CpuPeriod > 0) throw fail("Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set");
  if (NanoCpus > 0 && host.CpuQuota > 0) throw fail("Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set");
  if (CpuPeriod > 0 && host.NanoCpus > 0) throw fail("Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set");
  if (CpuQuota > 0 && host.NanoCpus > 0) throw fail("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
  if (Memory !== 0) {
    if (Memory > host.MemorySwap && MemorySwap === 0)
      throw fail("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time");
    host.Memory = Memory;
  }
  for (const name of NUMBERS) if (name !== "Memory" && asked[name] !== 0) host[name] = asked[name];
  for (const name of TEXTS) if (asked[name] !== "") host[name] = asked[name];
  if (body.PidsLimit !== undefined && body.PidsLimit !== null) host.PidsLimit = body.PidsLimit;
}
