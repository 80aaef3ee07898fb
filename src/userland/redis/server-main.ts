/** redis-server(1): its words on the command line. `server.ts` is what runs. */

import { Errno } from "../../abi/errno.ts";
import { command } from "../libc/command.ts";
import { readText } from "../libc/unistd.ts";
import { Config, ConfigError, optionLines } from "./config.ts";
import { RedisServer } from "./server.ts";
import { redisVersion } from "./version.ts";

const help = `Usage: ./redis-server [/path/to/redis.conf] [options]
       ./redis-server -v or --version
       ./redis-server -h or --help

Examples:
       ./redis-server (run the server with default conf)
       ./redis-server /etc/redis/6379.conf
       ./redis-server --port 7777
       ./redis-server --port 7777 --save 60 1
`;

export const main = command({ help }, function* (c) {
  const version = redisVersion(c.env);
  const [first = "", ...rest] = c.args;
  if (first === "-v" || first === "--version") {
    yield* c.print(`Redis server v=${version} sha=00000000:0 malloc=libc bits=64 build=0\n`);
    return 0;
  }
  if (first === "-h" || first === "--help") {
    yield* c.eprint(help);
    return 1;
  }
  const config = new Config();
  const file = first !== "" && !first.startsWith("-") ? first : "";
  try {
    if (file !== "") {
      let text: string;
      try {
        text = yield* readText(c.sys, file);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.print(`Fatal error, can't open config file '${file}': ${e.message}\n`);
        return 1;
      }
      config.read(text);
    }
    config.read(optionLines(file === "" ? c.args : rest));
    if (config.get("dir") !== "") yield* c.sys.chdir(config.get("dir"));
  } catch (e) {
    if (e instanceof Errno) {
      yield* c.eprint(`Can't chdir to '${config.get("dir")}': ${e.message}\n`);
      return 1;
    }
    if (!(e instanceof ConfigError)) throw e;
    yield* c.eprint(
      `\n*** FATAL CONFIG FILE ERROR (Redis ${version}) ***\nReading the configuration file, at line ${e.line}\n>>> '${e.text}'\n${e.message}\n`,
    );
    return 1;
  }
  if (config.get("dir") === "") config.set("dir", [yield* c.sys.getcwd()]);
  return yield* new RedisServer(c, config, file, version).run();
});
