/** The `config` of images: with all fields as Docker writes them, and changed by instructions of a Dockerfile. moby `api/types/container`, `builder/dockerfile/builder.go:BuildFromConfig`. */

import { parseDockerfile } from "../../builder/parser/parse.ts";
import { variablesOf } from "../../builder/build-args.ts";
import { applyToConfig, resolveWorkdir } from "../../builder/image-config.ts";
import { expandCommand, isConfigCommand } from "../../builder/instructions/command.ts";
import { InstructionError } from "../../builder/instructions/error.ts";
import { parseCommand } from "../../builder/instructions/parse.ts";
import { DockerfileError } from "../../builder/parser/node.ts";
import { LexError } from "../../builder/shell/lex.ts";
import type { ContainerConfig, StringSet } from "../api/container.ts";
import type { ImageRunConfig } from "../api/image.ts";
import { invalidParameter } from "../errors.ts";
import { sortKeys } from "./go-json.ts";

/** All fields in Docker's order; those that Go leaves out when empty only where they say something. */
export function wholeConfig(config: Partial<ContainerConfig> | null | undefined): ImageRunConfig {
  const c: Partial<ContainerConfig> = config ?? {};
  return {
    Hostname: c.Hostname ?? "",
    Domainname: c.Domainname ?? "",
    User: c.User ?? "",
    AttachStdin: c.AttachStdin ?? false,
    AttachStdout: c.AttachStdout ?? false,
    AttachStderr: c.AttachStderr ?? false,
    ...(hasEntries(c.ExposedPorts) ? { ExposedPorts: sortKeys(c.ExposedPorts) } : {}),
    Tty: c.Tty ?? false,
    OpenStdin: c.OpenStdin ?? false,
    StdinOnce: c.StdinOnce ?? false,
    Env: c.Env ?? null,
    Cmd: c.Cmd ?? null,
    ...(c.Healthcheck == null ? {} : { Healthcheck: c.Healthcheck }),
    ...(c.ArgsEscaped === true ? { ArgsEscaped: true } : {}),
    Image: c.Image ?? "",
    Volumes: c.Volumes == null ? null : sortKeys(c.Volumes),
    WorkingDir: c.WorkingDir ?? "",
    Entrypoint: c.Entrypoint ?? null,
    ...(c.NetworkDisabled === true ? { NetworkDisabled: true } : {}),
    ...(c.MacAddress === undefined || c.MacAddress === "" ? {} : { MacAddress: c.MacAddress }),
    OnBuild: c.OnBuild ?? null,
    Labels: c.Labels == null ? null : sortKeys(c.Labels),
    ...(c.StopSignal === undefined || c.StopSignal === "" ? {} : { StopSignal: c.StopSignal }),
    ...(c.StopTimeout == null ? {} : { StopTimeout: c.StopTimeout }),
    ...(c.Shell == null || c.Shell.length === 0 ? {} : { Shell: c.Shell }),
  };
}

const hasEntries = (map: StringSet | null | undefined): map is StringSet => map != null && Object.keys(map).length > 0;

/** Instructions that `docker commit --change` and `docker import --change` take. */
const CHANGES = ["cmd", "entrypoint", "env", "expose", "healthcheck", "label", "onbuild", "user", "volume", "workdir"];

/** A configuration with instructions applied to it. Errors: invalidParameter. */
export function changedConfig(config: Partial<ContainerConfig>, changes: readonly string[]): Partial<ContainerConfig> {
  if (changes.length === 0) return config;
  const changed = { ...config };
  try {
    const { nodes, escape } = parseDockerfile(changes.join("\n"), { heredocs: false });
    for (const { name } of nodes)
      if (!CHANGES.includes(name.toLowerCase())) throw invalidParameter(`${name.toLowerCase()} is not a valid change command`);
    const state = { cmdSet: false };
    for (const given of nodes.map(parseCommand)) {
      const command = expandCommand(given, variablesOf(changed.Env ?? []), { escape, colonOnly: true });
      if (command.kind === "workdir") changed.WorkingDir = resolveWorkdir(changed.WorkingDir, command.path);
      else if (isConfigCommand(command)) applyToConfig(changed, command, state);
    }
  } catch (e) {
    if (e instanceof DockerfileError || e instanceof LexError || e instanceof InstructionError) throw invalidParameter(e.message);
    throw e;
  }
  return changed;
}
