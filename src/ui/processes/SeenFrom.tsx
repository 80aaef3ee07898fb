/** The choice of the PID namespace that processes are seen from. There once there is more than the host's. */
import type { NamespaceEntity } from "../../bridge/messages.ts";
import { live, useStore } from "../store.ts";

/** More than this are a list to open. */
const BUTTONS_MOST = 3;

function listSpaces(): readonly NamespaceEntity[] {
  return [...live.namespaces.values()].filter(({ kind }) => kind === "pid").sort((a, b) => a.ino - b.ino);
}

/** The namespace that was chosen, while it is there; undefined for the host's. */
export function useSeenFrom(): number | undefined {
  const chosen = useStore((state) => state.seenFrom);
  return chosen !== undefined && live.namespaces.get(chosen)?.parent !== undefined ? chosen : undefined;
}

/** Told by its init, if that is there. */
function nameSpace({ ino, parent }: NamespaceEntity): string {
  if (parent === undefined) return "host";
  for (const task of live.tasks.values()) {
    if (task.namespaces.pid === ino && task.innerPids.at(-1) === 1) return `${task.comm} ${task.pid}`;
  }
  return String(ino);
}

export function SeenFrom({ seenFrom }: { readonly seenFrom: number | undefined }) {
  const spaces = listSpaces();
  if (spaces.length < 2) return null;
  const choose = (ino: number): void => {
    const first = live.namespaces.get(ino)?.parent === undefined;
    useStore.setState({ seenFrom: first ? undefined : ino });
  };
  const isChosen = (space: NamespaceEntity): boolean => (seenFrom ?? spaces[0]?.ino) === space.ino;
  return (
    <fieldset className="seen-from">
      <legend className="label">Seen from</legend>
      {spaces.length <= BUTTONS_MOST + 1 ? (
        spaces.map((space) => (
          <button
            key={space.ino}
            type="button"
            className="plain-button"
            aria-pressed={isChosen(space)}
            title={`PID namespace ${space.ino}`}
            onClick={() => choose(space.ino)}
          >
            {nameSpace(space)}
          </button>
        ))
      ) : (
        <select aria-label="PID namespace" value={seenFrom ?? spaces[0]?.ino} onChange={(event) => choose(Number(event.target.value))}>
          {spaces.map((space) => (
            <option key={space.ino} value={space.ino}>
              {`${nameSpace(space)} · ${space.ino}`}
            </option>
          ))}
        </select>
      )}
    </fieldset>
  );
}
