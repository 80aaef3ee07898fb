/**
 * The messages between the page and the worker that holds the machine. Plain data only (structured clone).
 * Sending costs what changed, not what exists: the worker sends at most one Frame per animation frame, of deltas.
 */

/** What a session starts from; part of the input log. */
export interface SessionConfig {
  readonly seed: number;
  /** CLOCK_REALTIME at boot, seconds since 1970. */
  readonly startSec: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly hostname: string;
  /** Services that are started once there is a prompt, such as `docker`; none unless given. */
  readonly services?: readonly string[];
}

/** One thing that came from outside, at a virtual time. */
export type Input = { readonly atNs: number } & (
  | { readonly type: "open"; readonly terminal: number; readonly rows: number; readonly cols: number }
  | { readonly type: "close"; readonly terminal: number }
  | { readonly type: "type"; readonly terminal: number; readonly text: string }
  | { readonly type: "resize"; readonly terminal: number; readonly rows: number; readonly cols: number }
);

/** A session is its input log: replayed, it gives the session back. */
export interface InputLog {
  readonly version: 1;
  readonly config: SessionConfig;
  readonly inputs: readonly Input[];
}

/** How virtual time follows real time. */
export type Pace =
  | { readonly kind: "paused" }
  /** Virtual seconds a real second. */
  | { readonly kind: "speed"; readonly factor: number }
  | { readonly kind: "asap" };

/** From the page to the worker. */
export type PageMessage =
  /** Boots; with a log, replays it to its last input first (`untilNs`: to that time). */
  | { readonly type: "boot"; readonly config: SessionConfig; readonly log?: InputLog; readonly untilNs?: number }
  | { readonly type: "open"; readonly terminal: number; readonly rows: number; readonly cols: number }
  | { readonly type: "close"; readonly terminal: number }
  | { readonly type: "type"; readonly terminal: number; readonly text: string }
  | { readonly type: "resize"; readonly terminal: number; readonly rows: number; readonly cols: number }
  /** The page has drawn what it was sent: terminal output beyond a window of unacknowledged bytes holds the machine back. */
  | { readonly type: "drawn"; readonly terminal: number; readonly bytes: number }
  | { readonly type: "pace"; readonly pace: Pace }
  /** While paused: one system call. */
  | { readonly type: "step" }
  /** Ask for the input log; answered by a `log` message. */
  | { readonly type: "log" }
  /** Ask for what frames do not carry; answered by an `answer` message with the same id. Changes nothing in the machine. */
  | { readonly type: "query"; readonly id: number; readonly query: Query }
  /** A view looks at what is not sent otherwise: single packets. It is no input: the machine does not notice. */
  | { readonly type: "watch"; readonly packets: boolean };

/** What the page can ask about the machine as it is at the moment of asking. */
export type Query =
  /** The entries of a directory as a process in the mount namespace sees it. */
  | { readonly kind: "directory"; readonly mntNs: number; readonly path: string }
  /** `maxBytes` of a regular file, from `offset` (0) on. */
  | { readonly kind: "file"; readonly mntNs: number; readonly path: string; readonly maxBytes: number; readonly offset?: number }
  /** One directory of an overlay, layer by layer; `path` is from the overlay's root. */
  | { readonly kind: "layers"; readonly overlay: number; readonly path: string }
  /** As `file`, of what one layer of an overlay has at a path. Numbered as in LayerEntry. */
  | { readonly kind: "layer-file"; readonly overlay: number; readonly layer: number; readonly path: string; readonly maxBytes: number }
  /** What a network namespace has besides links and routes. */
  | { readonly kind: "network"; readonly netNs: number }
  /** Whom a network namespace reaches: packets that only ask are walked through routes, rules and wires, and their answers back. */
  | { readonly kind: "reach"; readonly from: number };

export type Answer =
  /** `total` entries, of which the first by name are sent; `mount` is the mount that the directory is on. */
  | { readonly kind: "directory"; readonly entries: readonly FileEntry[]; readonly total: number; readonly mount: number }
  | { readonly kind: "file"; readonly bytes: Uint8Array; readonly sizeBytes: number; readonly entry: FileEntry; readonly mount?: number }
  | { readonly kind: "layers"; readonly entries: readonly LayerEntry[]; readonly total: number }
  | {
      readonly kind: "network";
      /** As `ip neighbour` tells them: `10.0.0.2 dev v0 lladdr … REACHABLE`. */
      readonly neighbours: readonly string[];
      /** Who listens: `tcp 0.0.0.0:80`. */
      readonly listening: readonly string[];
      /** Rules of iptables with their tables: `nat -A POSTROUTING -o eth0 -j MASQUERADE`; policies that drop. */
      readonly rules: readonly string[];
      /** Connections that are tracked. */
      readonly connections: number;
    }
  | { readonly kind: "reach"; readonly ways: readonly ReachWay[] }
  /** As the system call would fail, such as `ENOENT`. */
  | { readonly kind: "error"; readonly errno: string };

