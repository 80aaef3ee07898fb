/** `docker events`. Real counterpart: docker/cli `cli/command/system/events.go`. */

import { strftime } from "../../userland/libc/strftime.ts";
import type { EngineEvent } from "../../engine/api/events.ts";
import { filtersParameter, jsonStream } from "../client.ts";
import { defineCommand, noArgs } from "../command.ts";
import { CliError } from "../errors.ts";
import { filter, string } from "../flags.ts";
import { INSPECT_FORMAT_HELP } from "../format/help.ts";
import { compile, execute } from "../format/table.ts";
import type { Template } from "../format/template/parse.ts";
import { GoStruct, type GoValue } from "../format/template/value.ts";
import { timeParameter } from "../timestamp.ts";

/** The digits of `timeNano` below a second; JavaScript's numbers do not hold all of them. */
const nanosOf = (text: string): string => /"timeNano":\d*?(\d{9})[,}]/.exec(text)?.[1] ?? "000000000";

function line({ Type, Action, Actor, time }: EngineEvent, text: string): string {
  const attributes = Object.entries(Actor.Attributes ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  const at = `${strftime("%Y-%m-%dT%H:%M:%S", { sec: time, nsec: 0 })}.${nanosOf(text)}Z`;
  return `${at} ${Type} ${Action} ${Actor.ID}${attributes.length === 0 ? "" : ` (${attributes.join(", ")})`}\n`;
}

function value(event: EngineEvent): GoStruct {
  const { status, id, from } = event;
  const old: Record<string, GoValue> = {};
  if (status !== undefined) old.Status = status;
  if (id !== undefined) old.ID = id;
  if (from !== undefined) old.From = from;
  const attributes = new Map(Object.entries(event.Actor.Attributes ?? {}));
  return new GoStruct(
    "*events.Message",
    {
      ...old,
      Type: event.Type,
      Action: event.Action,
      Actor: new GoStruct("events.Actor", { ID: event.Actor.ID, Attributes: attributes }),
      Scope: event.scope,
      Time: event.time,
      TimeNano: event.timeNano,
    },
    { Status: "status", ID: "id", From: "from", Scope: "scope", Time: "time", TimeNano: "timeNano" },
  );
}

/** The daemon escapes for HTML, the client does not. */
const unescape = (text: string): string =>
  text.replace(/\\u00(3c|3e|26)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));

const EMPTY: EngineEvent = {
  status: "",
  id: "",
  from: "",
  Type: "container",
  Action: "",
  Actor: { ID: "", Attributes: {} },
  scope: "local",
  time: 0,
  timeNano: 0,
};

export const events = defineCommand({
  use: "events [OPTIONS]",
  short: "Show what happens in the daemon, live",
  aliases: ["docker system events", "docker events"],
  args: noArgs,
  flags: {
    filter: filter("Conditions on what is shown", { short: "f" }),
    format: string(INSPECT_FORMAT_HELP),
    since: string("Show all events since a time"),
    until: string("Show events up to a time"),
  },
  *run({ cli, o }) {
    let template: Template | undefined;
    try {
      template = o.format === "" || o.format === "json" ? undefined : compile(o.format);
      if (template !== undefined) execute(template, value(EMPTY));
    } catch (e) {
      if (!(e instanceof CliError)) throw e;
      throw new CliError(`Error parsing format: ${e.message.replace(/^template parsing error: /, "")}`, 64);
    }
    const now = yield* cli.now();
    const client = yield* cli.client();
    const { body } = yield* client.request("GET", "/events", {
      query: {
        since: timeParameter(undefined, o.since, now),
        until: timeParameter(undefined, o.until, now),
        filters: filtersParameter(o.filter),
      },
    });
    yield* jsonStream<EngineEvent>(body, function* (event, text) {
      const shown = template === undefined ? undefined : `${execute(template, value(event))}\n`;
      yield* cli.print(shown ?? (o.format === "json" ? `${unescape(text)}\n` : line(event, text)));
    });
  },
});
