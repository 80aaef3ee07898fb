import { beforeAll, expect, test } from "vitest";
import type { EndpointSettings, NetworkSettings } from "../api/container.ts";
import { bootDocker, type DockerMachine } from "../../machine/docker-testing.ts";

let m: DockerMachine;

beforeAll(() => {
  m = bootDocker();
});

function run(name: string, body: object = {}): { status: number; text: string } {
  const created = m.api("POST", `/containers/create?name=${name}`, { Image: "alpine", Cmd: ["sleep", "10000"], ...body });
  return created.status === 201 ? m.api("POST", `/containers/${name}/start`) : created;
}
const inspect = (name: string): { NetworkSettings: NetworkSettings; State: { Pid: number } } =>
  m.api("GET", `/containers/${name}/json`).body as { NetworkSettings: NetworkSettings; State: { Pid: number } };
const endpoint = (name: string, network: string): EndpointSettings => inspect(name).NetworkSettings.Networks[network] as EndpointSettings;
const inside = (name: string, text: string): string => {
  const { stdout, stderr } = m.run(`nsenter -t ${inspect(name).State.Pid} -a ${text}`);
  return stdout + stderr;
};
const rules = (table: string): string[] => m.run(`iptables-save -t ${table} | grep -e ^- -e FORWARD`).stdout.trim().split("\n");
const removeAll = (...names: string[]): void => {
  for (const name of names) expect(m.api("DELETE", `/containers/${name}?force=1`).status).toBe(204);
};
const published = (hostPort: string, ip = ""): object => ({
  ExposedPorts: { "80/tcp": {} },
  HostConfig: { PortBindings: { "80/tcp": [{ HostIp: ip, HostPort: hostPort }] } },
});
const everywhere = (HostPort: string): object[] => ["0.0.0.0", "::"].map((HostIp) => ({ HostIp, HostPort }));
const serve = (name: string): string => inside(name, "sh -c 'mkdir -p /www; echo from $(hostname) > /www/index.html; httpd -h /www -p 80'");

/** As an engine 20.10.24 lays them out. */
const FILTER = [
  ":FORWARD DROP [0:0]",
  "-A FORWARD -j DOCKER-USER",
  "-A FORWARD -j DOCKER-ISOLATION-STAGE-1",
  "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  "-A FORWARD -o docker0 -j DOCKER",
  "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
  "-A FORWARD -i docker0 -o docker0 -j ACCEPT",
  "-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2",
  "-A DOCKER-ISOLATION-STAGE-1 -j RETURN",
  "-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP",
  "-A DOCKER-ISOLATION-STAGE-2 -j RETURN",
  "-A DOCKER-USER -j RETURN",
];
const NAT = [
  "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
  "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER",
  "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
  "-A DOCKER -i docker0 -j RETURN",
];

test("the daemon's start makes docker0 and its rules, and a second start the same", () => {
  expect(rules("filter").map((rule) => rule.replace(/\[.*\]/, "[0:0]"))).toEqual(FILTER);
  expect(rules("nat")).toEqual(NAT);
  expect(m.run("ip -br -4 a show docker0; cat /proc/sys/net/ipv4/ip_forward").stdout).toBe(
    "docker0          DOWN           172.17.0.1/16 \n1\n",
  );
  m.api("POST", "/networks/create", { Name: "one", Labels: { a: "b" } });
  const before = [rules("filter"), rules("nat")].map((all) => [...all].sort());
  expect(m.run("systemctl restart docker").status).toBe(0);
  expect([rules("filter"), rules("nat")].map((all) => [...all].sort())).toEqual(before);
  expect(m.api("GET", "/networks/one").body).toMatchObject({
    Labels: { a: "b" },
    IPAM: { Config: [{ Subnet: "172.18.0.0/16", Gateway: "172.18.0.1" }] },
  });
  expect(m.api("DELETE", "/networks/one").status).toBe(204);
  expect([...rules("filter")].sort()).toEqual([...FILTER].sort());
});

