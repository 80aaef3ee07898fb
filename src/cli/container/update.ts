/** `docker update`: other limits for containers that exist. Real counterpart: docker/cli `cli/command/container/update.go`. */

import type { ContainerUpdateBody } from "../../engine/api/container.ts";
import { atLeast, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { bytes, decimal, int, string, uint16 } from "../flags.ts";
import { parseRestart } from "./config.ts";

export const update = defineCommand({
  use: "update [OPTIONS] CONTAINER [CONTAINER...]",
  short: "Update the limits of containers",
  aliases: ["docker container update", "docker update"],
  args: atLeast(1),
  flags: {
    "blkio-weight": uint16("Weight of block input and output among others, 10 to 1000, or 0 for none", { shown: "0" }),
    "cpu-period": int("Length of the period that --cpu-quota refers to, in microseconds"),
    "cpu-quota": int("CPU time within each period, in microseconds"),
    "cpu-rt-period": int("Length of the real-time period, in microseconds"),
    "cpu-rt-runtime": int("Real-time CPU time within each period, in microseconds"),
    "cpu-shares": int("CPU shares, relative to others", { short: "c" }),
    cpus: decimal("Number of CPUs"),
    "cpuset-cpus": string("CPUs to run on (0-3, 0,1)"),
    "cpuset-mems": string("Memory nodes to use (0-3, 0,1)"),
    "kernel-memory": bytes("Limit of the kernel's memory", { hidden: true }),
    memory: bytes("Memory limit", { short: "m" }),
    "memory-reservation": bytes("Soft memory limit"),
    "memory-swap": bytes("Limit of memory and swap together: -1 for unlimited swap", { unlimited: true }),
    "pids-limit": int("Limit of processes (-1 for unlimited)"),
    restart: string("What to do when the container exits"),
  },
  completes: "all containers",
  *run({ cli, o, args, given, command }) {
    if (!Object.keys(command.flags).some((name) => given(name as keyof typeof o)))
      throw new CliError("you must provide one or more flags when using this command");
    let restart: ContainerUpdateBody["RestartPolicy"];
    try {
      restart = o.restart === "" ? { Name: "", MaximumRetryCount: 0 } : parseRestart(o.restart);
    } catch (e) {
      throw new CliError((e as Error).message);
    }
    const body: ContainerUpdateBody = {
      CgroupParent: "",
      BlkioWeight: o["blkio-weight"],
      BlkioWeightDevice: null,
      BlkioDeviceReadBps: null,
      BlkioDeviceWriteBps: null,
      BlkioDeviceReadIOps: null,
      BlkioDeviceWriteIOps: null,
      Devices: null,
      DeviceCgroupRules: null,
      DeviceRequests: null,
      MemorySwappiness: null,
      OomKillDisable: null,
      Ulimits: null,
      CpuCount: 0,
      CpuPercent: 0,
      IOMaximumIOps: 0,
      IOMaximumBandwidth: 0,
      CpusetCpus: o["cpuset-cpus"],
      CpusetMems: o["cpuset-mems"],
      CpuShares: o["cpu-shares"],
      Memory: o.memory,
      MemoryReservation: o["memory-reservation"],
      MemorySwap: o["memory-swap"],
      ...(o["kernel-memory"] === 0 ? {} : { KernelMemory: o["kernel-memory"] }),
      CpuPeriod: o["cpu-period"],
      CpuQuota: o["cpu-quota"],
      CpuRealtimePeriod: o["cpu-rt-period"],
      CpuRealtimeRuntime: o["cpu-rt-runtime"],
      NanoCpus: o.cpus,
      PidsLimit: o["pids-limit"] === 0 ? null : o["pids-limit"],
      RestartPolicy: restart,
    };
    const client = yield* cli.client();
    const warnings: string[] = [];
    const errors: string[] = [];
    for (const name of args) {
      try {
        const answer = yield* client.json<{ Warnings: string[] | null }>("POST", `/containers/${name}/update`, { body });
        warnings.push(...(answer.Warnings ?? []));
        yield* cli.print(`${name}\n`);
      } catch (e) {
        if (!(e instanceof CliError)) throw e;
        errors.push(e.message);
      }
    }
    if (warnings.length > 0) yield* cli.print(`${warnings.join("\n")}\n`);
    if (errors.length > 0) throw new CliError(errors.join("\n"));
  },
});
