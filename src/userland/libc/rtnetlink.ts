/** A netlink socket as programs use it: requests with their answer, dumps, news. iproute2 `lib/libnetlink.c`. */

import { errnos, type Errno } from "../../abi/errno.ts";
import {
  decodeAttributes,
  decodeMessages,
  encodeMessage,
  NETLINK_ROUTE,
  type NetlinkMessage,
  type NetlinkWriter,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from "../../abi/netlink.ts";
import { NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, NLMSGERR_ATTR_MSG } from "../../abi/rtnetlink.ts";
import { AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, SOL_NETLINK } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";

/** The kernel refused: its errno, and its own sentence where it has one. */
export class NetlinkFailure {
  constructor(
    readonly errno: Errno | undefined,
    readonly text: string | undefined,
  ) {}

  /** As iproute2 prints it. */
  get message(): string {
    if (this.text !== undefined && this.text !== "") return `Error: ${this.text}${this.text.endsWith(".") ? "" : "."}`;
    return `RTNETLINK answers: ${this.errno?.message ?? "Unknown error"}`;
  }
}

export class NetlinkSocket {
  private seq = 0;

  private constructor(
    private readonly sys: Sys,
    readonly fd: number,
  ) {}

  /** `groups`: a bit for each multicast group to hear of. */
  static *open(sys: Sys, protocol: number = NETLINK_ROUTE, groups = 0): Proc<NetlinkSocket> {
    const fd = yield* sys.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    yield* sys.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
    if (protocol === NETLINK_ROUTE) yield* sys.setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    yield* sys.bind(fd, { family: AF_NETLINK, pid: 0, groups });
    return new NetlinkSocket(sys, fd);
  }

  /** All objects of a kind. Errors: NetlinkFailure. */
  dump(type: number, payload: NetlinkWriter): Proc<NetlinkMessage[]> {
    return this.talk(type, NLM_F_DUMP, payload);
  }

  /** One request; its answers, none for a change. Errors: NetlinkFailure. */
  request(type: number, flags: number, payload: NetlinkWriter): Proc<NetlinkMessage[]> {
    return this.talk(type, flags | NLM_F_ACK, payload);
  }

  private *talk(type: number, flags: number, writer: NetlinkWriter): Proc<NetlinkMessage[]> {
    const payload = writer.finish();
    const seq = ++this.seq;
    const request = encodeMessage({ type, flags: flags | NLM_F_REQUEST, seq, pid: 0, payload });
    yield* this.sys.sendmsg(this.fd, request, 0, { family: AF_NETLINK, pid: 0, groups: 0 });
    const answers: NetlinkMessage[] = [];
    for (;;) {
      for (const message of yield* this.receive()) {
        if (message.seq !== seq) continue;
        if (message.type === NLMSG_DONE) return answers;
        if (message.type !== NLMSG_ERROR) {
          answers.push(message);
          continue;
        }
        const code = -new DataView(message.payload.buffer, message.payload.byteOffset).getInt32(0, true);
        if (code === 0) return answers;
        const text = decodeAttributes(message.payload, 4 + 16 + payload.length).get(NLMSGERR_ATTR_MSG);
        throw new NetlinkFailure(
          errnos.find((errno) => errno.code === code),
          text?.string,
        );
      }
    }
  }

  /** The next messages, whatever they are. Blocks. */
  *receive(): Proc<NetlinkMessage[]> {
    const buffer = new Uint8Array(65_536);
    const { length } = yield* this.sys.recvmsg(this.fd, buffer, 0);
    return [...decodeMessages(buffer.slice(0, length))];
  }

  close(): Proc<void> {
    return this.sys.close(this.fd);
  }
}
