/** In which order the client's own types have the fields that an older engine sends in another, and which of them they know only where they say something. */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** First these, then the others as they come. By the name of the field that holds them. */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  HostConfig: words(`
    Binds ContainerIDFile LogConfig NetworkMode PortBindings RestartPolicy AutoRemove VolumeDriver VolumesFrom ConsoleSize Annotations CapAdd CapDrop CgroupnsMode
    Dns DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode Cgroup Links OomScoreAdj PidMode Privileged PublishAllPorts ReadonlyRootfs SecurityOpt StorageOpt Tmpfs
    UTSMode UsernsMode ShmSize Sysctls Runtime Isolation CpuShares Memory NanoCpus CgroupParent BlkioWeight BlkioWeightDevice BlkioDeviceReadBps
    BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus CpusetMems Devices
    DeviceCgroupRules DeviceRequests KernelMemory KernelMemoryTCP MemoryReservation MemorySwap MemorySwappiness OomKillDisable PidsLimit Ulimits CpuCount
    CpuPercent IOMaximumIOps IOMaximumBandwidth Mounts MaskedPaths ReadonlyPaths Init`),
  EndpointSettings: words(`
    IPAMConfig Links Aliases MacAddress DriverOpts GwPriority NetworkID EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway GlobalIPv6Address
    GlobalIPv6PrefixLen DNSNames`),
  NetworkSettings: words("Bridge SandboxID SandboxKey Ports HairpinMode"),
};

/** Left out where they are zero; what an older engine does not send, and how it stands then. */
const OMITTED: Readonly<Record<string, readonly string[]>> = {
  HostConfig: ["KernelMemory", "KernelMemoryTCP"],
};

const ADDED: Readonly<Record<string, Readonly<Record<string, 0 | null>>>> = {
  EndpointSettings: { GwPriority: 0, DNSNames: null },
};

/** What an image's configuration is to the client, as far as it says something. */
const IMAGE_CONFIG = words(
  "User ExposedPorts Env Entrypoint Cmd Volumes WorkingDir Labels StopSignal ArgsEscaped Healthcheck OnBuild Shell",
);

const isEmpty = (value: unknown): boolean =>
  value === null || value === "" || value === 0 || value === false || (Array.isArray(value) && value.length === 0);

/** The entries of the object in field `name`, as the client's type has them. `ofImage`: what holds it is an image. */
export function typedEntries<T>(
  name: string,
  entries: readonly (readonly [string, T])[],
  ofImage: boolean,
): readonly (readonly [string, T | 0 | null])[] {
  if (ofImage && name === "Config") {
    const known = new Map(entries);
    return IMAGE_CONFIG.flatMap((key) => (known.has(key) && !isEmpty(known.get(key)) ? [[key, known.get(key) as T] as const] : []));
  }
  const order = ORDER[name];
  if (order === undefined) return entries;
  const rank = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length);
  const shown = entries.filter(([key, value]) => !(OMITTED[name]?.includes(key) === true && isEmpty(value)));
  const added = Object.entries(ADDED[name] ?? {}).filter(([key]) => !entries.some(([known]) => known === key));
  return [...shown, ...added].sort(([a], [b]) => rank(a) - rank(b));
}
