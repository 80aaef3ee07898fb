/** The kernel's books: what must hold between any two system calls. Any test can ask. */

import { TASK_KERNEL_BYTES } from "../kernel/params.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { SchedGroup } from "../kernel/sched/entity.ts";
import type { Cgroup } from "../kernel/cgroup/cgroup.ts";
import { checkMounts } from "./mount-invariants.ts";
import { checkNamespaces, checkPids } from "./namespace-invariants.ts";
import { BridgeDevice, bridgePortOf } from "../kernel/net/devices/bridge.ts";
import { VethDevice } from "../kernel/net/devices/veth.ts";
import { fibOf } from "../kernel/net/ipv4/fib.ts";
import type { TcpSock } from "../kernel/net/ipv4/tcp/sock.ts";
import { tcpTable } from "../kernel/net/ipv4/tcp/table.ts";
import { TcpTimeWait } from "../kernel/net/ipv4/tcp/timewait.ts";
import { udpTable } from "../kernel/net/ipv4/udp.ts";
import { findNetCore } from "../kernel/net/net.ts";
import type { NetNamespace } from "../kernel/net/net-namespace.ts";
import type { File } from "../kernel/vfs/file.ts";

function require(condition: boolean, message: string): void {
  if (!condition) throw new Error(`invariant: ${message}`);
}

/** Throws an Error that names the first rule that does not hold. */
export function checkInvariants(kernel: Kernel): void {
  require(kernel.panic === undefined, kernel.panic ?? "");
  require(kernel.crashes.length === 0, `a program crashed: ${kernel.crashes[0]}`);
  checkParents(kernel);
  checkRunQueue(kernel);
  checkFiles(kernel);
  checkMemory(kernel);
  checkCgroups(kernel);
  checkPids(kernel);
  checkNamespaces(kernel);
  checkMounts(kernel);
  checkNetwork(kernel);
}

function checkParents(kernel: Kernel): void {
  for (const task of kernel.tasks) {
    const { tg } = task;
    const name = `${task.pid.nr} (${task.comm})`;
    require(task.pid.task === task, `${name}: its PID leads elsewhere`);
    require(tg.threads.has(task) || task.state === "dead", `${name}: alive but not among its threads`);
    require(tg.pgrp.groupMembers.has(tg), `${name}: not a member of its process group`);
    require(tg.session.sessionMembers.has(tg), `${name}: not a member of its session`);
    if (tg === kernel.init || (tg.parent === undefined && task.pidNs.dead)) continue;
    require(tg.parent !== undefined, `${name}: has no parent`);
    require(tg.parent?.children.has(tg) === true, `${name}: unknown to its parent`);
    require(tg.parent?.zombie === false, `${name}: child of a zombie`);
  }
}

function checkRunQueue(kernel: Kernel): void {
  const { sched } = kernel;
  let runnable = 0;
  const running = new Set(sched.cpus.map((c) => c.current));
  for (const task of kernel.tasks) {
    const queued = task.heapIndex >= 0;
    if (task.state === "running") runnable++;
    require(!(queued && running.has(task)), `${task.pid.nr}: queued while on a CPU`);
    require(queued || running.has(task) || task.state !== "running", `${task.pid.nr}: runnable but on no queue`);
    require(!queued || task.state === "running", `${task.pid.nr}: queued but ${task.state}`);
    require(task.state !== "sleeping" || !(task.signalPending && task.killPending), `${task.pid.nr}: killed but asleep`);
  }
  require(sched.root.runnable === runnable, `run queue counts ${sched.root.runnable} runnable tasks, there are ${runnable}`);
  const walk = (group: SchedGroup): void => {
    for (const e of group.queue.values()) {
      require(e.group === group, "an entity is queued in a foreign group");
      if (e instanceof SchedGroup) walk(e);
    }
  };
  walk(sched.root);
}

/** Every descriptor counts as one reference; messages in flight and mappings may hold more. */
function checkFiles(kernel: Kernel): void {
  const tables = new Set([...kernel.tasks].filter((t) => t.state !== "dead").map((t) => t.files));
  const counts = new Map<File, number>();
  for (const table of tables) for (const [, file] of table.entries()) counts.set(file, (counts.get(file) ?? 0) + 1);
  for (const [file, n] of counts) require(file.refCount >= n, `${file.describe()}: ${n} descriptors but ${file.refCount} references`);
}

