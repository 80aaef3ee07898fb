/** `docker image`, and the commands of it that stand at the top as well. */

import { type AnyCommand, type Group, under } from "../command.ts";
import { build } from "./build.ts";
import { history } from "./history.ts";
import { importImage } from "./import.ts";
import { inspect } from "./inspect.ts";
import { load } from "./load.ts";
import { images } from "./ls.ts";
import { prune } from "./prune.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { rmi } from "./rm.ts";
import { save } from "./save.ts";
import { tag } from "./tag.ts";

/** In the order of help's first list. */
export const imageShortcuts: readonly AnyCommand[] = [build, pull, push, images, history, importImage, load, rmi, save, tag];

export const image: Group = {
  name: "image",
  short: "Manage images",
  commands: [
    build,
    history,
    importImage,
    inspect,
    load,
    under(images, { use: "ls [OPTIONS] [REPOSITORY[:TAG]]", names: ["list"] }),
    prune,
    pull,
    push,
    under(rmi, { use: "rm [OPTIONS] IMAGE [IMAGE...]", names: ["rmi", "remove"] }),
    save,
    tag,
  ],
};
