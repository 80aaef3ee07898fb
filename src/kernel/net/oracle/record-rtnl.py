#!/usr/bin/env python3
"""Records what a real Linux makes of random changes of links, addresses and routes: `unshare -n python3 record-rtnl.py > rtnl.golden.json`.

Each session begins with two veth pairs and a bridge, all down. A step is a list of words (see `command`); what is kept is the error that ip(8) prints and,
where the step has changed anything, every IPv4 address, route and link after it. IPv6 is switched off. Operational states and `linkdown` are left out:
Linux notices them later."""

import json
import random
import subprocess
import sys

DEVICES = ["lo", "v0", "v1", "v2", "v3", "br0"]
ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.0.129", "10.0.1.1", "192.168.0.1", "10.0.0.255"]
LENGTHS = [24, 24, 24, 16, 25, 31, 32]
PREFIXES = ["0.0.0.0/0", "10.0.0.0/24", "10.5.0.0/16", "10.5.1.0/24", "10.0.0.2/32", "192.168.0.0/24", "10.0.0.1/25"]
GATEWAYS = ["10.0.0.254", "10.0.1.254", "10.0.0.1", "192.168.0.9", "10.5.0.1"]


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    return done.stdout, done.stderr.strip()


def state():
    addresses = []
    for link in json.loads(ip("-j", "-4", "addr")[0] or "[]"):
        for a in link.get("addr_info", []):
            if "local" in a:
                addresses.append([link["ifname"], f"{a['local']}/{a['prefixlen']}", a.get("broadcast", ""), a["scope"], "secondary" if a.get("secondary") else ""])
    routes = []
    for r in json.loads(ip("-j", "-4", "route", "show", "table", "all")[0] or "[]"):
        routes.append([r.get("table", "main"), r.get("type", "unicast"), r["dst"], r.get("gateway", ""), r.get("dev", ""), r.get("prefsrc", ""),
                       r.get("metric", 0), r.get("scope", "global"), r.get("protocol", "boot"), "onlink" if "onlink" in r.get("flags", []) else ""])
    links = []
    for link in json.loads(ip("-j", "link")[0]):
        links.append([link["ifname"], "UP" in link["flags"], link["mtu"], link.get("master", "")])
    return {"addresses": addresses, "routes": routes, "links": links}


def step(rng):
    kind = rng.choice(["up", "up", "up", "down", "addr", "addr", "addr", "deladdr", "route", "route", "route", "delroute", "master", "nomaster", "mtu"])
    dev = rng.choice(DEVICES)
    if kind in ("up", "down", "nomaster"):
        return [kind, dev]
    if kind == "mtu":
        return [kind, dev, str(rng.choice([60, 68, 1000, 1500, 9000]))]
    if kind == "master":
        return [kind, dev]
    if kind in ("addr", "deladdr"):
        return [kind, dev, f"{rng.choice(ADDRESSES)}/{rng.choice(LENGTHS)}", rng.choice(["brd", ""])]
    verb = "del" if kind == "delroute" else rng.choice(["add", "add", "append", "replace", "prepend", "change"])
    type_ = rng.choice(["unicast"] * 6 + ["blackhole", "unreachable"])
    via = rng.choice([""] + GATEWAYS) if type_ == "unicast" else ""
    out = rng.choice(["", dev]) if via or kind == "delroute" else dev
    return ["route", verb, type_, rng.choice(PREFIXES), via, out if type_ == "unicast" else "", str(rng.choice([0, 0, 0, 5])), rng.choice(["", "", "", "10.0.0.1", "10.0.0.2"])]


def command(words):
    kind = words[0]
    if kind in ("up", "down"):
        return ["link", "set", words[1], kind]
    if kind == "master":
        return ["link", "set", words[1], "master", "br0"]
    if kind == "nomaster":
        return ["link", "set", words[1], "nomaster"]
    if kind == "mtu":
        return ["link", "set", words[1], "mtu", words[2]]
    if kind in ("addr", "deladdr"):
        return ["addr", "add" if kind == "addr" else "del", words[2], *(["brd", "+"] if words[3] and kind == "addr" else []), "dev", words[1]]
    _, verb, type_, prefix, via, dev, metric, src = words
    out = ["route", verb, *([type_] if type_ != "unicast" else []), prefix]
    out += ["via", via] if via else []
    out += ["dev", dev] if dev else []
    out += ["metric", metric] if metric != "0" else []
    return out + (["src", src] if src else [])


def main():
    open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w").write("1")
    open("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w").write("1")
    sessions = []
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 25):
        rng = random.Random(seed)
        for name in ("v0", "v2", "br0"):
            ip("link", "del", name)
        ip("link", "set", "lo", "down")
        ip("addr", "flush", "dev", "lo")
        ip("link", "set", "lo", "mtu", "65536")
        ip("route", "flush", "table", "all")
        ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
        ip("link", "add", "v2", "type", "veth", "peer", "name", "v3")
        ip("link", "add", "br0", "type", "bridge")
        steps = []
        before = None
        for _ in range(40):
            words = step(rng)
            error = ip(*command(words))[1]
            now = state()
            steps.append({"step": words, "error": error, **({"state": now} if now != before else {})})
            before = now
        sessions.append(steps)
    print(json.dumps(sessions, separators=(",", ":")))


main()