export interface FileEntry {
  readonly name: string;
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly ino: number;
  /** Of a symbolic link. */
  readonly target?: string;
  /** Mount id, where another mount begins here. */
  readonly mount?: number;
  /** Only name, type and inode number are known: to look closer would leave a trace in the machine (cgroup2). */
  readonly bare?: boolean;
}

/** A name in one directory of an overlay and what each layer has for it, topmost first. */
export interface LayerEntry {
  readonly name: string;
  /** What the merged view shows; absent where a whiteout hides all that is below. */
  readonly merged?: FileEntry;
  /** `layer` 0 is the upper one, where there is one; then the lowers as mounted. Hidden ones are covered by a layer above. */
  readonly layers: readonly {
    readonly layer: number;
    readonly change: "added" | "changed" | "removed" | "opaque" | "merged";
    readonly hidden: boolean;
    readonly mode: number;
    readonly sizeBytes: number;
  }[];
}

export type TaskState = "R" | "S" | "D" | "T" | "t" | "Z" | "X" | "I";

/** A process (thread group leader) as the process view shows it. */
export interface TaskEntity {
  /** PID in the host's PID namespace; the key. */
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  /** The name as in /proc/PID/comm. */
  readonly comm: string;
  readonly argv: readonly string[];
  readonly state: TaskState;
  readonly uid: number;
  readonly nice: number;
  readonly threads: number;
  /** User and system time used, nanoseconds. */
  readonly cpuNs: number;
  readonly rssBytes: number;
  /** Controlling terminal such as `pts/0`; empty for none. */
  readonly tty: string;
  readonly startNs: number;
  /** For a zombie: the wait status that its parent will see. */
  readonly waitStatus?: number;
  /** Its numbers in nested PID namespaces, outermost first, without the host's. */
  readonly innerPids: readonly number[];
  /** Inode numbers of its namespaces; missing for a zombie, which has none but its PID and user namespace. */
  readonly namespaces: Readonly<Partial<Record<NamespaceKind, number>>>;
  /** Id of its cgroup. */
  readonly cgroup: number;
}

export type NamespaceKind = "cgroup" | "ipc" | "mnt" | "net" | "pid" | "time" | "user" | "uts";

/** A namespace with members, or pinned by a file. */
export interface NamespaceEntity {
  /** Inode number in nsfs; the key. */
  readonly ino: number;
  readonly kind: NamespaceKind;
  /** The namespace that it is nested in: PID and user namespaces. */
  readonly parent?: number;
  /** The user namespace that it belongs to. */
  readonly owner?: number;
  /** What tells it apart: `drydock` (host name of a UTS namespace), `0 1000 1` (first line of a uid map), `+3600 s` (offset of a time namespace). */
  readonly label: string;
}

/** A cgroup with what its files say. Absent controllers are not enabled for it. */
export interface CgroupEntity {
  /** Inode number of its directory; the key. */
  readonly id: number;
  readonly parent?: number;
  readonly name: string;
  readonly path: string;
  readonly type: "domain" | "threaded" | "domain threaded" | "domain invalid";
  readonly controllers: readonly string[];
  readonly subtreeControl: readonly string[];
  /** Living processes in this very one, and tasks here and below. */
  readonly processes: number;
  readonly populated: number;
  readonly frozen: boolean;
  readonly cpu: {
    readonly usageNs: number;
    readonly weight: number;
    /** Infinity for `max`. */
    readonly quotaUsec: number;
    readonly periodUsec: number;
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledNs: number;
    /** Share of time in the last 10 s in which some task waited, in percent. */
    readonly pressure: number;
  };
  readonly memory?: {
    readonly currentBytes: number;
    readonly peakBytes: number;
    /** Infinity for `max`. */
    readonly maxBytes: number;
    readonly highBytes: number;
    readonly lowBytes: number;
    readonly minBytes: number;
    readonly anonBytes: number;
    readonly fileBytes: number;
    readonly kernelBytes: number;
    readonly oomKills: number;
    readonly pressure: number;
  };
  readonly pids?: { readonly current: number; readonly max: number; readonly peak: number };
}

/** A mount of a mount namespace: one line of mountinfo. */
export interface MountEntity {
  /** mnt_id; the key. */
  readonly id: number;
  readonly parent?: number;
  readonly mntNs: number;
  /** Where it is seen from the root of its namespace. */
  readonly target: string;
  /** The part of the filesystem that is mounted. */
  readonly root: string;
  readonly fstype: string;
  readonly source: string;
  readonly options: string;
  /** Peer group that it shares with; peer group that it receives from. */
  readonly shared?: number;
  readonly master?: number;
  readonly unbindable: boolean;
  /** Hidden by another mount on the same place or above it. */
  readonly covered: boolean;
  /** Key of its overlay. */
  readonly overlay?: number;
}

