/** runc ps: the lines of ps(1) that are about a container's processes. */

import { O_CLOEXEC } from "../../abi/fcntl.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { Input } from "../../userland/libc/stdio.ts";
import { execvp } from "../../userland/libc/unistd.ts";
import { cgroupPids } from "../container/cgroup.ts";
import { RuncError } from "../error.ts";
import type { Verb } from "./cli.ts";

export const ps: Verb = {
  name: "ps",
  summary: "ps displays the processes running inside a container",
  usage: "<container-id> [ps options]",
  options: [{ name: "format", short: "f", value: "one", usage: "table or json" }],
  args: { kind: "min", count: 1 },
  *run(c) {
    const { sys } = c;
    const container = yield* c.containers.load(c.args[0] as string);
    const pids = yield* cgroupPids(sys, container.cgroup);
    const format = c.value("format") ?? "table";
    if (format === "json") {
      yield* c.out.print(`${JSON.stringify(pids)}\n`);
      return 0;
    }
    if (format !== "table") throw new RuncError("invalid format option");
    const asked = c.args.slice(1);
    const argv = ["ps", ...(asked.length === 0 ? ["-ef"] : asked)];
    const [reader, writer] = yield* sys.pipe2(O_CLOEXEC);
    const child = yield* sys.fork(function* () {
      yield* sys.dup2(writer, 1);
      return yield* execvp(sys, "ps", argv, c.env);
    });
    yield* sys.close(writer);
    const lines = decodeUtf8(yield* new Input(sys, reader).readAll()).split("\n");
    yield* sys.wait4(child, 0);
    const [head = "", ...rest] = lines;
    const column = head.trim().split(/\s+/).indexOf("PID");
    if (column < 0) throw new RuncError("couldn't find PID field in ps output");
    const wanted = rest.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[column])));
    yield* c.out.print([head, ...wanted].map((line) => `${line}\n`).join(""));
    return 0;
  },
};
