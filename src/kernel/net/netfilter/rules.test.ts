/** Rules as a user writes them with iptables(8): what the kernel's log says, where connections were meant to go, a table that is full. */

import { expect, test } from "vitest";
import { ENOENT, ENOPROTOOPT, Errno } from "../../../abi/errno.ts";
import { AF_INET, type InetAddress, SOCK_DGRAM, SOCK_STREAM, SOL_IP } from "../../../abi/socket.ts";
import { SO_ORIGINAL_DST } from "../../../abi/sockopt.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { boot, type TestMachine } from "../../../machine/testing.ts";

/** The kernel's log from here on, without its time stamps. */
function logOf(m: TestMachine, script: string): string[] {
  m.run("dmesg -C");
  expect(m.run(script)).toMatchObject({ stderr: "" });
  const lines = m.run("dmesg -t").stdout.split("\n");
  return lines.slice(0, -1).filter((line) => /IN=|conntrack|ratelimit/.test(line));
}

const OUTSIDE =
  "ip netns add lan; ip link add v0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns lan; ip addr add 10.9.0.1/24 dev v0; ip link set v0 up; ip -n lan addr add 10.9.0.2/24 dev eth0; ip -n lan link set eth0 up; ip -n lan link set lo up";

test("LOG writes a line for each packet, in the kernel's words", () => {
  const m = boot();
  m.run(OUTSIDE);
  m.run("iptables -A INPUT -i v0 -p icmp -j LOG --log-prefix 'in: '; iptables -A OUTPUT -o v0 -p icmp -m mark ! --mark 1 -j LOG");
  const lines = logOf(m, "ip netns exec lan ping -c 1 10.9.0.1 > /dev/null").map((line) => line.replace(/ID=\d+/g, "ID=N"));
  expect(lines).toEqual([
    "in: IN=v0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC=10.9.0.2 DST=10.9.0.1 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID=N DF PROTO=ICMP TYPE=8 CODE=0 ID=N SEQ=1 ",
    "IN= OUT=v0 SRC=10.9.0.1 DST=10.9.0.2 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID=N PROTO=ICMP TYPE=0 CODE=0 ID=N SEQ=1 ",
  ]);
});

test("LOG tells what it is asked for: sequence numbers, options, addresses of the link, the user", () => {
  const m = boot();
  m.run(OUTSIDE);
  m.run("iptables -A INPUT -i v0 -p tcp -j LOG --log-tcp-sequence --log-tcp-options --log-macdecode --log-level info");
  m.run("iptables -A OUTPUT -o v0 -p udp -j LOG --log-uid");
  const [syn, udp, ...rest] = logOf(m, "ip netns exec lan nc -z -w 1 10.9.0.1 99; echo hi | nc -u -w 1 10.9.0.2 99; true").map((line) =>
    line.replace(/( ID|SPT|SEQ)=\d+/g, "$1=N").replace(/080A[0-9A-F]{8}/, "080A........"),
  );
  expect(syn).toBe(
    "IN=v0 OUT= MACSRC=02:00:00:00:00:02 MACDST=02:00:00:00:00:01 MACPROTO=0800 SRC=10.9.0.2 DST=10.9.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=N DF PROTO=TCP SPT=N DPT=99 SEQ=N ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B40402080A........0000000001030307) ",
  );
  expect(udp).toBe(
    "IN= OUT=v0 SRC=10.9.0.1 DST=10.9.0.2 LEN=31 TOS=0x00 PREC=0x00 TTL=64 ID=N DF PROTO=UDP SPT=N DPT=99 LEN=11 UID=0 GID=0 ",
  );
  expect(rest).toEqual([]);
});

test("LOG in another network namespace is silent unless net.netfilter.nf_log_all_netns is set", () => {
  const m = boot();
  m.run(`${OUTSIDE}; ip netns exec lan iptables -A INPUT -p icmp -j LOG`);
  expect(logOf(m, "ping -c 1 10.9.0.2 > /dev/null")).toEqual([]);
  m.run("echo 1 > /proc/sys/net/netfilter/nf_log_all_netns");
  expect(logOf(m, "ping -c 1 10.9.0.2 > /dev/null")).toHaveLength(1);
});

