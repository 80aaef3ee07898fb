/** `docker import`. Real counterpart: docker/cli `cli/command/image/import.go`. */

import { Input } from "../../userland/libc/stdio.ts";
import type { ByteSource } from "../../userland/libc/stream.ts";
import { parseNormalizedNamed } from "../../image/reference.ts";
import { atLeast, defineCommand } from "../command.ts";
import { CliError } from "../errors.ts";
import { list, string } from "../flags.ts";
import { openInput } from "../input-file.ts";
import { copyAll } from "../stdcopy.ts";
import { showProgress } from "./progress.ts";

export const importImage = defineCommand({
  use: "import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  short: "Make an image of the contents of a tar archive",
  aliases: ["docker image import", "docker import"],
  args: atLeast(1),
  flags: {
    change: list("Apply an instruction of a Dockerfile to the image", { short: "c" }),
    message: string("Commit message of the image", { short: "m" }),
    platform: string("Platform of the image"),
  },
  completes: "files",
  *run({ cli, o, args }) {
    const [source, name = ""] = args as [string, string?];
    const remote = /^https?:\/\//.test(source);
    let input: ByteSource | undefined;
    if (source === "-") input = new Input(cli.sys, 0);
    else if (!remote) input = yield* openInput(cli.sys, source);
    try {
      if (name !== "") parseNormalizedNamed(name, "client");
    } catch (e) {
      throw new CliError((e as Error).message);
    }
    const client = yield* cli.client();
    const { body } = yield* client.request("POST", "/images/create", {
      query: { fromSrc: remote ? source : "-", repo: name, message: o.message, changes: o.change, platform: o.platform.toLowerCase() },
      ...(input === undefined ? {} : { stream: { type: "text/plain", write: (sink) => copyAll(input, sink) } }),
    });
    yield* showProgress(cli, body, { to: "stdout" });
  },
});
