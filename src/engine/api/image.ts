/** Images in the Engine API 1.41: what is asked and answered. Field names and nulls are those on the wire. moby `api/types`, `api/types/image`. */

import type { ContainerConfig, GraphDriverJson } from "./container.ts";

/** An image's defaults for containers. */
export type ImageRunConfig = Omit<ContainerConfig, "Labels"> & { Labels: Record<string, string> | null };

/** One of `GET /images/json`. */
export interface ImageSummary {
  /** How many use it; -1 where that was not counted. */
  Containers: number;
  /** Seconds since 1970. */
  Created: number;
  Id: string;
  Labels: Record<string, string> | null;
  ParentId: string;
  RepoDigests: string[] | null;
  RepoTags: string[] | null;
  /** Bytes of layers that other images have as well; -1 where that was not counted. */
  SharedSize: number;
  Size: number;
  VirtualSize: number;
}

/** `GET /images/{name}/json`. */
export interface ImageInspect {
  Id: string;
  RepoTags: string[];
  RepoDigests: string[];
  Parent: string;
  Comment: string;
  Created: string;
  Container: string;
  ContainerConfig: ImageRunConfig;
  DockerVersion: string;
  Author: string;
  Config: ImageRunConfig | null;
  Architecture: string;
  Variant?: string;
  Os: string;
  OsVersion?: string;
  Size: number;
  VirtualSize: number;
  GraphDriver: GraphDriverJson;
  RootFS: { Type: string; Layers?: string[] };
  Metadata: { LastTagTime: string };
}

/** One of `GET /images/{name}/history`, the newest first. */
export interface ImageHistoryItem {
  Comment: string;
  Created: number;
  CreatedBy: string;
  Id: string;
  Size: number;
  Tags: string[] | null;
}

/** What `DELETE /images/{name}` and a prune did, step by step. */
export interface ImageDeleteItem {
  Untagged?: string;
  Deleted?: string;
}

export interface ImagesPruneAnswer {
  ImagesDeleted: ImageDeleteItem[] | null;
  SpaceReclaimed: number;
}

/** One of `GET /images/search`. */
export interface ImageSearchResult {
  star_count: number;
  is_official: boolean;
  name: string;
  is_automated: boolean;
  description: string;
}

/** `GET /distribution/{name}/json`. */
export interface DistributionInspect {
  Descriptor: { mediaType: string; digest: string; size: number };
  Platforms: { architecture: string; os: string; variant?: string }[];
}

/** A line of pulls, pushes, loads, imports and builds. */
export interface JsonMessage {
  stream?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number; start?: number; hidecounts?: boolean; units?: string };
  /** The same as a bar, for old clients. */
  progress?: string;
  id?: string;
  errorDetail?: { code?: number; message: string };
  error?: string;
  aux?: unknown;
}

/** X-Registry-Auth, in URL-safe base64. */
export interface AuthConfig {
  username?: string;
  password?: string;
  auth?: string;
  email?: string;
  serveraddress?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** `POST /auth`. */
export interface AuthAnswer {
  IdentityToken: string;
  Status: string;
}
