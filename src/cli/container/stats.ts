/** `docker stats`: what containers use, anew twice a second. Real counterpart: docker/cli `cli/command/container/stats.go`. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { ContainerStats, ContainerSummary } from "../../engine/api/container.ts";
import type { EngineEvent } from "../../engine/api/events.ts";
import type { Cli } from "../cli.ts";
import { filtersParameter, jsonStream } from "../client.ts";
import { atLeast, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { FORMAT_HELP } from "../format/help.ts";
import { columnsOf, field, type Fields, formatList, shortId } from "../format/table.ts";
import { bytesSize, humanSize } from "../format/units.ts";
import { Future, start } from "../thread.ts";

const REDRAW_NS = 500e6;

/** What is known of one container. Written by its collecting thread. */
interface Entry {
  readonly container: string;
  latest?: ContainerStats;
  /** Set once there is something to show, or nothing to come. */
  readonly first: Future<void>;
  error?: CliError;
  gone?: true;
}

interface Row {
  readonly container: string;
  readonly stats: ContainerStats | undefined;
  readonly trunc: boolean;
}

function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const system = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus ?? now.cpu_usage.percpu_usage?.length ?? 0;
  return used > 0 && system > 0 ? (used / system) * cpus * 100 : 0;
}

/** Without what is only cached. */
function memoryUsed({ memory_stats: memory }: ContainerStats): number {
  const usage = memory.usage ?? 0;
  const cached = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0;
  return cached < usage ? usage - cached : usage;
}

function networkBytes(stats: ContainerStats, key: "rx_bytes" | "tx_bytes"): number {
  return Object.values(stats.networks ?? {}).reduce((sum, device) => sum + device[key], 0);
}

function blockBytes(stats: ContainerStats, op: "r" | "w"): number {
  const entries = stats.blkio_stats.io_service_bytes_recursive ?? [];
  return entries.filter((entry) => entry.op.toLowerCase().startsWith(op)).reduce((sum, entry) => sum + entry.value, 0);
}

const percent = (value: number): string => `${value.toFixed(2)}%`;
const pair = (a: number, b: number): string => `${humanSize(a, 3)} / ${humanSize(b, 3)}`;
const known =
  (show: (stats: ContainerStats) => string, otherwise = "--") =>
  ({ stats }: Row): string =>
    stats === undefined ? otherwise : show(stats);

const fields: Fields<Row> = {
  typeName: "*container.statsContext",
  fields: {
    Container: field("CONTAINER", ({ container }) => container),
    Name: field(
      "NAME",
      known((s) => (s.name.length > 1 ? s.name.slice(1) : "--")),
    ),
    ID: field("CONTAINER ID", ({ stats, trunc }) => (trunc ? shortId(stats?.id ?? "") : (stats?.id ?? ""))),
    CPUPerc: field(
      "CPU %",
      known((s) => percent(cpuPercent(s))),
    ),
    MemUsage: field(
      "MEM USAGE / LIMIT",
      known((s) => `${bytesSize(memoryUsed(s))} / ${bytesSize(s.memory_stats.limit ?? 0)}`, "-- / --"),
    ),
    MemPerc: field(
      "MEM %",
      known((s) => percent((s.memory_stats.limit ?? 0) === 0 ? 0 : (memoryUsed(s) / (s.memory_stats.limit ?? 1)) * 100)),
    ),
    NetIO: field(
      "NET I/O",
      known((s) => pair(networkBytes(s, "rx_bytes"), networkBytes(s, "tx_bytes"))),
    ),
    BlockIO: field(
      "BLOCK I/O",
      known((s) => pair(blockBytes(s, "r"), blockBytes(s, "w"))),
    ),
    PIDs: field(
      "PIDS",
      known((s) => String(s.pids_stats.current ?? 0)),
    ),
  },
};

const COLUMNS = columnsOf("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs");