test("a published port is reached by DNAT, through the proxy, and from the container itself; nothing is left of it", () => {
  expect(run("web", published("8080")).status).toBe(204);
  serve("web");
  const { IPAddress, MacAddress, Ports } = inspect("web").NetworkSettings;
  expect([IPAddress, MacAddress, Ports]).toEqual(["172.17.0.2", "02:42:ac:11:00:02", { "80/tcp": everywhere("8080") }]);
  expect(rules("nat")).toContain("-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80");
  expect(rules("nat")).toContain("-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE");
  expect(rules("filter")).toContain("-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT");
  expect(m.run("pgrep -a docker-proxy").stdout).toMatch(
    / \/usr\/bin\/docker-proxy -proto tcp -host-ip 0\.0\.0\.0 -host-port 8080 -container-ip 172\.17\.0\.2 -container-port 80\n\d+ \S+ -proto tcp -host-ip :: -host-port 8080 -container-ip 172\.17\.0\.2 -container-port 80\n$/,
  );
  const hello = m.run("curl -s http://172.17.0.2/").stdout;
  expect(hello).toMatch(/^from [0-9a-f]{12}\n$/);
  for (const address of ["127.0.0.1:8080", "10.0.2.15:8080"]) expect(m.run(`curl -s -m 5 http://${address}/`).stdout).toBe(hello);
  expect(inside("web", "wget -q -O - http://172.17.0.1:8080/")).toBe(hello);
  expect(m.run("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ::1 8080 | tail -n 1").stdout).toBe(hello);
  const taken = run("other", published("8080"));
  expect(taken).toMatchObject({ status: 500 });
  expect(taken.text).toMatch(
    /driver failed programming external connectivity on endpoint other \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated/,
  );
  m.run("nc -l -p 9099 & echo");
  expect(run("third", published("9099")).text).toContain(
    "Error starting userland proxy: listen tcp4 0.0.0.0:9099: bind: address already in use",
  );
  m.run("kill %1");
  removeAll("web", "other", "third");
  expect(rules("filter").slice(1)).toEqual(FILTER.slice(1));
  expect(rules("nat")).toEqual(NAT);
  expect(m.run("pgrep docker-proxy; ls /var/run/docker/netns; ip -br link | grep veth").stdout).toBe("");
  m.check();
});

test("ports that are not named are those of ip_local_port_range, one after the other; ranges give their first free one", () => {
  run("all", { ExposedPorts: { "80/tcp": {}, "99/udp": {} }, HostConfig: { PublishAllPorts: true } });
  run("first", published("18100-18103"));
  run("second", published("18100-18103"));
  const ports = (name: string): unknown => inspect(name).NetworkSettings.Ports;
  expect(ports("all")).toEqual({
    "80/tcp": everywhere("32768"),
    "99/udp": everywhere("32768"),
  });
  expect([ports("first"), ports("second")]).toEqual(["18100", "18101"].map((port) => ({ "80/tcp": everywhere(port) })));
  removeAll("all", "first", "second");
});

test("in networks of one's own names are answered by 127.0.0.11; other bridges are out of reach", () => {
  m.api("POST", "/networks/create", { Name: "own", IPAM: { Config: [{ Subnet: "172.18.0.0/16" }] } });
  run("lone");
  run("web", { HostConfig: { NetworkMode: "own" }, NetworkingConfig: { EndpointsConfig: { own: { Aliases: ["al"] } } } });
  run("cli", {
    HostConfig: { NetworkMode: "own", ExtraHosts: ["foo:1.2.3.4", "gw:host-gateway"], DnsSearch: ["example.com"] },
    NetworkingConfig: { EndpointsConfig: { own: { Aliases: ["al"], Links: ["web:lnk"], IPAMConfig: { IPv4Address: "172.18.0.77" } } } },
  });
  const id = (m.api("GET", "/containers/cli/json").body as { Id: string }).Id.slice(0, 12);
  expect(inside("cli", "cat /etc/hosts")).toContain(`\n1.2.3.4\tfoo\n172.17.0.1\tgw\n172.18.0.77\t${id}\n`);
  expect(inside("cli", "cat /etc/resolv.conf")).toBe("search example.com\nnameserver 127.0.0.11\noptions ndots:0\n");
  expect(endpoint("cli", "own")).toMatchObject({ Aliases: ["al", id], IPAddress: "172.18.0.77", MacAddress: "02:42:ac:12:00:4d" });
  const dig = (words: string): string[] =>
    m
      .run(`nsenter -t ${inspect("cli").State.Pid} -n dig @127.0.0.11 +short ${words} | sort`)
      .stdout.trim()
      .split("\n");
  expect([dig("web"), dig("lnk"), dig("WEB.own"), dig("+tcp web"), dig("-x 172.18.0.2")]).toEqual([
    ...Array.from({ length: 4 }, () => ["172.18.0.2"]),
    ["web.own."],
  ]);
  expect([dig("al"), dig("web AAAA"), dig("example.com")]).toEqual([["172.18.0.2", "172.18.0.77"], [""], ["203.0.113.10"]]);
  expect(inside("cli", "ping -c 1 -W 1 web")).toContain("1 packets received");
  expect(inside("cli", "ping -c 1 -W 1 172.17.0.2")).toContain("0 packets received");
  expect(m.api("DELETE", "/networks/own").text).toMatch(/error while removing network: network own id [0-9a-f]{64} has active endpoints/);
  removeAll("lone", "web", "cli");
  expect(m.api("DELETE", "/networks/own").status).toBe(204);
  expect(m.run("ip -br link | grep -e veth -e br-").stdout).toBe("");
  m.check();
});

