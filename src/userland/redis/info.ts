/** What INFO tells: sections of `name:value`. Redis `server.c`, genRedisInfoString(). Figures that nothing here stands behind are left out. */

export interface Facts {
  readonly version: string;
  readonly os: string;
  readonly pid: number;
  readonly port: number;
  readonly uptimeSec: number;
  readonly configFile: string;
  readonly clients: number;
  readonly maxClients: number;
  readonly subscribers: number;
  readonly usedBytes: number;
  readonly peakBytes: number;
  readonly maxMemory: number;
  readonly dirty: number;
  readonly saving: boolean;
  readonly lastSaveSec: number;
  readonly lastSaveOk: boolean;
  readonly connections: number;
  readonly commands: number;
  readonly expired: number;
  readonly hits: number;
  readonly misses: number;
  readonly channels: number;
  readonly patterns: number;
  readonly keyspace: readonly { readonly index: number; readonly keys: number; readonly expires: number }[];
}

/** 1.00M */
export function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const power = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(2)}${"BKMGT"[power]}`;
}

export function infoText(f: Facts, wanted: readonly string[]): string {
  const sections: Readonly<Record<string, readonly (readonly [string, string | number])[]>> = {
    Server: [
      ["redis_version", f.version],
      ["redis_mode", "standalone"],
      ["os", f.os],
      ["arch_bits", 64],
      ["process_id", f.pid],
      ["tcp_port", f.port],
      ["uptime_in_seconds", f.uptimeSec],
      ["uptime_in_days", Math.floor(f.uptimeSec / 86_400)],
      ["config_file", f.configFile],
    ],
    Clients: [
      ["connected_clients", f.clients],
      ["maxclients", f.maxClients],
      ["blocked_clients", 0],
      ["pubsub_clients", f.subscribers],
    ],
    Memory: [
      ["used_memory", f.usedBytes],
      ["used_memory_human", humanBytes(f.usedBytes)],
      ["used_memory_peak", f.peakBytes],
      ["used_memory_peak_human", humanBytes(f.peakBytes)],
      ["maxmemory", f.maxMemory],
      ["maxmemory_human", humanBytes(f.maxMemory)],
      ["maxmemory_policy", "noeviction"],
    ],
    Persistence: [
      ["loading", 0],
      ["rdb_changes_since_last_save", f.dirty],
      ["rdb_bgsave_in_progress", Number(f.saving)],
      ["rdb_last_save_time", f.lastSaveSec],
      ["rdb_last_bgsave_status", f.lastSaveOk ? "ok" : "err"],
      ["aof_enabled", 0],
    ],
    Stats: [
      ["total_connections_received", f.connections],
      ["total_commands_processed", f.commands],
      ["expired_keys", f.expired],
      ["evicted_keys", 0],
      ["keyspace_hits", f.hits],
      ["keyspace_misses", f.misses],
      ["pubsub_channels", f.channels],
      ["pubsub_patterns", f.patterns],
    ],
    Replication: [
      ["role", "master"],
      ["connected_slaves", 0],
    ],
    Keyspace: f.keyspace.map(({ index, keys, expires }) => [`db${index}`, `keys=${keys},expires=${expires},avg_ttl=0`]),
  };
  const all = wanted.length === 0 || wanted.some((name) => /^(all|default|everything)$/i.test(name));
  return Object.entries(sections)
    .filter(([name]) => all || wanted.some((one) => one.toLowerCase() === name.toLowerCase()))
    .map(([name, rows]) => `# ${name}\r\n${rows.map(([key, value]) => `${key}:${value}\r\n`).join("")}`)
    .join("\r\n");
}