/** A mounted overlay filesystem. */
export interface OverlayEntity {
  /** Device number of the superblock; the key. */
  readonly id: number;
  /** Topmost first, as `lowerdir=` names them. */
  readonly lowerdirs: readonly string[];
  readonly upperdir?: string;
  readonly workdir?: string;
  /** Bytes and files copied up, and whiteouts made, since it was mounted. */
  readonly copiedUpBytes: number;
  readonly copiedUp: number;
  readonly whiteouts: number;
  /** Grows with every change of the upper layer: ask again when it did. */
  readonly version: number;
}

/** A container of Docker's, as dockerd keeps it in its files. */
export interface ContainerEntity {
  /** 64 hexadecimal digits; the key. */
  readonly id: string;
  readonly name: string;
  /** As it was asked for, such as `alpine:3.20`. */
  readonly image: string;
  /** 64 hexadecimal digits. */
  readonly imageId: string;
  readonly command: string;
  readonly state: "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";
  /** Of its first process as the host numbers it; 0 where none runs. */
  readonly pid: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** `starting`, `healthy`, `unhealthy`; empty without a check. */
  readonly health: string;
  /** RFC 3339; year 1 for never. */
  readonly created: string;
  readonly started: string;
  readonly finished: string;
  readonly restartCount: number;
  /** It has a terminal. */
  readonly tty: boolean;
  readonly networkMode: string;
  readonly networks: readonly { readonly name: string; readonly address: string }[];
  /** `container` is like `80/tcp`. */
  readonly ports: readonly { readonly container: string; readonly hostIp: string; readonly hostPort: number }[];
  readonly mounts: readonly {
    readonly type: string;
    readonly name: string;
    readonly source: string;
    readonly destination: string;
    readonly writable: boolean;
  }[];
  /** 0 where there is none. */
  readonly limits: { readonly memoryBytes: number; readonly cpus: number; readonly pids: number };
}

/** An image of Docker's. */
export interface ImageEntity {
  /** 64 hexadecimal digits; the key. */
  readonly id: string;
  readonly tags: readonly string[];
  readonly created: string;
  /** Of its layers, lowest first: `sha256:…`. */
  readonly diffIds: readonly string[];
  /** Oldest first; those that are not empty made one layer each. */
  readonly history: readonly { readonly createdBy: string; readonly comment: string; readonly empty: boolean }[];
}

/** A network namespace that has devices to show: the initial one, and all with more than a loopback device that is down. */
export interface NetworkEntity {
  /** Inode number of the namespace; the key. */
  readonly ino: number;
  /** Where it is pinned below /run/netns; empty where it is not. */
  readonly name: string;
  readonly links: readonly LinkEntity[];
  /** Of the main table. */
  readonly routes: readonly RouteEntity[];
  /** net.ipv4.ip_forward. */
  readonly forwarding: boolean;
  /** Rules of iptables, of all tables. */
  readonly rules: number;
}

export interface LinkEntity {
  readonly ifindex: number;
  readonly name: string;
  /** As `ip -d link` names it; loopback devices and the machine's network card have none there. */
  readonly kind: "loopback" | "uplink" | "veth" | "bridge" | "dummy" | "macvlan" | "other";
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** The other end is up too. */
  readonly carrier: boolean;
  /** The bridge that it is a port of. */
  readonly master?: number;
  /** The other end of a veth, the lower device of a macvlan. */
  readonly peer?: { readonly netNs: number; readonly ifindex: number };
  /** IPv4 with prefix lengths, `10.0.0.1/24`. */
  readonly addresses: readonly string[];
  /** IPv6, without those of the link alone. */
  readonly addresses6: readonly string[];
}

export interface RouteEntity {
  /** `default` or a prefix. */
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: number;
  readonly metric: number;
  /** Preferred source address. */
  readonly src?: string;
  readonly type: "unicast" | "blackhole" | "unreachable" | "prohibit";
}

/** What has gone through a link, since it was made. */
export interface LinkCounters {
  readonly netNs: number;
  readonly ifindex: number;
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly rxDropped: number;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly txDropped: number;
}

