/** `--network NAME` and `--network name=…,alias=…`. Real counterpart: docker/cli `opts/network.go`. */

import { cut, readCsv } from "../flags.ts";
import { atoi } from "../strconv.ts";

/** A network that a container is to be in. */
export interface NetworkAttachment {
  readonly target: string;
  readonly aliases: readonly string[];
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly links: readonly string[];
  readonly ip: string;
  readonly ip6: string;
  readonly linkLocalIps: readonly string[];
  readonly mac: string;
  readonly gwPriority: number;
}

export const attachmentTo = (target: string): NetworkAttachment => ({
  target,
  aliases: [],
  driverOpts: {},
  links: [],
  ip: "",
  ip6: "",
  linkLocalIps: [],
  mac: "",
  gwPriority: 0,
});

function priority(value: string): number {
  try {
    return atoi(value);
  } catch {
    throw new Error(`invalid gw-priority (${value}): invalid syntax`);
  }
}

function driverOption(value: string): Record<string, string> {
  const [key, text] = cut(value, "=");
  if (text === undefined || key === "") throw new Error("invalid key value pair format in driver options");
  return { [key.trim()]: text.trim() };
}

/** The attachment with one more field. */
function withField(at: NetworkAttachment, key: string, value: string): NetworkAttachment {
  switch (key) {
    case "name":
      return { ...at, target: value };
    case "alias":
      return { ...at, aliases: [...at.aliases, value] };
    case "ip":
      return { ...at, ip: value };
    case "ip6":
      return { ...at, ip6: value };
    case "mac-address":
      return { ...at, mac: value };
    case "link-local-ip":
      return { ...at, linkLocalIps: [...at.linkLocalIps, value] };
    case "driver-opt":
      return { ...at, driverOpts: { ...at.driverOpts, ...driverOption(value) } };
    case "gw-priority":
      return { ...at, gwPriority: priority(value) };
    default:
      throw new Error(`invalid field key ${key}`);
  }
}

export function parseNetwork(text: string): NetworkAttachment {
  if (!/\w+=\w+(,\w+=\w+)*/.test(text)) return attachmentTo(text);
  let at = attachmentTo("");
  for (const field of readCsv(text)) {
    const [key, value] = cut(field.toLowerCase(), "=");
    if (value === undefined || key === "") throw new Error(`invalid field ${field}`);
    at = withField(at, key.trim(), value.trim());
  }
  if (at.target === "") throw new Error("network name/id is not specified");
  return at;
}
