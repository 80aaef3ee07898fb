/** Volumes in the Engine API 1.41. moby `api/types.Volume`. */

/** `GET /volumes/{name}`. */
export interface Volume {
  /** RFC 3339, whole seconds. */
  CreatedAt: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Mountpoint: string;
  Name: string;
  Options: Record<string, string> | null;
  Scope: "local";
  /** Only in `GET /system/df`; -1 where it is not known. */
  UsageData?: { RefCount: number; Size: number };
}

export interface VolumeList {
  Volumes: Volume[];
  Warnings: string[] | null;
}

/** `POST /volumes/create`. */
export interface VolumeCreateBody {
  Name?: string;
  Driver?: string;
  DriverOpts?: Record<string, string> | null;
  Labels?: Record<string, string> | null;
}

/** `POST /volumes/prune`. */
export interface VolumesPruned {
  VolumesDeleted: string[];
  SpaceReclaimed: number;
}
