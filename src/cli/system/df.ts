/** `docker system df`. Real counterparts: docker/cli `cli/command/system/df.go`, `cli/command/formatter/disk_usage.go`. */

import type { ContainerSummary } from "../../engine/api/container.ts";
import type { ImageSummary } from "../../engine/api/image.ts";
import { defineCommand, noArgs } from "../command.ts";
import { containerFields } from "../container/ls.ts";
import { bool, string } from "../flags.ts";
import { FORMAT_HELP } from "../format/help.ts";
import { columnsOf, compile, execute, field, type Fields, formatList, rowContext, shortId } from "../format/table.ts";
import { GoStruct } from "../format/template/value.ts";
import { ago, parseTime } from "../format/time.ts";
import { humanSize } from "../format/units.ts";
import { imageFields, imageRows } from "../image/ls.ts";
import { volumeFields } from "../volume/ls.ts";
import type { VolumeResource } from "../volume/resource.ts";

interface BuildCacheRecord {
  readonly ID: string;
  readonly Parent: string;
  readonly Type: string;
  readonly Description: string;
  readonly InUse: boolean;
  readonly Shared: boolean;
  readonly Size: number;
  readonly CreatedAt: string;
  readonly LastUsedAt: string | null;
  readonly UsageCount: number;
}

/** `GET /system/df`. */
interface DiskUsage {
  readonly LayersSize: number;
  readonly Images: ImageSummary[] | null;
  readonly Containers: ContainerSummary[] | null;
  readonly Volumes: VolumeResource[] | null;
  readonly BuildCache: BuildCacheRecord[] | null;
}

/** One kind of things. */
interface Kind {
  readonly name: string;
  readonly total: number;
  readonly active: number;
  readonly sizeBytes: number;
  readonly reclaimableBytes: number;
  /** Without a share of the whole. */
  readonly plain?: true;
}

function reclaimable({ sizeBytes, reclaimableBytes, plain }: Kind): string {
  const size = humanSize(reclaimableBytes);
  return sizeBytes > 0 && plain === undefined ? `${size} (${Math.trunc((reclaimableBytes * 100) / sizeBytes)}%)` : size;
}

const kindFields: Fields<Kind> = {
  typeName: "*formatter.diskUsageImagesContext",
  fields: {
    Type: field("TYPE", (kind) => kind.name),
    TotalCount: field("TOTAL", (kind) => String(kind.total)),
    Active: field("ACTIVE", (kind) => String(kind.active)),
    Size: field("SIZE", (kind) => humanSize(kind.sizeBytes)),
    Reclaimable: field("RECLAIMABLE", reclaimable),
  },
};

interface CacheRow {
  readonly record: BuildCacheRecord;
  readonly now: number;
}

const since = (text: string | null, now: number): string => (text === null ? "" : ago(parseTime(text), now));

const cacheFields: Fields<CacheRow> = {
  typeName: "*formatter.buildCacheContext",
  fields: {
    ID: field("CACHE ID", ({ record }) => `${shortId(record.ID)}${record.InUse ? "*" : ""}`),
    Parent: field("PARENT", ({ record }) => shortId(record.Parent)),
    CacheType: field("CACHE TYPE", ({ record }) => record.Type),
    Size: field("SIZE", ({ record }) => humanSize(record.Size, 3)),
    CreatedSince: field("CREATED", ({ record, now }) => since(record.CreatedAt, now)),
    LastUsedSince: field("LAST USED", ({ record, now }) => since(record.LastUsedAt, now)),
    UsageCount: field("USAGE", ({ record }) => String(record.UsageCount)),
    InUse: field("IN USE", ({ record }) => String(record.InUse)),
    Shared: field("SHARED", ({ record }) => String(record.Shared)),
    Description: field("DESCRIPTION", ({ record }) => record.Description),
  },
};

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const isActive = ({ State }: ContainerSummary): boolean => State === "running" || State === "paused" || State === "restarting";

