/** `docker info`. Real counterpart: docker/cli `cli/command/system/info.go`. */

import type { InfoAnswer } from "../../engine/api/system.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Cli } from "../cli.ts";
import { defineCommand, noArgs } from "../command.ts";
import { currentContext } from "../context/store.ts";
import { CliError, ConnectionError } from "../errors.ts";
import { string } from "../flags.ts";
import { INSPECT_FORMAT_HELP } from "../format/help.ts";
import { compile, execute } from "../format/table.ts";
import { GoStruct, type GoValue } from "../format/template/value.ts";
import { bytesSize } from "../format/units.ts";
import { wireValue } from "../inspect.ts";
import { CLIENT } from "../version.ts";
import { clientFields } from "./version.ts";

/** `name=seccomp,profile=default` → name and other keys. */
function securityOption(text: string): string[] {
  const pairs = text.split(",").map((pair) => pair.split("=", 2) as [string, string?]);
  const name = pairs.find(([key]) => key === "name")?.[1] ?? text;
  return [`  ${name}`, ...pairs.filter(([key]) => key === "profile").map(([, value]) => `   Profile: ${value}`)];
}

/** A line that is left out where there is nothing to say. */
const unless = (label: string, value: string | undefined): string[] => (value === undefined || value === "" ? [] : [` ${label}: ${value}`]);

function registryLines({ RegistryConfig }: InfoAnswer): string[] {
  if (RegistryConfig === undefined || RegistryConfig === null) return [];
  const { IndexConfigs = {}, InsecureRegistryCIDRs = [], Mirrors } = RegistryConfig;
  const insecure = Object.values(IndexConfigs)
    .filter(({ Secure }) => !Secure)
    .map(({ Name }) => Name);
  const listed = Object.keys(IndexConfigs).length + InsecureRegistryCIDRs.length > 0;
  return [
    ...(listed ? [" Insecure Registries:", ...[...insecure, ...InsecureRegistryCIDRs].map((name) => `  ${name}`)] : []),
    ...((Mirrors ?? []).length > 0 ? [" Registry Mirrors:", ...Mirrors.map((mirror) => `  ${mirror}`)] : []),
  ];
}

function pluginLines({ Plugins }: InfoAnswer): string[] {
  const join = (names: readonly string[] | null): string => (names ?? []).join(" ");
  return [
    " Plugins:",
    `  Volume: ${join(Plugins.Volume)}`,
    `  Network: ${join(Plugins.Network)}`,
    ...((Plugins.Authorization ?? []).length > 0 ? [`  Authorization: ${join(Plugins.Authorization)}`] : []),
    `  Log: ${join(Plugins.Log)}`,
  ];
}

function debugLines(i: InfoAnswer, debug: boolean): string[] {
  if (!i.Debug && !debug) return [];
  return [
    `  File Descriptors: ${i.NFd}`,
    `  Goroutines: ${i.NGoroutines}`,
    `  System Time: ${i.SystemTime}`,
    `  EventsListeners: ${i.NEventsListener}`,
  ];
}

