/** A connection of a Redis server, and what it has asked for that outlasts a command. */

import { encodeReply, type Reply, RespReader } from "./resp.ts";

export class Client {
  readonly input = new RespReader();
  /** Bytes to be sent, one a character. */
  output = "";
  database = 0;
  name = "";
  lastCommand = "NULL";
  authenticated = true;
  /** Ends as soon as everything is sent. */
  closing = false;
  readonly channels = new Set<string>();
  readonly patterns = new Set<string>();
  /** Commands between MULTI and EXEC. */
  queue: (readonly string[])[] | undefined;
  /** One of them was wrong. */
  spoilt = false;

  constructor(
    readonly id: number,
    readonly fd: number,
    readonly address: string,
    readonly sinceSec: number,
  ) {}

  send(reply: Reply): void {
    this.output += encodeReply(reply);
  }

  get subscriptions(): number {
    return this.channels.size + this.patterns.size;
  }
}