/** What becomes of a question from one namespace, and of its answer. */
export interface ReachWay {
  /** Whom it was for, or who has it in the end where rules send it elsewhere; 0 for the world outside. */
  readonly to: number;
  readonly protocol: "icmp" | "tcp";
  /** As it was asked for: `10.0.0.2`, `192.168.7.1:8080`. */
  readonly dst: string;
  /** `there`: it gets there, and no answer comes back. */
  readonly state: "answered" | "there" | "none";
  /** Where and why it ends; absent for `answered`. The words go on from the namespace's name: `has no route to 10.0.0.2`. */
  readonly halt?: { readonly netNs: number; readonly words: string; readonly byRule: boolean };
  /** Namespaces on the way there, without the first. */
  readonly by: readonly number[];
  /** Rules that change its addresses, on the way there. Those of the answer are the same, backwards. */
  readonly rewrites: readonly ReachRewrite[];
}

export interface ReachRewrite {
  readonly netNs: number;
  readonly what: "DNAT" | "SNAT";
  /** `nat DOCKER 2 (DNAT)`: table, chain, number, target. */
  readonly rule: string;
  readonly before: string;
  readonly after: string;
}

/** One end of a way: a link. `netNs` is 0 for the world outside. */
export interface LinkEnd {
  readonly netNs: number;
  readonly ifindex: number;
}

/** Something that happened to a packet; sent while somebody watches packets. */
export interface PacketEntity {
  readonly seq: number;
  /** The same for all that happens to one packet. */
  readonly id: number;
  readonly atNs: number;
  /** `ICMP 10.0.0.1 → 10.0.0.2 echo request 1`. */
  readonly header: string;
  readonly bytes: number;
  readonly protocol: "arp" | "icmp" | "tcp" | "udp" | "other";
  readonly event: /** Through a wire. */
    | { readonly kind: "hop"; readonly from: LinkEnd; readonly to: LinkEnd }
    /** One of its ends was changed in this namespace, at the hook (PREROUTING …) and the link `at`. */
    | {
        readonly kind: "rewrite";
        readonly at: LinkEnd;
        readonly hook: string;
        readonly what: "DNAT" | "SNAT";
        readonly before: string;
        readonly after: string;
        /** Who has decided so for the connection: `nat DOCKER 2 (DNAT)`. */
        readonly rule: string;
        /** It is an answer: what was done to the question is undone. */
        readonly answer: boolean;
      }
    /** `rule`: which one dropped or rejected it, `filter FORWARD 3 (REJECT)`. */
    | { readonly kind: "drop"; readonly at: LinkEnd; readonly reason: string; readonly rule?: string };
}

/** A trace event as the page gets it; `name` is the Linux tracepoint. */
export interface TraceEntity {
  readonly seq: number;
  readonly atNs: number;
  readonly name: string;
  readonly pid: number;
  readonly comm: string;
  /** One line of text: the event's fields as the kernel's trace_pipe would print them. */
  readonly text: string;
}

export interface CpuSample {
  /** Busy share of each CPU over the last interval, 0 … 1. */
  readonly busy: readonly number[];
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly load1: number;
}

/** Entities that changed since the last frame. */
export interface Delta<T> {
  readonly upsert: readonly T[];
  readonly remove: readonly number[];
}

/** The same of entities with a text for a key. */
export interface StringDelta<T> {
  readonly upsert: readonly T[];
  readonly remove: readonly string[];
}

/** From the worker to the page. */
export type WorkerMessage =
  /** First message: the machine has booted. */
  | { readonly type: "booted"; readonly bootMs: number }
  | {
      readonly type: "frame";
      readonly nowNs: number;
      /** Virtual nanoseconds per real nanosecond over the last frames: below the asked factor when falling behind. */
      readonly achieved: number;
      readonly pace: Pace;
      readonly output: readonly { readonly terminal: number; readonly bytes: Uint8Array }[];
      readonly tasks: Delta<TaskEntity>;
      /** Absent where nothing changed. */
      readonly namespaces?: Delta<NamespaceEntity>;
      readonly cgroups?: Delta<CgroupEntity>;
      readonly mounts?: Delta<MountEntity>;
      readonly overlays?: Delta<OverlayEntity>;
      readonly networks?: Delta<NetworkEntity>;
      readonly containers?: StringDelta<ContainerEntity>;
      readonly images?: StringDelta<ImageEntity>;
      /** Of the links that moved something. */
      readonly linkCounters?: readonly LinkCounters[];
      /** While they are watched, with the number of those left out because there were too many. */
      readonly packets?: { readonly shown: readonly PacketEntity[]; readonly leftOut: number };
      readonly events: readonly TraceEntity[];
      /** Events left out of this frame because there were too many. */
      readonly eventsDropped: number;
      readonly sample?: CpuSample;
    }
  /** The session on a terminal ended (its login shell exited). */
  | { readonly type: "hangup"; readonly terminal: number }
  | { readonly type: "log"; readonly log: InputLog; readonly nowNs: number }
  | { readonly type: "answer"; readonly id: number; readonly answer: Answer }
  /** The kernel panicked: its text, and the log that replays it. */
  | { readonly type: "panic"; readonly text: string; readonly log: InputLog };