test("a full table drops what begins, says so ten times in five seconds, and lets established connections pass", () => {
  const m = boot();
  m.run(`${OUTSIDE}; iptables -A INPUT -m conntrack --ctstate INVALID; echo 2 > /proc/sys/net/netfilter/nf_conntrack_max`);
  const script =
    "ip netns exec lan busybox httpd -p 80 -h /tmp; for i in 1 2; do (sleep 9) | nc 10.9.0.2 80 & sleep 0.1; done; cat /proc/sys/net/netfilter/nf_conntrack_count";
  expect(m.run(script).stdout).toBe("2\n");
  const ping = "ping -q -c 12 -i 0.2 -W 1 10.9.0.2 | grep -o '[0-9]* received'";
  expect(logOf(m, `${ping} > /tmp/received`)).toEqual(Array<string>(10).fill("nf_conntrack: nf_conntrack: table full, dropping packet"));
  expect(m.read("/tmp/received")).toBe("0 received\n");
  m.run("sleep 4");
  expect(logOf(m, "ping -c 1 -W 1 10.9.0.2 > /dev/null; true")).toEqual([
    "net_ratelimit: 2 callbacks suppressed",
    "nf_conntrack: nf_conntrack: table full, dropping packet",
  ]);
});

test("one that was never answered makes room for another", () => {
  const m = boot();
  m.run(`${OUTSIDE}; iptables -A OUTPUT -m conntrack --ctstate NEW; echo 3 > /proc/sys/net/netfilter/nf_conntrack_max`);
  const count = "for i in 1 2 3 4 5 6; do echo x | nc -u -w 1 10.9.0.2 $i; done; cat /proc/sys/net/netfilter/nf_conntrack_count";
  expect(m.run(count).stdout).toBe("3\n");
});

function* original(sys: Sys, fd: number): Proc<string> {
  try {
    const { addr, port } = (yield* sys.getsockopt(fd, SOL_IP, SO_ORIGINAL_DST)) as InetAddress;
    return `${addr.toString(16)}:${port}`;
  } catch (e) {
    if (e instanceof Errno) return e.name;
    throw e;
  }
}

test("SO_ORIGINAL_DST tells both ends where a redirected connection was meant to go", () => {
  const m = boot();
  m.run("ip link set lo up");
  const told: string[] = [];
  const ask = (port: number, addr = 0x7f00_0001): void => {
    const { kernel } = m.machine;
    kernel.spawnHelper("ask", () =>
      (function* () {
        const { sys } = kernel;
        const listener = yield* sys.socket(AF_INET, SOCK_STREAM, 0);
        yield* sys.bind(listener, { family: AF_INET, addr: 0, port: 8000 });
        yield* sys.listen(listener, 5);
        const client = yield* sys.socket(AF_INET, SOCK_STREAM, 0);
        told.push(yield* original(sys, client));
        yield* sys.connect(client, { family: AF_INET, addr, port });
        const { fd } = yield* sys.accept4(listener, 0);
        told.push(yield* original(sys, fd), yield* original(sys, client), yield* original(sys, listener));
        told.push(yield* original(sys, yield* sys.socket(AF_INET, SOCK_DGRAM, 0)));
        return 0;
      })(),
    );
    m.run("sleep 1");
  };
  ask(8000);
  expect(told.splice(0)).toEqual([ENOENT, ENOENT, ENOENT, ENOENT, ENOPROTOOPT].map(({ name }) => name));
  m.run("iptables -t nat -A OUTPUT -p tcp --dport 81 -j REDIRECT --to-ports 8000");
  m.run("sleep 70");
  ask(81, 0x0a00_020f);
  expect(told).toEqual(["ENOENT", "a00020f:81", "a00020f:81", "ENOENT", "ENOPROTOOPT"]);
});

test("what is remembered of a connection depends on its state", () => {
  const m = boot();
  m.run(`${OUTSIDE}; iptables -A OUTPUT -m conntrack --ctstate NEW; ip netns exec lan busybox httpd -p 80 -h /tmp`);
  const left = 'awk \'{ print $3, $4 == "tcp" ? $6 : $5, $6 ~ /=/ ? "" : $6 }\' /proc/net/nf_conntrack';
  m.run("echo x | nc -u -w 1 10.9.0.2 5; conntrack -F 2> /dev/null");
  m.run("(sleep 2) | nc 10.9.0.2 80 & sleep 0.5");
  expect(m.run(`${left}; conntrack -F 2> /dev/null`).stdout).toBe("tcp 431999 ESTABLISHED\n");
  m.run("ping -c 1 10.9.0.2");
  expect(m.run(`${left}; conntrack -F 2> /dev/null`).stdout).toBe("icmp 29 \n");
  m.run("ip netns exec lan iptables -A INPUT -p tcp --dport 81 -j DROP; nc -z -w 1 10.9.0.2 81");
  expect(m.run(left).stdout).toMatch(/^tcp 11[89] SYN_SENT\n$/);
});
