/** What happened, for those who listen: the last 256 events are kept. moby `daemon/events`. */

import type { Proc } from "../abi/sys.ts";
import type { EngineEvent, EventType, Filters } from "./api/events.ts";
import type { Daemon } from "./daemon.ts";
import type { EventService, EventSubscription } from "./parts.ts";
import { Channel } from "./sync.ts";

const KEPT = 256;

export class Events implements EventService {
  private readonly kept: EngineEvent[] = [];
  private readonly subscriptions = new Set<Subscription>();

  constructor(private readonly daemon: Daemon) {}

  *log(type: EventType, action: string, id: string, attributes: Readonly<Record<string, string>>): Proc<void> {
    const timeNano = yield* this.daemon.now();
    const base = { Type: type, Action: action, Actor: { ID: id, Attributes: sorted(attributes) } };
    const tail = { scope: "local", time: Math.floor(timeNano / 1e9), timeNano } as const;
    let event: EngineEvent = { ...base, ...tail };
    if (type === "container") event = { status: action, id, from: attributes.image ?? "", ...base, ...tail };
    else if (type === "image") event = { status: action, id, ...base, ...tail };
    this.kept.push(event);
    if (this.kept.length > KEPT) this.kept.shift();
    for (const subscription of this.subscriptions) yield* subscription.offer(event);
  }

  subscribe(filters: Filters): EventSubscription {
    const subscription = new Subscription(new Channel<EngineEvent>(this.daemon.sys), filters, this.kept, () =>
      this.subscriptions.delete(subscription),
    );
    this.subscriptions.add(subscription);
    return subscription;
  }

  get listeners(): number {
    return this.subscriptions.size;
  }
}

class Subscription implements EventSubscription {
  constructor(
    private readonly channel: Channel<EngineEvent>,
    private readonly filters: Filters,
    private readonly kept: readonly EngineEvent[],
    private readonly leave: () => void,
  ) {}

  *offer(event: EngineEvent): Proc<void> {
    if (matches(this.filters, event)) yield* this.channel.send(event);
  }

  past(sinceNs: number, untilNs: number): EngineEvent[] {
    return this.kept.filter((event) => event.timeNano >= sinceNs && event.timeNano <= untilNs && matches(this.filters, event));
  }

  next(timeoutNs?: number): Proc<EngineEvent | undefined> {
    return this.channel.receive(timeoutNs);
  }

  *close(): Proc<void> {
    this.leave();
    yield* this.channel.close();
  }
}

/** Go's maps are written in the order of their keys. */
function sorted(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** Whether a name is one of `values`, exactly or, for objects, as the beginning. */
const fuzzy = (values: readonly string[], value: string): boolean => values.some((wanted) => wanted === value || value.startsWith(wanted));

/** moby `daemon/events/filter.go`. */
function matches(filters: Filters, { Type, Action, Actor, scope }: EngineEvent): boolean {
  for (const [field, values] of Object.entries(filters)) {
    if (values.length === 0) continue;
    if (!fieldMatches(field, values, { Type, Action, Actor, scope })) return false;
  }
  return true;
}

function fieldMatches(
  field: string,
  values: readonly string[],
  { Type, Action, Actor, scope }: Pick<EngineEvent, "Type" | "Action" | "Actor" | "scope">,
): boolean {
  const { Attributes, ID } = Actor;
  switch (field) {
    case "event":
      // `exec_create: sh` is found by `exec_create`, `health_status: healthy` by `health_status`.
      return values.some((value) => value === Action || Action.startsWith(`${value}: `));
    case "type":
      return values.includes(Type);
    case "scope":
      return values.includes(scope);
    case "label":
      return values.every((label) => {
        const [name, ...rest] = label.split("=");
        const found = Attributes[name as string];
        return found !== undefined && (rest.length === 0 || found === rest.join("="));
      });
    case "image": {
      const stripped = (name: string): string => name.replace(/:[^/:]*$/, "");
      const names =
        Type === "image"
          ? [ID, Attributes.name ?? "", stripped(ID), stripped(Attributes.name ?? "")]
          : [Attributes.image ?? "", stripped(Attributes.image ?? "")];
      return names.some((name) => values.includes(name));
    }
    case "container":
    case "network":
    case "volume":
    case "daemon":
    case "plugin":
      return Type === field && (fuzzy(values, ID) || fuzzy(values, Attributes.name ?? ""));
    default:
      return true;
  }
}