test("a running container is connected and disconnected: eth1, the default route by the network's name, addresses free again", () => {
  m.api("POST", "/networks/create", { Name: "own" });
  run("box", { HostConfig: { NetworkMode: "own" } });
  expect(m.api("POST", "/networks/bridge/connect", { Container: "box", EndpointConfig: { IPAMConfig: {} } }).status).toBe(200);
  expect(inside("box", "ip route").split("\n")[0]).toBe("default via 172.17.0.1 dev eth1 ");
  expect(endpoint("box", "bridge").IPAddress).toBe("172.17.0.2");
  expect(m.api("POST", "/networks/bridge/connect", { Container: "box" }).text).toContain(
    "endpoint with name box already exists in network bridge",
  );
  expect(m.api("POST", "/networks/bridge/disconnect", { Container: "box" }).status).toBe(200);
  expect(inside("box", "ip -o -4 addr | tail -n 1")).toMatch(/^\d+: eth0 +inet 172\.18\.0\.2\/16 /);
  expect(inside("box", "ip route").split("\n")[0]).toBe("default via 172.18.0.1 dev eth0 ");
  expect(m.api("POST", "/networks/host/connect", { Container: "box" }).text).toContain(
    "container cannot be disconnected from host network or connected to host network",
  );
  expect(m.api("POST", "/networks/none/connect", { Container: "box" }).text).toContain(
    "container cannot be connected to multiple networks with one of the networks in private (none) mode",
  );
  removeAll("box");
  expect(m.api("DELETE", "/networks/own").status).toBe(204);
});

test("modes: another's network, the host's, none; links on the default bridge", () => {
  run("web", { ExposedPorts: { "80/tcp": {} } });
  run("sharer", { HostConfig: { NetworkMode: "container:web" } });
  run("onhost", { HostConfig: { NetworkMode: "host" } });
  run("alone", { HostConfig: { NetworkMode: "none" } });
  run("linked", { HostConfig: { Links: ["web:db"] } });
  const net = (name: string): string => m.run(`readlink /proc/${inspect(name).State.Pid}/ns/net`).stdout;
  expect([net("sharer") === net("web"), net("onhost") === m.run("readlink /proc/self/ns/net").stdout]).toEqual([true, true]);
  expect(inside("sharer", "cat /etc/hosts")).toBe(inside("web", "cat /etc/hosts"));
  expect(inside("onhost", "cat /etc/hosts")).toBe(m.read("/etc/hosts"));
  expect(inside("alone", "ip -o addr")).toBe("1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n");
  const id = (m.api("GET", "/containers/web/json").body as { Id: string }).Id.slice(0, 12);
  expect(inside("linked", "cat /etc/hosts")).toContain(`172.17.0.2\tdb ${id} web\n`);
  expect(m.run(`tr '\\0' '\\n' < /proc/${inspect("linked").State.Pid}/environ | grep DB_`).stdout).toBe(
    "DB_PORT=tcp://172.17.0.2:80\nDB_PORT_80_TCP=tcp://172.17.0.2:80\nDB_PORT_80_TCP_ADDR=172.17.0.2\nDB_PORT_80_TCP_PORT=80\nDB_PORT_80_TCP_PROTO=tcp\nDB_NAME=/linked/db\n",
  );
  expect(run("lost", { HostConfig: { NetworkMode: "nonet" } })).toMatchObject({
    status: 404,
    text: '{"message":"network nonet not found"}\n',
  });
  removeAll("web", "sharer", "onhost", "alone", "linked", "lost");
});

