/** What the engine tells of in `GET /events`. */

export type EventType = "container" | "image" | "network" | "volume" | "daemon" | "plugin" | "builder";

export interface EventActor {
  ID: string;
  Attributes: Record<string, string>;
}

export interface EngineEvent {
  /** Of containers and images only, as old clients know it. */
  status?: string;
  id?: string;
  from?: string;
  Type: EventType;
  Action: string;
  Actor: EventActor;
  scope: "local";
  /** Seconds since 1970. */
  time: number;
  timeNano: number;
}

/** The `filters` of lists, prunes and events: field → accepted values. */
export type Filters = Record<string, string[]>;
