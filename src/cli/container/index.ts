/** `docker container`, and the commands of it that stand at the top as well. */

import { type AnyCommand, type Group, under } from "../command.ts";
import { attach } from "./attach.ts";
import { commit } from "./commit.ts";
import { cp } from "./cp.ts";
import { create } from "./create.ts";
import { diff } from "./diff.ts";
import { exec } from "./exec.ts";
import { exportContainer } from "./export.ts";
import { inspect } from "./inspect.ts";
import { kill } from "./kill.ts";
import { logs } from "./logs.ts";
import { ps } from "./ls.ts";
import { pause } from "./pause.ts";
import { port } from "./port.ts";
import { prune } from "./prune.ts";
import { rename } from "./rename.ts";
import { restart } from "./restart.ts";
import { rm } from "./rm.ts";
import { run } from "./run.ts";
import { start } from "./start.ts";
import { stats } from "./stats.ts";
import { stop } from "./stop.ts";
import { top } from "./top.ts";
import { unpause } from "./unpause.ts";
import { update } from "./update.ts";
import { wait } from "./wait.ts";

/** In the order of help's first list. */
export const containerShortcuts: readonly AnyCommand[] = [
  run,
  exec,
  ps,
  attach,
  commit,
  cp,
  create,
  diff,
  exportContainer,
  kill,
  logs,
  pause,
  port,
  rename,
  restart,
  under(rm, { names: [] }),
  start,
  stats,
  stop,
  top,
  unpause,
  update,
  wait,
];

export const container: Group = {
  name: "container",
  short: "Manage containers",
  commands: [
    ...containerShortcuts.filter((command) => command !== ps && !command.use.startsWith("rm ")),
    under(ps, { use: "ls [OPTIONS]", names: ["list", "ps"] }),
    rm,
    inspect,
    prune,
  ],
};