function checkMemory(kernel: Kernel): void {
  const { memory } = kernel;
  const spaces = new Set([...kernel.tasks].filter((t) => t.state !== "dead").map((t) => t.mm));
  let resident = 0;
  for (const mm of spaces) {
    const sum = mm.vmas.reduce((n, v) => n + v.residentBytes, 0);
    require(sum === mm.residentBytes, `an address space counts ${mm.residentBytes} resident bytes, its mappings ${sum}`);
    resident += mm.residentBytes;
  }
  require(memory.usedBytes.anon === resident, `${memory.usedBytes.anon} bytes are charged as anonymous, ${resident} are resident`);
  require(memory.usedBytes.kernel === kernel.tasks.size * TASK_KERNEL_BYTES, "kernel memory is not that of the tasks");
  for (const [kind, bytes] of Object.entries(memory.usedBytes)) require(bytes >= 0, `${kind} is negative: ${bytes}`);
}

/** Counts and charges of the cgroup tree: those of the root are all there are, and a parent has at least what its children have. */
function checkCgroups(kernel: Kernel): void {
  const { root } = kernel.cgroups;
  const alive = [...kernel.tasks].filter((t) => t.state !== "dead");
  require(root.pids.current === kernel.tasks.size, `the root cgroup counts ${root.pids.current} pids, there are ${kernel.tasks.size}`);
  require(root.populated === alive.length, `the root cgroup counts ${root.populated} living tasks, there are ${alive.length}`);
  for (const [kind, bytes] of Object.entries(kernel.memory.usedBytes)) {
    const charged = root.memory.bytes[kind as keyof typeof root.memory.bytes];
    require(charged === bytes, `the root cgroup has ${charged} bytes of ${kind}, the machine ${bytes}`);
  }
  const running = kernel.sched.cpus.filter((c) => c.current !== undefined).length;
  require(root.pressure.running === running, `the root cgroup counts ${root.pressure.running} running tasks, there are ${running}`);
  for (const cgroup of root.subtree()) {
    const own = [...cgroup.tasks].length;
    const below = [...cgroup.children.values()].reduce((n, c) => n + c.populated, 0);
    require(cgroup.populated === own + below, `${cgroup.path}: populated ${cgroup.populated}, ${own} own and ${below} below`);
    checkSums(cgroup, kernel);
    for (const task of cgroup.tasks) require(task.group === cgroup.schedGroup, `${cgroup.path}: a task of it is scheduled elsewhere`);
  }
}

/** What children use their parent has used as well; where its own tasks add nothing, no more than that. */
function checkSums(cgroup: Cgroup, kernel: Kernel): void {
  const children = [...cgroup.children.values()];
  const sum = (of: (c: Cgroup) => number): number => children.reduce((n, c) => n + of(c), 0);
  const { memory, pids, cpu, pressure, path } = cgroup;
  require(memory.current === Object.values(memory.bytes).reduce((n, bytes) => n + bytes, 0), `${path}: kinds of memory do not add up`);
  require(memory.peak >= memory.current, `${path}: more memory than its peak`);
  for (const [kind, bytes] of Object.entries(memory.bytes)) {
    require(bytes >= 0, `${path}: ${bytes} bytes of ${kind}`);
    if (children.some((c) => c.has("memory"))) {
      const below = sum((c) => (c.has("memory") ? c.memory.bytes[kind as keyof typeof memory.bytes] : 0));
      require(bytes >= below, `${path}: ${bytes} bytes of ${kind}, its children ${below}`);
    }
  }
  const held = [...kernel.tasks].filter((t) => t.cgroup === cgroup).length;
  require(pids.current === held + sum((c) => c.pids.current), `${path}: ${pids.current} pids, ${held} of its own`);
  require(cpu.userNs >= sum((c) => c.cpu.userNs) - 1 &&
    cpu.systemNs >= sum((c) => c.cpu.systemNs) - 1, `${path}: less CPU time than its children`);
  const runnable = [...cgroup.tasks].filter((t) => t.state === "running").length;
  require(pressure.running + pressure.waiting ===
    runnable +
      sum(
        (c) => c.pressure.running + c.pressure.waiting,
      ), `${path}: ${pressure.running} run and ${pressure.waiting} wait, ${runnable} of its own are runnable`);
  require(cgroup.descendants === sum((c) => 1 + c.descendants), `${path}: counts ${cgroup.descendants} descendants`);
}

