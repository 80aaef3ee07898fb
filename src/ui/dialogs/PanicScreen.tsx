/** A kernel panic, or a worker that could not start: what happened, the log that replays it, and a way on. */
import { useEffect, useRef } from "react";
import { useSession } from "../context.tsx";
import type { Phase } from "../store.ts";

type Failure = Extract<Phase, { kind: "panicked" | "failed" }>;

export function PanicScreen({ phase }: { readonly phase: Failure }) {
  const session = useSession();
  const restart = useRef<HTMLButtonElement>(null);
  useEffect(() => restart.current?.focus(), []);
  const panicked = phase.kind === "panicked";
  return (
    <div className="panic" role="alertdialog" aria-labelledby="panic-title" aria-describedby="panic-text">
      <h2 className="panic-stamp" id="panic-title">
        {panicked ? "Kernel panic" : "No machine"}
      </h2>
      <p>
        {panicked
          ? "The simulated kernel found itself in a state that it cannot go on from. That is a fault of Drydock, not of what you typed: the input log replays the way here exactly."
          : "The worker that holds the machine could not be started."}
      </p>
      <pre
        id="panic-text"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        {phase.text}
      </pre>
      <div className="chips">
        <button type="button" className="chip" ref={restart} onClick={() => session.newMachine()}>
          Start a new machine
        </button>
        {panicked && (
          <button type="button" className="chip" onClick={() => session.downloadLog()}>
            Download the input log
          </button>
        )}
      </div>
    </div>
  );
}
