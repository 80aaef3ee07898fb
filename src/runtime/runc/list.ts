/** runc list: the containers below the root directory. */

import { RuncError } from "../error.ts";
import { tabulate } from "./table.ts";
import type { Verb } from "./cli.ts";

export const list: Verb = {
  name: "list",
  summary: "lists containers started by runc with the given root",
  usage: "",
  options: [
    { name: "format", short: "f", value: "one", usage: "table or json" },
    { name: "quiet", short: "q", usage: "ids only" },
  ],
  args: { kind: "exact", count: 0 },
  *run(c) {
    const format = c.value("format") ?? "table";
    const rows = [];
    for (const container of yield* c.containers.list()) {
      const { ociVersion, id, pid, status, bundle } = yield* c.containers.describe(container);
      rows.push({ ociVersion, id, pid, status, bundle, rootfs: container.rootfs, created: container.created, owner: "root" });
    }
    if (c.has("quiet")) yield* c.out.print(rows.map(({ id }) => `${id}\n`).join(""));
    else if (format === "json") yield* c.out.print(rows.length === 0 ? "null" : JSON.stringify(rows));
    else if (format === "table") {
      const lines = rows.map(({ id, pid, status, bundle, created, owner }) => [id, String(pid), status, bundle, created, owner]);
      yield* c.out.print(tabulate([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], ...lines]));
    } else throw new RuncError("invalid format option");
    return 0;
  },
};
