/** Match extensions: iptables-extensions(8), Linux `net/netfilter/xt_*.c`. A row of the table makes a test of the options. */

import { EINVAL, ENOENT } from "../../../abi/errno.ts";
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../../../abi/inet.ts";
import { type IptMatch, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from "../../../abi/iptables.ts";
import { deviceOfAddress, inetAddrType } from "../ipv4/fib-lookup.ts";
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST } from "../ipv4/route-types.ts";
import { InetSock } from "../ipv4/inet-sock.ts";
import type { NetDevice } from "../device.ts";
import { ctOf, ctState } from "./conntrack.ts";
import { all, either, masked, type MatchTest, network, number, OptionReader, range, type RulePlace } from "./rule.ts";

type Maker = (options: OptionReader, place: RulePlace) => MatchTest;

interface MatchRow {
  readonly options: readonly string[];
  readonly make: Maker;
}

const ports = (packet: Parameters<MatchTest>[0]): readonly [number, number] | undefined => {
  const { transport } = packet.skb;
  return transport.kind === "tcp" || transport.kind === "udp" ? [transport.srcPort, transport.dstPort] : undefined;
};

/** Tests of those options that are there. */
function each(options: OptionReader, rows: Readonly<Record<string, (value: string) => MatchTest>>): MatchTest {
  const tests: MatchTest[] = [];
  for (const [name, make] of Object.entries(rows)) {
    const option = options.get(name);
    if (option !== undefined) tests.push(either(option.invert, make(option.values[0] ?? "")));
  }
  return all(tests);
}

function portTest(which: 0 | 1): (text: string) => MatchTest {
  return (text) => {
    const [low, high] = range(text, 65_535);
    return (packet) => {
      const port = ports(packet)?.[which];
      return port !== undefined && port >= low && port <= high;
    };
  };
}

const TCP_FLAGS: Readonly<Record<string, number>> = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ALL: 63, NONE: 0 };

function flagBits(text: string | undefined): number {
  let bits = 0;
  for (const name of (text ?? "").split(",")) {
    const bit = TCP_FLAGS[name];
    if (bit === undefined) throw EINVAL;
    bits |= bit;
  }
  return bits;
}

function requireProtocol({ rule: { protocol } }: RulePlace, ...numbers: readonly number[]): void {
  if (protocol === undefined || protocol.invert || !numbers.includes(protocol.number)) throw EINVAL;
}

const tcp: Maker = (options, place) => {
  requireProtocol(place, IPPROTO_TCP);
  const flags = options.get("tcp-flags");
  const tests = [each(options, { sport: portTest(0), dport: portTest(1) })];
  if (flags !== undefined) {
    const [mask, wanted] = [flagBits(flags.values[0]), flagBits(flags.values[1])];
    tests.push(either(flags.invert, ({ skb: { transport } }) => transport.kind === "tcp" && (transport.flags & mask) === wanted));
  }
  return all([({ skb }) => skb.transport.kind === "tcp", ...tests]);
};

const udp: Maker = (options, place) => {
  requireProtocol(place, IPPROTO_UDP);
  return all([({ skb }) => skb.transport.kind === "udp", each(options, { sport: portTest(0), dport: portTest(1) })]);
};

const icmp: Maker = (options, place) => {
  requireProtocol(place, IPPROTO_ICMP);
  return all([
    ({ skb }) => skb.transport.kind === "icmp",
    each(options, {
      "icmp-type": (text) => {
        const [type, code] = text.split("/");
        const wanted = number(type, 255);
        const [low, high] = code === undefined ? [0, 255] : [number(code, 255), number(code, 255)];
        return ({ skb: { transport: t } }) =>
          t.kind === "icmp" && (wanted === 255 || (t.type === wanted && t.code >= low && t.code <= high));
      },
    }),
  ]);
};

const STATES = ["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"];

function stateTest(text: string): MatchTest {
  const wanted = new Set(text.split(","));
  for (const name of wanted) if (!STATES.includes(name)) throw EINVAL;
  const [snat, dnat] = [wanted.has("SNAT"), wanted.has("DNAT")];
  return ({ skb }) => {
    if (wanted.has(ctState(skb))) return true;
    const ct = ctOf(skb);
    return ct !== undefined && ((snat && ct.srcNat) || (dnat && ct.dstNat));
  };
}

type CtField = (ct: NonNullable<ReturnType<typeof ctOf>>) => number;

