/** A volume as the daemon tells of it, and one that is asked for. */

export interface VolumeResource {
  readonly CreatedAt?: string;
  readonly Driver: string;
  readonly Labels: Record<string, string> | null;
  readonly Mountpoint: string;
  readonly Name: string;
  readonly Options: Record<string, string> | null;
  readonly Scope: string;
  /** Only in `GET /system/df`. */
  readonly UsageData?: { readonly RefCount: number; readonly Size: number } | null;
}