function serverLines(i: InfoAnswer, debug: boolean): string[] {
  const runtimes = Object.keys(i.Runtimes ?? {}).sort();
  const labels = i.Labels ?? [];
  return [
    ` Containers: ${i.Containers}`,
    `  Running: ${i.ContainersRunning}`,
    `  Paused: ${i.ContainersPaused}`,
    `  Stopped: ${i.ContainersStopped}`,
    ` Images: ${i.Images}`,
    ...unless("Server Version", i.ServerVersion),
    ...unless("Storage Driver", i.Driver),
    ...(i.DriverStatus ?? []).map(([key, value]) => `  ${key}: ${value}`),
    ...unless("Logging Driver", i.LoggingDriver),
    ...unless("Cgroup Driver", i.CgroupDriver),
    ...unless("Cgroup Version", i.CgroupVersion),
    ...pluginLines(i),
    ` Swarm: ${i.Swarm.LocalNodeState}`,
    ...(runtimes.length > 0 ? [` Runtimes: ${runtimes.join(" ")}`, ` Default Runtime: ${i.DefaultRuntime}`] : []),
    ` Init Binary: ${i.InitBinary}`,
    ` containerd version: ${i.ContainerdCommit.ID}`,
    ` runc version: ${i.RuncCommit.ID}`,
    ` init version: ${i.InitCommit.ID}`,
    ...((i.SecurityOptions ?? []).length > 0 ? [" Security Options:", ...i.SecurityOptions.flatMap(securityOption)] : []),
    ...unless("Kernel Version", i.KernelVersion),
    ...unless("Operating System", i.OperatingSystem),
    ...unless("OSType", i.OSType),
    ...unless("Architecture", i.Architecture),
    ` CPUs: ${i.NCPU}`,
    ` Total Memory: ${bytesSize(i.MemTotal)}`,
    ...unless("Name", i.Name),
    ...unless("ID", i.ID),
    ` Docker Root Dir: ${i.DockerRootDir}`,
    ` Debug Mode: ${i.Debug}`,
    ...debugLines(i, debug),
    ...unless("HTTP Proxy", i.HttpProxy),
    ...unless("HTTPS Proxy", i.HttpsProxy),
    ...unless("No Proxy", i.NoProxy),
    ...(labels.length > 0 ? [" Labels:", ...labels.map((label) => `  ${label}`)] : []),
    ` Experimental: ${i.ExperimentalBuild}`,
    ...registryLines(i),
    ` Live Restore Enabled: ${i.LiveRestoreEnabled}`,
    "",
  ];
}

/** The daemon's fields and the client's beside them. */
function templateValue(info: InfoAnswer | undefined, context: string, debug: boolean): GoStruct {
  const { APIVersion: _, ...client } = clientFields({ apiVersion: "", context });
  const own = new GoStruct("system.clientInfo", { Debug: debug, ...client, Plugins: [], Warnings: null });
  const server: Record<string, GoValue> = {};
  for (const [key, value] of Object.entries(info ?? {})) server[key] = wireValue(value as never, key);
  return new GoStruct("system.dockerInfo", { ...server, ClientInfo: own });
}

function* printFormatted(cli: Cli, info: InfoAnswer | undefined, format: string): Proc<void> {
  let template: ReturnType<typeof compile>;
  try {
    template = compile(format === "json" ? "{{json .}}" : format);
  } catch (e) {
    if (e instanceof CliError) throw new CliError(e.message, 64);
    throw e;
  }
  try {
    yield* cli.print(`${execute(template, templateValue(info, yield* currentContext(cli), cli.options.debug))}\n`);
  } catch (e) {
    if (!(e instanceof CliError)) throw e;
    yield* cli.print("\n");
    throw new CliError(e.message.replace(/^template parsing error: /, ""));
  }
}

export const info = defineCommand({
  use: "info [OPTIONS]",
  short: "Show what client and server are made of",
  aliases: ["docker system info", "docker info"],
  args: noArgs,
  flags: {
    format: string(INSPECT_FORMAT_HELP, { short: "f" }),
  },
  topic: "common",
  *run({ cli, o }) {
    const { debug } = cli.options;
    let answer: InfoAnswer | undefined;
    let failure: CliError | undefined;
    try {
      answer = yield* (yield* cli.client()).json<InfoAnswer>("GET", "/info");
    } catch (e) {
      if (!(e instanceof CliError)) throw e;
      failure = e;
    }
    if (o.format !== "") {
      yield* printFormatted(cli, answer, o.format);
      if (failure !== undefined) throw failure;
      return;
    }
    const client = [
      "Client:",
      ` Version:    ${CLIENT.version}`,
      ` Context:    ${yield* currentContext(cli)}`,
      ` Debug Mode: ${debug}`,
      "",
      "Server:",
    ];
    yield* cli.print(`${[...client, ...(answer === undefined ? [] : serverLines(answer, debug))].join("\n")}\n`);
    for (const warning of answer?.Warnings ?? []) yield* cli.eprint(`${warning}\n`);
    if (failure instanceof ConnectionError) throw failure;
    if (failure === undefined) return;
    yield* cli.eprint(`ERROR: ${failure.message}\n`);
    throw new CliError("errors pretty printing info");
  },
});
