/** Finds the command that a client means, sees to its words and its right to be there, and runs it; the commands about connection and server are here. */

import type { Proc } from "../../abi/sys.ts";
import type { Client } from "./client.ts";
import { collectionCommands } from "./commands/collections.ts";
import { type CommandTable, matcher, small, SYNTAX } from "./commands/command.ts";
import { keyCommands } from "./commands/keys.ts";
import { stringCommands } from "./commands/strings.ts";
import { zsetCommands } from "./commands/zsets.ts";
import { infoText } from "./info.ts";
import { NO_ARRAY, NO_REPLY, OK, type Reply, ReplyError, Status } from "./resp.ts";
import type { RedisServer } from "./server.ts";
import type { Database } from "./store.ts";

const data: CommandTable = { ...stringCommands, ...keyCommands, ...collectionCommands, ...zsetCommands };

interface Now {
  readonly client: Client;
  readonly args: readonly string[];
  readonly nowMs: number;
}

interface ServerCommand {
  readonly arity: number;
  readonly run: (now: Now) => Proc<Reply>;
}

const IN_SUBSCRIPTION: readonly string[] = ["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ping", "quit", "reset"];
const NOT_QUEUED: readonly string[] = ["exec", "discard", "multi", "watch", "quit", "reset"];
const WITHOUT_PASSWORD: readonly string[] = ["auth", "hello", "quit", "reset"];

export class Interpreter {
  commands = 0;
  private hits = 0;
  private misses = 0;

  constructor(private readonly server: RedisServer) {}