const ctAddress =
  (field: CtField) =>
  (text: string): MatchTest => {
    const [address, mask] = network(text);
    return ({ skb }) => {
      const ct = ctOf(skb);
      return ct !== undefined && ((field(ct) ^ address) & mask) === 0;
    };
  };

const ctNumber =
  (field: CtField, max: number) =>
  (text: string): MatchTest => {
    const [low, high] = range(text, max);
    return ({ skb }) => {
      const ct = ctOf(skb);
      return ct !== undefined && field(ct) >= low && field(ct) <= high;
    };
  };

const STATUS: Readonly<Record<string, (ct: NonNullable<ReturnType<typeof ctOf>>) => boolean>> = {
  NONE: (ct) => !ct.seenReply && !ct.assured && !ct.confirmed,
  EXPECTED: () => false,
  SEEN_REPLY: (ct) => ct.seenReply,
  ASSURED: (ct) => ct.assured,
  CONFIRMED: (ct) => ct.confirmed,
};

const conntrack: Maker = (options) =>
  each(options, {
    ctstate: stateTest,
    ctproto: ctNumber((ct) => ct.original.protocol, 255),
    ctorigsrc: ctAddress((ct) => ct.original.src),
    ctorigdst: ctAddress((ct) => ct.original.dst),
    ctreplsrc: ctAddress((ct) => ct.reply.src),
    ctrepldst: ctAddress((ct) => ct.reply.dst),
    ctorigsrcport: ctNumber((ct) => ct.original.srcPort, 65_535),
    ctorigdstport: ctNumber((ct) => ct.original.dstPort, 65_535),
    ctreplsrcport: ctNumber((ct) => ct.reply.srcPort, 65_535),
    ctrepldstport: ctNumber((ct) => ct.reply.dstPort, 65_535),
    ctstatus: (text) => {
      const wanted = text.split(",").map((name) => STATUS[name]);
      return ({ skb }) => {
        const ct = ctOf(skb);
        return ct !== undefined && wanted.some((test) => test?.(ct) === true);
      };
    },
    ctdir: (text) => {
      const reply = text === "REPLY";
      return ({ skb }) => skb.ct !== undefined && skb.ctReply === reply;
    },
  });

const ADDRESS_TYPES: Readonly<Record<string, number>> = {
  UNSPEC: 0,
  UNICAST: RTN_UNICAST,
  LOCAL: RTN_LOCAL,
  BROADCAST: RTN_BROADCAST,
  ANYCAST: 4,
  MULTICAST: RTN_MULTICAST,
  BLACKHOLE: 6,
  UNREACHABLE: 7,
  PROHIBIT: 8,
};

const IN_HOOKS = (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_IN);
const OUT_HOOKS = (1 << NF_INET_POST_ROUTING) | (1 << NF_INET_LOCAL_OUT);

const addrtype: Maker = (options, { hooks }) => {
  const limitIn = options.has("limit-iface-in");
  const limitOut = options.has("limit-iface-out");
  // addrtype_mt_checkentry_v1(): a device that is not known at the hook cannot limit anything.
  if ((limitIn && limitOut) || (limitOut && (hooks & IN_HOOKS) !== 0) || (limitIn && (hooks & OUT_HOOKS) !== 0)) throw EINVAL;
  const test =
    (pick: "src" | "dst") =>
    (text: string): MatchTest => {
      const wanted = new Set(text.split(",").map((name) => ADDRESS_TYPES[name]));
      if (wanted.has(undefined)) throw EINVAL;
      return ({ ns, ip, indev, outdev }) => {
        const dev: NetDevice | undefined = limitIn ? indev : limitOut ? outdev : undefined;
        const type = inetAddrType(ns, ip[pick]);
        if (dev !== undefined && type === RTN_LOCAL) return wanted.has(deviceOfAddress(ns, ip[pick]) === dev ? RTN_LOCAL : RTN_UNICAST);
        return wanted.has(type);
      };
    };
  return each(options, { "src-type": test("src"), "dst-type": test("dst") });
};

const multiport: Maker = (options, place) => {
  requireProtocol(place, IPPROTO_TCP, IPPROTO_UDP, 33, 132, 136);
  const test =
    (which: 0 | 1 | "either") =>
    (text: string): MatchTest => {
      const ranges = text.split(",").map((part) => range(part, 65_535));
      const hit = (port: number): boolean => ranges.some(([low, high]) => port >= low && port <= high);
      return (packet) => {
        const found = ports(packet);
        if (found === undefined) return false;
        return which === "either" ? hit(found[0]) || hit(found[1]) : hit(found[which]);
      };
    };
  return each(options, { sports: test(0), dports: test(1), ports: test("either") });
};