function kinds({ LayersSize, Images, Containers, Volumes, BuildCache }: DiskUsage): Kind[] {
  const images = Images ?? [];
  const containers = Containers ?? [];
  const volumes = Volumes ?? [];
  const cache = BuildCache ?? [];
  const used = images.filter((i) => i.Containers !== 0 && i.Size !== -1 && i.SharedSize !== -1).map((i) => i.Size - i.SharedSize);
  const volumeSize = (list: readonly VolumeResource[]): number => sum(list.map((v) => Math.max(0, v.UsageData?.Size ?? 0)));
  const idle = volumes.filter((v) => (v.UsageData?.RefCount ?? 0) === 0);
  const builds = sum(cache.filter((record) => !record.Shared).map((record) => record.Size));
  const busy = sum(cache.filter((record) => record.InUse && !record.Shared).map((record) => record.Size));
  return [
    {
      name: "Images",
      total: images.length,
      active: images.filter((i) => i.Containers > 0).length,
      sizeBytes: LayersSize,
      reclaimableBytes: LayersSize - sum(used),
    },
    {
      name: "Containers",
      total: containers.length,
      active: containers.filter(isActive).length,
      sizeBytes: sum(containers.map((c) => c.SizeRw ?? 0)),
      reclaimableBytes: sum(containers.filter((c) => !isActive(c)).map((c) => c.SizeRw ?? 0)),
    },
    {
      name: "Local Volumes",
      total: volumes.length,
      active: volumes.length - idle.length,
      sizeBytes: volumeSize(volumes),
      reclaimableBytes: volumeSize(idle),
    },
    {
      name: "Build Cache",
      total: cache.length,
      active: cache.filter((record) => record.InUse).length,
      sizeBytes: builds,
      reclaimableBytes: builds - busy,
      plain: true,
    },
  ];
}

/** All things one by one. */
function verbose(usage: DiskUsage, format: string, now: number): string {
  const table = format === "table";
  const images = (usage.Images ?? []).flatMap((image) => imageRows(image, false, table, now).slice(0, 1));
  const containers = (usage.Containers ?? []).map((c) => ({ c: { ...c, SizeRootFs: 0 }, trunc: table, now }));
  const volumes = usage.Volumes ?? [];
  const cache = (usage.BuildCache ?? []).map((record): CacheRow => ({ record, now }));
  if (!table) {
    const all = new GoStruct("*formatter.diskUsageContext", {
      Images: images.map((row) => rowContext(imageFields, row)),
      Containers: containers.map((row) => rowContext(containerFields, row)),
      Volumes: volumes.map((row) => rowContext(volumeFields, row)),
      BuildCache: cache.map((row) => rowContext(cacheFields, row)),
    });
    return execute(compile(format === "json" ? "{{json .}}" : format), all);
  }
  const imageColumns = columnsOf("Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers");
  const containerColumns = columnsOf("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names");
  const cacheColumns = columnsOf("ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared");
  const built = humanSize(sum(cache.filter(({ record }) => !record.Shared).map(({ record }) => record.Size)));
  return [
    `Images space usage:\n\n${formatList(imageFields, images, "table", imageColumns)}`,
    `Containers space usage:\n\n${formatList(containerFields, containers, "table", containerColumns)}`,
    `Local Volumes space usage:\n\n${formatList(volumeFields, volumes, "table", columnsOf("Name", "Links", "Size"))}`,
    `Build cache usage: ${built}\n\n${formatList(cacheFields, cache, "table", cacheColumns)}`,
  ].join("\n");
}

export const df = defineCommand({
  use: "df [OPTIONS]",
  short: "Show the use of the disk",
  args: noArgs,
  flags: {
    format: string(FORMAT_HELP),
    verbose: bool("Show each thing by itself", { short: "v" }),
  },
  *run({ cli, o }) {
    const usage = yield* (yield* cli.client()).json<DiskUsage>("GET", "/system/df");
    const format = o.format === "" ? "table" : o.format;
    const now = yield* cli.now();
    const columns = columnsOf("Type", "TotalCount", "Active", "Size", "Reclaimable");
    yield* cli.print(o.verbose ? verbose(usage, format, now) : formatList(kindFields, kinds(usage), format, columns));
  },
});
