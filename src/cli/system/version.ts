/** `docker version`. Real counterpart: docker/cli `cli/command/system/version.go`. */

import type { VersionAnswer } from "../../engine/api/system.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Cli } from "../cli.ts";
import { defineCommand, noArgs } from "../command.ts";
import { currentContext } from "../context/store.ts";
import { ConnectionError, CliError } from "../errors.ts";
import { string } from "../flags.ts";
import { INSPECT_FORMAT_HELP } from "../format/help.ts";
import { compile, execute } from "../format/table.ts";
import { alignColumns } from "../format/tabwriter.ts";
import { GoStruct, type GoValue } from "../format/template/value.ts";
import { wireValue } from "../inspect.ts";
import { strftime } from "../../userland/libc/strftime.ts";
import { parseTime } from "../format/time.ts";
import { CLIENT } from "../version.ts";

/** `2024-05-01T12:00:00.000000000+00:00` as people write it: `Wed May  1 12:00:00 2024`. */
const buildTime = (text: string): string => strftime("%a %b %e %H:%M:%S %Y", { sec: parseTime(text), nsec: 0 });

interface ClientVersion {
  readonly apiVersion: string;
  readonly context: string;
}

/** What the client knows of itself, as templates see it. */
export function clientFields({ apiVersion, context }: ClientVersion): Record<string, GoValue> {
  const [os, arch] = CLIENT.osArch.split("/") as [string, string];
  return {
    Version: CLIENT.version,
    APIVersion: apiVersion,
    DefaultAPIVersion: CLIENT.apiVersion,
    GitCommit: CLIENT.gitCommit,
    GoVersion: CLIENT.goVersion,
    Os: os,
    Arch: arch,
    BuildTime: CLIENT.built,
    Context: context,
  };
}

function serverText({ Platform, Components }: VersionAnswer): string {
  const lines = [`Server:${Platform.Name === "" ? "" : ` ${Platform.Name}`}`];
  for (const { Name, Version, Details } of Components) {
    lines.push(` ${Name}:`, `  Version:\t${Version}`);
    if (Name === "Engine") {
      lines.push(
        `  API version:\t${Details.ApiVersion} (minimum version ${Details.MinAPIVersion})`,
        `  Go version:\t${Details.GoVersion}`,
        `  Git commit:\t${Details.GitCommit}`,
        `  Built:\t${Details.BuildTime}`,
        `  OS/Arch:\t${Details.Os}/${Details.Arch}`,
        `  Experimental:\t${Details.Experimental}`,
      );
    } else for (const key of Object.keys(Details).sort()) lines.push(`  ${key}:\t${Details[key]}`);
  }
  return lines.join("\n");
}

function clientText({ apiVersion, context }: ClientVersion): string {
  const downgraded = apiVersion === CLIENT.apiVersion ? "" : ` (downgraded from ${CLIENT.apiVersion})`;
  return [
    "Client:",
    ` Version:\t${CLIENT.version}`,
    ` API version:\t${apiVersion}${downgraded}`,
    ` Go version:\t${CLIENT.goVersion}`,
    ` Git commit:\t${CLIENT.gitCommit}`,
    ` Built:\t${CLIENT.built}`,
    ` OS/Arch:\t${CLIENT.osArch}`,
    ` Context:\t${context}`,
  ].join("\n");
}

/** Older daemons told of no components. */
function withEngine(answer: VersionAnswer): VersionAnswer {
  const details = {
    ApiVersion: answer.ApiVersion,
    MinAPIVersion: answer.MinAPIVersion,
    GitCommit: answer.GitCommit,
    GoVersion: answer.GoVersion,
    Os: answer.Os,
    Arch: answer.Arch,
    BuildTime: answer.BuildTime,
    Experimental: String(answer.Experimental ?? false),
  };
  const known = answer.Components ?? [];
  const components = known.some(({ Name }) => Name === "Engine")
    ? known
    : [...known, { Name: "Engine", Version: answer.Version, Details: details }];
  return {
    ...answer,
    Components: components.map((component) =>
      component.Name === "Engine"
        ? { ...component, Details: { ...component.Details, BuildTime: buildTime(component.Details.BuildTime ?? "") } }
        : component,
    ),
  };
}

function* print(cli: Cli, client: ClientVersion, server: VersionAnswer | undefined, format: string): Proc<void> {
  if (format === "") {
    const text = server === undefined ? clientText(client) : `${clientText(client)}\n\n${serverText(server)}`;
    yield* cli.print(alignColumns(`${text}\n`, { minWidth: 20, padding: 1 }));
    return;
  }
  const template = compile(format === "json" ? "{{json .}}" : format);
  const serverValue = server === undefined ? null : wireValue(JSON.parse(JSON.stringify(server)), "");
  const names = { APIVersion: "ApiVersion" };
  const value = new GoStruct("system.versionInfo", {
    Client: new GoStruct("system.clientVersion", clientFields(client), names),
    Server: serverValue,
  });
  let text: string;
  try {
    text = execute(template, value);
  } catch (e) {
    if (!(e instanceof CliError)) throw e;
    yield* cli.print("\n");
    // The template has a name of its own, and its errors stand alone.
    throw new CliError(e.message.replace(/^template parsing error: template: :(\S+ executing) ""/, 'template: version:$1 "version"'));
  }
  yield* cli.print(alignColumns(`${text}\n`, { minWidth: 20, padding: 1 }));
}

export const version = defineCommand({
  use: "version [OPTIONS]",
  short: "Show the versions of client and server",
  args: noArgs,
  flags: {
    format: string(INSPECT_FORMAT_HELP, { short: "f" }),
  },
  topic: "common",
  *run({ cli, o }) {
    if (o.format !== "") {
      try {
        compile(o.format);
      } catch (e) {
        if (e instanceof CliError) throw new CliError(e.message.replace("template: :", "template: version:"), 64);
        throw e;
      }
    }
    const client = yield* cli.client();
    let server: VersionAnswer | undefined;
    let failure: CliError | undefined;
    try {
      server = withEngine(yield* client.json<VersionAnswer>("GET", "/version"));
    } catch (e) {
      if (!(e instanceof CliError || e instanceof ConnectionError)) throw e;
      failure = e;
    }
    yield* print(cli, { apiVersion: client.version, context: yield* currentContext(cli) }, server, o.format);
    if (failure !== undefined) throw failure;
  },
});