/** A thread that keeps an entry up to date. */
function* collect(cli: Cli, entry: Entry, stream: boolean): Proc<void> {
  const client = yield* cli.anotherClient();
  yield* start(cli.sys, function* () {
    try {
      const { body } = yield* client.request("GET", `/containers/${entry.container}/stats`, { query: { stream: stream ? true : "0" } });
      yield* jsonStream<ContainerStats>(body, function* (stats) {
        entry.latest = stats;
        yield* entry.first.set(undefined);
        return stream;
      });
    } catch (e) {
      if (e instanceof CliError) entry.error = e;
      else if (!(e instanceof Errno)) throw e;
    }
    entry.gone = true;
    yield* entry.first.set(undefined);
  });
}

class Board {
  readonly entries: Entry[] = [];

  constructor(
    private readonly cli: Cli,
    private readonly stream: boolean,
  ) {}

  *add(container: string): Proc<void> {
    if (this.entries.some((entry) => entry.container === container && entry.gone !== true)) return;
    const entry: Entry = { container, first: new Future<void>(this.cli.sys) };
    this.entries.push(entry);
    yield* collect(this.cli, entry, this.stream);
  }

  remove(container: string): void {
    const at = this.entries.findIndex((entry) => entry.container === container);
    if (at >= 0) this.entries.splice(at, 1);
  }

  /** Blocks until each has been heard of. */
  *ready(): Proc<void> {
    for (const entry of [...this.entries]) yield* entry.first.get();
  }
}

/** Containers come and go: a thread follows the events. */
function* followEvents(cli: Cli, board: Board, all: boolean): Proc<void> {
  const client = yield* cli.anotherClient();
  const { body } = yield* client.request("GET", "/events", { query: { filters: filtersParameter({ type: ["container"] }) } });
  yield* start(cli.sys, function* () {
    yield* jsonStream<EngineEvent>(body, function* ({ Action, Actor }) {
      const id = shortId(Actor.ID);
      if (Action === "start" || (all && Action === "create")) yield* board.add(id);
      else if ((Action === "die" && !all) || Action === "destroy") board.remove(id);
    });
  });
}

export const stats = defineCommand({
  use: "stats [OPTIONS] [CONTAINER...]",
  short: "Show what containers use, live",
  aliases: ["docker container stats", "docker stats"],
  args: atLeast(0),
  flags: {
    all: bool("Show all containers (default shows just running)", { short: "a" }),
    format: string(FORMAT_HELP),
    "no-stream": bool("Show only the first result"),
    "no-trunc": bool("Do not shorten anything"),
  },
  completes: "containers",
  *run({ cli, o, args }) {
    const stream = !o["no-stream"];
    const board = new Board(cli, stream);
    if (args.length > 0) for (const name of args) yield* board.add(name);
    else {
      if (stream) yield* followEvents(cli, board, o.all);
      const client = yield* cli.client();
      for (const { Id } of yield* client.json<ContainerSummary[]>("GET", "/containers/json", { query: { all: o.all } }))
        yield* board.add(shortId(Id));
    }
    yield* board.ready();
    const errors = args.length === 0 ? [] : board.entries.flatMap(({ error }) => (error === undefined ? [] : [error.message]));
    if (errors.length > 0) throw new CliError(errors.join("\n"));
    const format = o.format === "" ? ((yield* cli.configFile()).statsFormat ?? "table") : o.format;
    for (;;) {
      yield* cli.sys.nanosleep(REDRAW_NS);
      const rows = board.entries.map(({ container, latest }): Row => ({ container, stats: latest, trunc: !o["no-trunc"] }));
      const text = formatList(fields, rows, format, COLUMNS);
      yield* cli.print(stream ? `\x1b[H${text.replaceAll("\n", " \x1b[K\n")}\x1b[K\n\x1b[J` : text);
      if (!stream) return;
      if (args.length > 0 && board.entries.every(({ gone }) => gone === true)) return;
    }
  },
});
