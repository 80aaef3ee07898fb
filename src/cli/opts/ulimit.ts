/** `--ulimit nofile=1024:2048`. Real counterpart: docker/go-units `ulimit.go`. */

import type { Ulimit } from "../../engine/api/container.ts";
import { cut } from "../flags.ts";

const NAMES = "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" ");

function limit(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

export function parseUlimit(text: string): Ulimit {
  const [name, value] = cut(text, "=");
  if (value === undefined) throw new Error(`invalid ulimit argument: ${text}`);
  if (!NAMES.includes(name)) throw new Error(`invalid ulimit type: ${name}`);
  const parts = value.split(":");
  if (parts.length > 2) throw new Error(`too many limit value arguments - ${value}, can only have up to two, \`soft[:hard]\``);
  const hard = limit(parts[1] ?? (parts[0] as string));
  const soft = limit(parts[0] as string);
  const wrong = "ulimit soft limit must be less than or equal to hard limit";
  if (hard !== -1 && soft === -1) throw new Error(`${wrong}: soft: -1 (unlimited), hard: ${hard}`);
  if (hard !== -1 && soft > hard) throw new Error(`${wrong}: ${soft} > ${hard}`);
  return { Name: name, Hard: hard, Soft: soft };
}