  /** Errors: ReplyError. */
  *execute(client: Client, words: readonly string[], nowMs: number): Proc<Reply> {
    const name = (words[0] as string).toLowerCase();
    const args = words.slice(1);
    const command = Object.hasOwn(data, name) ? data[name] : this.own.get(name);
    this.commands++;
    client.lastCommand = name;
    try {
      if (command === undefined) throw new ReplyError(unknown(words));
      if (command.arity >= 0 ? words.length !== command.arity : words.length < -command.arity)
        throw new ReplyError(`ERR wrong number of arguments for '${name}' command`);
      if (!client.authenticated && !WITHOUT_PASSWORD.includes(name)) throw new ReplyError("NOAUTH Authentication required.");
      if ("writes" in command) this.refuseWhenFull();
    } catch (e) {
      if (client.queue !== undefined) client.spoilt = true;
      throw e;
    }
    if (client.subscriptions > 0 && !IN_SUBSCRIPTION.includes(name))
      throw new ReplyError(
        `ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      );
    if (client.queue !== undefined && !NOT_QUEUED.includes(name)) {
      client.queue.push(words);
      return new Status("QUEUED");
    }
    const { server } = this;
    const db = this.database(client, nowMs);
    if (!("writes" in command) && !Object.hasOwn(data, name)) return yield* (command as ServerCommand).run({ client, args, nowMs });
    const run = data[name]?.run;
    if (run === undefined) throw new ReplyError(unknown(words));
    if (name === "get") db.has(args[0] ?? "") ? this.hits++ : this.misses++;
    return run({
      db,
      args,
      nowMs,
      changed: (times = 1) => {
        server.dirty += times;
      },
    });
  }

  private database(client: Client, nowMs: number): Database {
    for (const one of this.server.databases) one.nowMs = nowMs;
    return this.server.databases[client.database] as Database;
  }

  private refuseWhenFull(): void {
    const limit = this.server.config.number("maxmemory");
    if (limit > 0 && this.server.usedBytes > limit) throw new ReplyError("OOM command not allowed when used memory > 'maxmemory'.");
  }

  private readonly own: ReadonlyMap<string, ServerCommand> = new Map<string, ServerCommand>([
    ["auth", { arity: -2, run: (now) => this.auth(now) }],
    ["bgsave", { arity: -1, run: () => this.server.saveInBackground() }],
    ["client", { arity: -2, run: (now) => this.client(now) }],
    ["command", { arity: -1, run: (now) => this.command(now) }],
    ["config", { arity: -2, run: (now) => this.config(now) }],
    ["dbsize", { arity: 1, run: ({ client, nowMs }) => say(this.database(client, nowMs).size) }],
    ["discard", { arity: 1, run: (now) => this.discard(now) }],
    ["echo", { arity: 2, run: ({ args }) => say(args[0] ?? "") }],
    ["exec", { arity: 1, run: (now) => this.exec(now) }],
    ["flushall", { arity: -1, run: () => this.flush(this.server.databases) }],
    ["flushdb", { arity: -1, run: ({ client, nowMs }) => this.flush([this.database(client, nowMs)]) }],
    ["hello", { arity: -1, run: (now) => this.hello(now) }],
    ["info", { arity: -1, run: (now) => this.info(now) }],
    ["lastsave", { arity: 1, run: () => say(this.server.lastSaveSec) }],
    ["multi", { arity: 1, run: (now) => this.multi(now) }],
    ["ping", { arity: -1, run: (now) => this.ping(now) }],
    ["psubscribe", { arity: -2, run: (now) => this.subscribe(now, "patterns") }],
    ["publish", { arity: 3, run: (now) => this.publish(now) }],
    ["punsubscribe", { arity: -1, run: (now) => this.unsubscribe(now, "patterns") }],
    ["quit", { arity: -1, run: (now) => this.quit(now) }],
    ["save", { arity: 1, run: () => this.save() }],
    ["select", { arity: 2, run: (now) => this.select(now) }],
    ["shutdown", { arity: -1, run: (now) => this.shutdown(now) }],
    ["subscribe", { arity: -2, run: (now) => this.subscribe(now, "channels") }],
    ["time", { arity: 1, run: ({ nowMs }) => say([String(Math.floor(nowMs / 1000)), String((nowMs % 1000) * 1000)]) }],
    ["unsubscribe", { arity: -1, run: (now) => this.unsubscribe(now, "channels") }],
  ]);

  // ── The connection ───────────────────────────────────────────────────────────────────────────────────────────────

  private *auth({ client, args }: Now): Proc<Reply> {
    const password = this.server.config.get("requirepass");
    if (args.length > 2) throw new ReplyError(SYNTAX);
    if (password === "" && args.length === 1)
      throw new ReplyError(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
      );
    if ((args.length === 2 && args[0] !== "default") || (password !== "" && args[args.length - 1] !== password))
      throw new ReplyError("WRONGPASS invalid username-password pair or user is disabled.");
    client.authenticated = true;
    return OK;
  }

  private *hello({ client, args }: Now): Proc<Reply> {
    if (args[0] !== undefined && args[0] !== "2") throw new ReplyError("NOPROTO unsupported protocol version");
    if (!client.authenticated)
      throw new ReplyError(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
      );
    const { version } = this.server;
    return ["server", "redis", "version", version, "proto", 2, "id", client.id, "mode", "standalone", "role", "master", "modules", []];
  }

  private *ping({ client, args }: Now): Proc<Reply> {
    if (args.length > 1) throw new ReplyError("ERR wrong number of arguments for 'ping' command");
    if (client.subscriptions > 0) return ["pong", args[0] ?? ""];
    return args[0] ?? new Status("PONG");
  }

  private *quit({ client }: Now): Proc<Reply> {
    client.closing = true;
    return OK;
  }

  private *select({ client, args }: Now): Proc<Reply> {
    const index = small(args[0] ?? "", "ERR invalid DB index");
    if (this.server.databases[index] === undefined) throw new ReplyError("ERR DB index is out of range");
    client.database = index;
    return OK;
  }

  private *client({ client, args, nowMs }: Now): Proc<Reply> {
    const [verb = "", value = ""] = args;
    const line = (one: Client): string =>
      `id=${one.id} addr=${one.address} fd=${one.fd} name=${one.name} age=${Math.floor(nowMs / 1000) - one.sinceSec} idle=0 flags=${one.subscriptions > 0 ? "P" : "N"} db=${one.database} sub=${one.channels.size} psub=${one.patterns.size} multi=${one.queue?.length ?? -1} cmd=${one.lastCommand} user=default resp=2\n`;
    switch (verb.toLowerCase()) {
      case "id":
        return client.id;
      case "getname":
        return client.name === "" ? null : client.name;
      case "setname":
        if (/[ \n]/.test(value)) throw new ReplyError("ERR Client names cannot contain spaces, newlines or special characters.");
        client.name = value;
        return OK;
      case "setinfo":
        return OK;
      case "info":
        return line(client);
      case "list":
        return [...this.server.clients.values()].map(line).join("");
      default:
        throw new ReplyError(`ERR unknown subcommand '${verb}'. Try CLIENT HELP.`);
    }
  }

  // ── Transactions ─────────────────────────────────────────────────────────────────────────────────────────────────

  private *multi({ client }: Now): Proc<Reply> {
    if (client.queue !== undefined) throw new ReplyError("ERR MULTI calls can not be nested");
    client.queue = [];
    client.spoilt = false;
    return OK;
  }

  private *discard({ client }: Now): Proc<Reply> {
    if (client.queue === undefined) throw new ReplyError("ERR DISCARD without MULTI");
    client.queue = undefined;
    return OK;
  }

  private *exec({ client, nowMs }: Now): Proc<Reply> {
    const { queue, spoilt } = client;
    if (queue === undefined) throw new ReplyError("ERR EXEC without MULTI");
    client.queue = undefined;
    if (spoilt) throw new ReplyError("EXECABORT Transaction discarded because of previous errors.");
    const replies: Reply[] = [];
    for (const words of queue) {
      try {
        replies.push(yield* this.execute(client, words, nowMs));
      } catch (e) {
        if (!(e instanceof ReplyError)) throw e;
        replies.push(e);
      }
    }
    return replies;
  }

  // ── Channels ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private *subscribe({ client, args }: Now, kind: "channels" | "patterns"): Proc<Reply> {
    for (const name of args) {
      client[kind].add(name);
      client.send([kind === "channels" ? "subscribe" : "psubscribe", name, client.subscriptions]);
    }
    return NO_REPLY;
  }

  private *unsubscribe({ client, args }: Now, kind: "channels" | "patterns"): Proc<Reply> {
    const verb = kind === "channels" ? "unsubscribe" : "punsubscribe";
    const names = args.length > 0 ? args : [...client[kind]];
    if (names.length === 0) client.send([verb, null, client.subscriptions]);
    for (const name of names) {
      client[kind].delete(name);
      client.send([verb, name, client.subscriptions]);
    }
    return NO_REPLY;
  }

  private *publish({ args }: Now): Proc<Reply> {
    const [channel = "", message = ""] = args;
    let receivers = 0;
    for (const client of this.server.clients.values()) {
      if (client.channels.has(channel)) {
        client.send(["message", channel, message]);
        receivers++;
      }
      for (const pattern of client.patterns) {
        if (!matcher(pattern)(channel)) continue;
        client.send(["pmessage", pattern, channel, message]);
        receivers++;
      }
    }
    return receivers;
  }

  // ── The server ───────────────────────────────────────────────────────────────────────────────────────────────────

  private *flush(databases: readonly Database[]): Proc<Reply> {
    for (const db of databases) {
      this.server.dirty += db.size;
      db.clear();
    }
    return OK;
  }

  private *save(): Proc<Reply> {
    if (!(yield* this.server.save())) throw new ReplyError("ERR");
    return OK;
  }

  private *shutdown({ args }: Now): Proc<Reply> {
    const mode = args[0]?.toUpperCase();
    if (args.length > 1 || (mode !== undefined && mode !== "SAVE" && mode !== "NOSAVE")) throw new ReplyError(SYNTAX);
    yield* this.server.shutdown(mode as "SAVE" | "NOSAVE" | undefined);
    throw new ReplyError("ERR Errors trying to SHUTDOWN. Check logs.");
  }

  private *config({ args }: Now): Proc<Reply> {
    const [verb = "", ...rest] = args;
    const { config } = this.server;
    switch (verb.toLowerCase()) {
      case "get": {
        if (rest.length === 0) throw new ReplyError("ERR wrong number of arguments for 'config|get' command");
        const matches = rest.map((pattern) => matcher(pattern.toLowerCase()));
        return [...config.entries()].filter(([name]) => matches.some((match) => match(name))).flat();
      }
      case "set": {
        if (rest.length === 0 || rest.length % 2 !== 0) throw new ReplyError("ERR wrong number of arguments for 'config|set' command");
        for (let i = 0; i < rest.length; i += 2) {
          const name = (rest[i] as string).toLowerCase();
          if (![...config.entries()].some(([known]) => known === name))
            throw new ReplyError(`ERR Unknown option or number of arguments for CONFIG SET - '${name}'`);
          const wrong = ["bind", "port", "databases"].includes(name)
            ? "can't set immutable config"
            : config.reset(name, rest[i + 1] as string);
          if (wrong !== undefined) throw new ReplyError(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${wrong}`);
        }
        return OK;
      }
      case "resetstat":
        [this.commands, this.hits, this.misses, this.server.connections] = [0, 0, 0, 0];
        return OK;
      default:
        throw new ReplyError(`ERR unknown subcommand '${verb}'. Try CONFIG HELP.`);
    }
  }

  private *command({ args }: Now): Proc<Reply> {
    const all = [...Object.entries(data), ...this.own].sort(([a], [b]) => (a < b ? -1 : 1));
    switch (args[0]?.toLowerCase()) {
      case undefined:
        return all.map(([name, command]) => [name, command.arity, [new Status("writes" in command ? "write" : "readonly")], 0, 0, 0]);
      case "count":
        return all.length;
      case "list":
        return all.map(([name]) => name);
      case "docs":
        return [];
      case "info":
        return args.slice(1).map((wanted) => {
          const found = all.find(([name]) => name === wanted.toLowerCase());
          return found === undefined
            ? NO_ARRAY
            : [found[0], found[1].arity, [new Status("writes" in found[1] ? "write" : "readonly")], 0, 0, 0];
        });
      default:
        throw new ReplyError(`ERR unknown subcommand '${args[0]}'. Try COMMAND HELP.`);
    }
  }

  private *info({ client, args, nowMs }: Now): Proc<Reply> {
    const { server } = this;
    this.database(client, nowMs);
    const clients = [...server.clients.values()];
    return infoText(
      {
        version: server.version,
        os: server.os,
        pid: server.pid,
        port: server.config.number("port"),
        uptimeSec: Math.floor((nowMs - server.startedMs) / 1000),
        configFile: server.configFile,
        clients: clients.length,
        maxClients: server.config.number("maxclients"),
        subscribers: clients.filter((one) => one.subscriptions > 0).length,
        usedBytes: server.usedBytes,
        peakBytes: server.peakBytes,
        maxMemory: server.config.number("maxmemory"),
        dirty: server.dirty,
        saving: server.savingPid !== 0,
        lastSaveSec: server.lastSaveSec,
        lastSaveOk: server.lastSaveOk,
        connections: server.connections,
        commands: this.commands,
        expired: server.databases.reduce((sum, db) => sum + db.expired, 0),
        hits: this.hits,
        misses: this.misses,
        channels: new Set(clients.flatMap((one) => [...one.channels])).size,
        patterns: new Set(clients.flatMap((one) => [...one.patterns])).size,
        keyspace: server.databases.map((db, index) => ({ index, keys: db.size, expires: db.expires })).filter(({ keys }) => keys > 0),
      },
      args,
    );
  }
}

function* say(reply: Reply): Proc<Reply> {
  return reply;
}

const unknown = (words: readonly string[]): string =>
  `ERR unknown command '${(words[0] ?? "").slice(0, 128)}', with args beginning with: ${words
    .slice(1)
    .map((word) => `'${word.slice(0, 128)}' `)
    .join("")}`;
