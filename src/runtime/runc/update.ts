/** runc update: other limits for a container. */

import { decodeUtf8 } from "../../abi/utf8.ts";
import { Input } from "../../userland/libc/stdio.ts";
import { readText } from "../../userland/libc/unistd.ts";
import { setResources } from "../container/cgroup.ts";
import { RuncError, withPath } from "../error.ts";
import type { Resources } from "../spec.ts";
import type { Call, RuncOption, Verb } from "./cli.ts";

const numbers = [
  "blkio-weight",
  "cpu-period",
  "cpu-quota",
  "cpu-burst",
  "cpu-share",
  "cpu-idle",
  "memory",
  "memory-reservation",
  "memory-swap",
  "pids-limit",
];

export const update: Verb = {
  name: "update",
  summary: "update container resource constraints",
  usage: "<container-id>",
  options: [
    { name: "resources", short: "r", value: "one", usage: "a file with linux.resources as in config.json; - for standard input" },
    ...[...numbers, "cpuset-cpus", "cpuset-mems"].map((name): RuncOption => ({ name, value: "one", usage: `linux.resources: ${name}` })),
  ],
  args: { kind: "exact", count: 1 },
  *run(c) {
    const container = yield* c.containers.load(c.args[0] as string);
    if ((yield* c.containers.status(container)) === "stopped") throw new RuncError("container not running");
    const file = c.value("resources");
    const asked =
      file === undefined
        ? fromOptions(c)
        : (JSON.parse(
            file === "-" ? decodeUtf8(yield* new Input(c.sys, 0).readAll()) : yield* withPath("open", file, readText(c.sys, file)),
          ) as Resources);
    yield* setResources(c.sys, container.cgroup, asked);
    const { spec } = container;
    const before = spec.linux?.resources ?? {};
    const resources = { ...before, ...asked, memory: { ...before.memory, ...asked.memory }, cpu: { ...before.cpu, ...asked.cpu } };
    yield* c.containers.save({ ...container, spec: { ...spec, linux: { ...spec.linux, resources } } });
    return 0;
  },
};

function fromOptions(c: Call): Resources {
  const number = (name: string): number | undefined => {
    const text = c.value(name);
    if (text === undefined) return undefined;
    if (!/^-?\d+$/.test(text))
      throw new RuncError(`invalid value for ${name}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    return Number(text);
  };
  const pick = (fields: Readonly<Record<string, number | string | undefined>>): Record<string, never> =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<string, never>;
  const pids = number("pids-limit");
  const weight = number("blkio-weight");
  return {
    memory: pick({ limit: number("memory"), reservation: number("memory-reservation"), swap: number("memory-swap") }),
    cpu: pick({
      shares: number("cpu-share"),
      quota: number("cpu-quota"),
      period: number("cpu-period"),
      burst: number("cpu-burst"),
      idle: number("cpu-idle"),
      cpus: c.value("cpuset-cpus"),
      mems: c.value("cpuset-mems"),
    }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
    ...(weight === undefined ? {} : { blockIO: { weight } }),
  };
}