test("requests that cannot be are refused in the engine's words", () => {
  const create = (body: object): string => {
    const { status, text } = m.api("POST", "/networks/create", body);
    return `${status} ${(JSON.parse(text) as { message?: string }).message ?? "made"}`;
  };
  const ipam = (config: object): object => ({ Name: "x", IPAM: { Config: [config] } });
  expect(create({ Name: "own" })).toBe("201 made");
  expect([
    create({ Name: "own", CheckDuplicate: true }),
    create({ Name: "bridge" }),
    create({ Name: "" }),
    create({ Name: "x", Driver: "foo" }),
    create({ Name: "x", Driver: "host" }),
    create(ipam({ Subnet: "172.17.3.0/24" })),
    create(ipam({ Subnet: "zzz" })),
    create(ipam({ Gateway: "10.8.0.1" })),
    create(ipam({ Subnet: "10.9.0.0/24", Gateway: "10.8.0.1" })),
    create(ipam({ Subnet: "10.9.0.0/24", AuxiliaryAddresses: { a: "10.8.0.1" } })),
    create({ Name: "x", Options: { "com.docker.network.bridge.enable_icc": "abc" } }),
    create({ Name: "x", Options: { "com.docker.network.bridge.name": "lo" } }),
  ]).toEqual([
    "409 network with name own already exists",
    "403 operation is not permitted on predefined bridge network",
    "500 invalid name: ",
    '404 plugin "foo" not found',
    '403 only one instance of "host" network is allowed',
    "403 Pool overlaps with other one on this address space",
    "500 Invalid subnet zzz : invalid CIDR address: zzz",
    "500 Invalid subnet  : invalid CIDR address: ",
    "500 failed to allocate gateway (10.8.0.1): Requested address is out of range",
    "403 auxiliary address: (a:10.8.0.1) must belong to the master pool: 10.9.0.0/24",
    '500 failed to parse com.docker.network.bridge.enable_icc value: abc (strconv.ParseBool: parsing "abc": invalid syntax)',
    "500 existing interface lo is not a bridge",
  ]);
  expect(m.api("DELETE", "/networks/bridge").text).toBe('{"message":"bridge is a pre-defined network and cannot be removed"}\n');
  expect(m.api("POST", "/networks/prune").text).toBe('{"NetworksDeleted":["own"]}\n');
});

test("containers that run on without a daemon keep their networks, ports and names", () => {
  m.run("mkdir -p /etc/docker");
  m.write("/etc/docker/daemon.json", '{"live-restore": true}');
  m.run("systemctl restart docker");
  m.api("POST", "/networks/create", { Name: "own" });
  run("web", {
    ExposedPorts: { "80/tcp": {} },
    HostConfig: { NetworkMode: "own", PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "" }] } },
  });
  run("cli", { HostConfig: { NetworkMode: "own" } });
  serve("web");
  const before = [inspect("web").NetworkSettings, rules("filter").slice(1).sort(), rules("nat").sort()];
  m.run("kill -9 $(cat /var/run/docker.pid); sleep 1; systemctl restart docker; sleep 1");
  expect([inspect("web").NetworkSettings, rules("filter").slice(1).sort(), rules("nat").sort()]).toEqual(before);
  const port = inspect("web").NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort;
  expect(m.run(`curl -s -m 5 http://127.0.0.1:${port}/`).stdout).toMatch(/^from /);
  expect(m.run(`nsenter -t ${inspect("cli").State.Pid} -n dig @127.0.0.11 +short web`).stdout).toBe("172.18.0.2\n");
  run("third", { HostConfig: { NetworkMode: "own" } });
  expect(endpoint("third", "own").IPAddress).toBe("172.18.0.4");
  removeAll("web", "cli", "third");
  expect(m.api("DELETE", "/networks/own").status).toBe(204);
  expect(m.run("ls /var/run/docker/netns; ip -br link | grep -e veth -e br-; pgrep docker-proxy").stdout).toBe("");
  expect(rules("nat").sort()).toEqual([...NAT].sort());
});