/** Devices are where they say they are, pairs are pairs, and nothing leads to what is gone. */
function checkNetwork(kernel: Kernel): void {
  const namespaces = findNetCore(kernel)?.namespaces ?? new Set<NetNamespace>();
  for (const ns of namespaces) {
    require(ns.devices.size === ns.deviceNames.size, `net:[${ns.ino}]: ${ns.devices.size} devices, ${ns.deviceNames.size} names`);
    require(ns.findDevice(ns.loopback.name) === ns.loopback, `net:[${ns.ino}]: its loopback device is gone`);
    for (const [index, dev] of ns.devices) {
      const name = `net:[${ns.ino}] ${dev.name}`;
      require(dev.ns === ns && dev.ifindex === index && ns.findDevice(dev.name) === dev && !dev.gone, `${name}: registered wrongly`);
      if (dev instanceof VethDevice) {
        require(dev.peer?.peer === dev, `${name}: its peer has another peer`);
        require(dev.peer !== undefined && namespaces.has(dev.peer.ns), `${name}: its peer is in a namespace that has ended`);
        require(dev.carrier === (dev.up && dev.peer?.up === true), `${name}: carrier ${dev.carrier} with ends that say otherwise`);
      }
      const port = bridgePortOf(dev);
      require(dev.master === port?.bridge, `${name}: is a port and has another master`);
      if (dev instanceof BridgeDevice) {
        for (const { port: of } of dev.fdb.values())
          require(of === undefined || dev.ports.has(of), `${name}: knows an address behind a port that is gone`);
      }
      for (const neigh of dev.ip?.neighbours.values() ?? []) require(neigh.dev === dev, `${name}: has a neighbour of another device`);
    }
    for (const table of fibOf(ns).tables.values()) {
      for (const { dev, prefix } of table.all()) {
        require(dev === undefined ||
          ns.devices.get(dev.ifindex) === dev, `net:[${ns.ino}]: the route to ${prefix} leads to a device that is gone`);
      }
    }
    checkSockets(ns);
  }
}

/** Who has a port is where the port is looked up, connections are found by their ends, and what is closed is in no table. */
function checkSockets(ns: NetNamespace): void {
  const tcp = tcpTable(ns);
  const where = `net:[${ns.ino}] TCP`;
  for (const sock of tcp.socks) {
    const { tcb, localPort } = sock;
    if (localPort !== 0) require(tcp.ports.at(localPort).has(sock), `${where}: port ${localPort} is not where it is looked up`);
    const listening = tcp.listeners.get(localPort)?.includes(sock) === true;
    require(listening === (tcb.state === "LISTEN"), `${where}: a socket in state ${tcb.state} is found as a listener: ${listening}`);
    const found = tcp.find(sock.rcvSaddr, localPort, sock.daddr, sock.remotePort, 0) === sock;
    const connected = tcb.state !== "LISTEN" && tcb.state !== "CLOSE";
    require(found === connected, `${where}: a socket in state ${tcb.state} is found by its ends: ${found}`);
    const queued = tcb.sent.reduce((sum, s) => sum + s.payload.length, 0) + tcb.unsent.length;
    require(!connected || Math.abs(tcb.queuedBytes - queued) <= 1, `${where}: ${tcb.queuedBytes} bytes to send, ${queued} in the queues`);
  }
  for (const owner of tcp.ports.all()) {
    const known = owner instanceof TcpTimeWait ? tcp.timeWaits.has(owner) : tcp.socks.has(owner as TcpSock);
    require(known, `${where}: a port belongs to someone who is gone`);
  }
  const udp = udpTable(ns);
  for (const sock of udp.socks) require(udp.ports.at(sock.localPort).has(sock), `net:[${ns.ino}] UDP: port ${sock.localPort} is lost`);
}
