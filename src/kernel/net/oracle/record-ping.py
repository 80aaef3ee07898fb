#!/usr/bin/env python3
"""Records who answers whom between real network namespaces: `unshare -mn --propagation private python3 record-ping.py > ping.golden.json`.

Each session is a few namespaces, joined by veth pairs with a subnet each, with random routes, forwarding and settings; then pings from one to an address of another, or
to nobody. What is kept of a ping is who answered, with which words, and with how much time to live. IPv6 and rate limits are off."""

import json
import random
import re
import subprocess
import sys

SETTINGS = [("rp_filter", 1), ("rp_filter", 2), ("proxy_arp", 1), ("accept_local", 1), ("arp_ignore", 1), ("arp_ignore", 2)]


def sh(*words):
    return subprocess.run(words, capture_output=True, text=True)


def plan(rng):
    count = rng.randint(3, 5)
    links = []
    for i in range(1, count):
        links.append([rng.randrange(i), i])
    if rng.random() < 0.3:
        links.append(sorted(rng.sample(range(count), 2)))
    routes, settings = [], []
    for ns in range(count):
        ends = [(n, side) for n, link in enumerate(links) for side in (0, 1) if link[side] == ns]
        for _ in range(rng.randint(1, 3)):
            n, side = rng.choice(ends)
            prefix = rng.choice(["0.0.0.0/0", "0.0.0.0/0", f"10.0.{rng.randrange(len(links))}.0/24"])
            type_ = rng.choice(["unicast"] * 20 + ["unreachable", "prohibit", "blackhole"])
            routes.append([ns, type_, prefix, f"10.0.{n}.{2 - side}" if type_ == "unicast" else ""])
        if rng.random() < 0.85:
            settings.append([ns, "forwarding", 1])
        if rng.random() < 0.3:
            settings.append([ns, *rng.choice(SETTINGS)])
    mtus = [[n, rng.choice([700, 1000])] for n in range(len(links)) if rng.random() < 0.2]
    pings = []
    for _ in range(10):
        n = rng.randrange(len(links))
        to = rng.choice([f"10.0.{n}.1", f"10.0.{n}.2", f"10.0.{n}.1", f"10.0.{n}.2", f"10.0.{n}.9", "172.16.0.1"])
        pings.append([rng.randrange(count), to, rng.choice([64, 64, 64, 1, 2, 3]), rng.choice([56, 56, 1200, 3000])])
    return {"count": count, "links": links, "routes": routes, "settings": settings, "mtus": mtus, "pings": pings}


def build(world, mark):
    def inside(ns, *words):
        return sh("ip", "netns", "exec", f"{mark}{ns}", *words)

    def write(ns, path, value):
        return inside(ns, "sh", "-c", f"echo {value} > /proc/sys/net/{path}")

    for ns in range(world["count"]):
        sh("ip", "netns", "add", f"{mark}{ns}")
        for path in ("ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6"):
            write(ns, path, 1)
        write(ns, "ipv4/icmp_ratelimit", 0)
        for path in ("rp_filter", "forwarding"):
            for name in ("all", "default"):
                write(ns, f"ipv4/conf/{name}/{path}", 0)
        inside(ns, "ip", "link", "set", "lo", "up")
    for n, (a, b) in enumerate(world["links"]):
        sh("ip", "link", "add", f"l{n}a", "netns", f"{mark}{a}", "type", "veth", "peer", "name", f"l{n}b", "netns", f"{mark}{b}")
        for ns, name, host in ((a, f"l{n}a", 1), (b, f"l{n}b", 2)):
            inside(ns, "ip", "addr", "add", f"10.0.{n}.{host}/24", "brd", "+", "dev", name)
            inside(ns, "ip", "link", "set", name, "up")
    for n, mtu in world["mtus"]:
        a, b = world["links"][n]
        inside(a, "ip", "link", "set", f"l{n}a", "mtu", str(mtu))
        inside(b, "ip", "link", "set", f"l{n}b", "mtu", str(mtu))
    for ns, name, value in world["settings"]:
        write(ns, f"ipv4/conf/all/{name}", value)
    for ns, type_, prefix, via in world["routes"]:
        inside(ns, "ip", "route", "add", type_, prefix, *(["via", via] if via else []))
    return inside


def classify(done):
    for line in (done.stdout + done.stderr).splitlines():
        match = re.match(r"\d+ bytes from ([0-9.]+): icmp_seq=1 ttl=(\d+)", line)
        if match:
            return ["reply", match[1], int(match[2])]
        match = re.match(r"From ([0-9.]+) icmp_seq=1 (.*)", line)
        if match:
            return ["error", match[1], match[2]]
        match = re.match(r"ping: (?:connect|sendmsg): (.*)", line)
        if match:
            return ["local", match[1]]
    return ["none"]


def main():
    sh("mount", "-t", "tmpfs", "none", "/run")
    sh("mkdir", "-p", "/run/netns")
    worlds = [plan(random.Random(seed)) for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 20)]
    running = []
    for number, world in enumerate(worlds):
        inside = build(world, f"w{number}n")
        world["answers"] = []
        running.append((world, inside))
    for turn in range(10):
        started = []
        for number, (world, _) in enumerate(running):
            ns, to, ttl, size = world["pings"][turn]
            command = ["ip", "netns", "exec", f"w{number}n{ns}", "ping", "-n", "-c1", "-W1", "-t", str(ttl), "-s", str(size), "-M", "dont", to]
            started.append((world, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)))
        for world, process in started:
            process.stdout, process.stderr = (process.communicate())
            world["answers"].append(classify(process))
    print(json.dumps(worlds, separators=(",", ":")))


main()