const mark: Maker = (options) =>
  each(options, {
    mark: (text) => {
      const [value, mask] = masked(text);
      return ({ skb }) => (skb.mark & mask) >>> 0 === value;
    },
  });

const UNIT_NS: Readonly<Record<string, number>> = { sec: 1e9, min: 60e9, hour: 3_600e9, day: 86_400e9 };

const limit: Maker = (options, { ns }) => {
  const [count, unit] = (options.value("limit") ?? "3/hour").split("/");
  const burst = number(options.value("limit-burst") ?? "5", 10_000);
  const unitNs = UNIT_NS[unit ?? "sec"];
  if (unitNs === undefined || number(count) === 0) throw EINVAL;
  const everyNs = unitNs / number(count);
  let tokens = burst;
  let lastNs = ns.system.sched.clockNs;
  return ({ probe }) => {
    const now = ns.system.sched.clockNs;
    if (probe !== undefined) return Math.min(burst, tokens + (now - lastNs) / everyNs) >= 1;
    tokens = Math.min(burst, tokens + (now - lastNs) / everyNs);
    lastNs = now;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
};

const owner: Maker = (options, { hooks }) => {
  if ((hooks & ~((1 << NF_INET_LOCAL_OUT) | (1 << NF_INET_POST_ROUTING))) !== 0) throw EINVAL;
  return each(options, {
    "uid-owner": (text) => {
      const [low, high] = range(text, 0xffff_ffff, "-");
      return ({ skb }) => skb.sk instanceof InetSock && skb.sk.uid >= low && skb.sk.uid <= high;
    },
    "socket-exists":
      () =>
      ({ skb }) =>
        skb.sk instanceof InetSock,
  });
};

const statistic: Maker = (options, { ns }) => {
  const invert = options.get("probability")?.invert ?? options.get("every")?.invert ?? false;
  if (options.value("mode") === "random") {
    const probability = Math.round(Number(options.value("probability") ?? "0") * 2 ** 31);
    if (!(probability >= 0 && probability <= 2 ** 31)) throw EINVAL;
    // What only asks gets the likelier answer.
    return either(invert, ({ probe }) => (probe === undefined ? ns.system.random.below(2 ** 31) : 2 ** 30) < probability);
  }
  const every = number(options.value("every"));
  const first = number(options.value("packet") ?? "0");
  if (every === 0 || first >= every) throw EINVAL;
  let count = every - first - 1;
  return either(invert, ({ probe }) => {
    if (probe !== undefined) return (count + 1) % every === 0;
    count = (count + 1) % every;
    return count === 0;
  });
};

/** By name; no row: Linux has no such match here. */
export const matchRows: Readonly<Partial<Record<string, MatchRow>>> = {
  tcp: { options: ["sport", "dport", "tcp-flags"], make: tcp },
  udp: { options: ["sport", "dport"], make: udp },
  icmp: { options: ["icmp-type"], make: icmp },
  state: { options: ["state"], make: (options) => each(options, { state: stateTest }) },
  conntrack: {
    options: [
      ...["ctstate", "ctproto", "ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst", "ctstatus", "ctdir"],
      ...["ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport"],
    ],
    make: conntrack,
  },
  addrtype: { options: ["src-type", "dst-type", "limit-iface-in", "limit-iface-out"], make: addrtype },
  comment: { options: ["comment"], make: () => () => true },
  multiport: { options: ["sports", "dports", "ports"], make: multiport },
  mark: { options: ["mark"], make: mark },
  limit: { options: ["limit", "limit-burst"], make: limit },
  owner: { options: ["uid-owner", "socket-exists"], make: owner },
  statistic: { options: ["mode", "probability", "every", "packet"], make: statistic },
};

/** Errors: ENOENT for a match that is not there; EINVAL for one that is wrong here. */
export function compileMatch({ name, options }: IptMatch, place: RulePlace): MatchTest {
  const row = matchRows[name];
  if (row === undefined) throw ENOENT;
  return row.make(new OptionReader(options, row.options), place);
}

/** Whether the rule needs connections to be tracked (nf_ct_netns_get). */
export const needsConntrack = ({ name }: IptMatch): boolean => name === "conntrack" || name === "state";
