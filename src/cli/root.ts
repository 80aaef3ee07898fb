/** The whole tree of commands: one line a noun. */

import { builder } from "./builder/index.ts";
import { type AnyCommand, type Group, under } from "./command.ts";
import { container, containerShortcuts } from "./container/index.ts";
import { context } from "./context/index.ts";
import { image, imageShortcuts } from "./image/index.ts";
import { network } from "./network/index.ts";
import { search } from "./search.ts";
import { system, systemShortcuts } from "./system/index.ts";
import { checkpoint } from "./unsupported/checkpoint.ts";
import { config } from "./unsupported/config.ts";
import { login, logout } from "./unsupported/login.ts";
import { manifest } from "./unsupported/manifest.ts";
import { node } from "./unsupported/node.ts";
import { plugin } from "./unsupported/plugin.ts";
import { secret } from "./unsupported/secret.ts";
import { service } from "./unsupported/service.ts";
import { stack } from "./unsupported/stack.ts";
import { swarm } from "./unsupported/swarm.ts";
import { trust } from "./unsupported/trust.ts";
import { volume } from "./volume/index.ts";

/** Those that help lists first, in its order. */
const COMMON = ["run", "exec", "ps", "build", "pull", "push", "images", "login", "logout", "search", "version", "info"];

const shortcuts: readonly AnyCommand[] = [
  ...containerShortcuts,
  ...imageShortcuts,
  ...systemShortcuts,
  search,
  under(login, { topic: "common" }),
  under(logout, { topic: "common" }),
];

const rank = ({ use }: AnyCommand): number => {
  const at = COMMON.indexOf(use.split(" ", 1)[0] as string);
  return at < 0 ? COMMON.length : at;
};

export const root: Group = {
  name: "docker",
  short: "A self-sufficient runtime for containers",
  commands: [
    ...[...shortcuts].sort((a, b) => rank(a) - rank(b)),
    builder,
    checkpoint,
    container,
    context,
    image,
    manifest,
    network,
    plugin,
    system,
    trust,
    volume,
    config,
    node,
    secret,
    service,
    stack,
    swarm,
  ],
};
