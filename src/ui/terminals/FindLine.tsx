/** The line that looks for text in a terminal. */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useSession } from "../context.tsx";
import { useStore } from "../store.ts";

export function FindLine({ terminal }: { readonly terminal: number }) {
  const session = useSession();
  const field = useRef<HTMLInputElement>(null);
  const [found, setFound] = useState(true);
  useEffect(() => field.current?.focus(), []);
  const look = (direction: "next" | "previous") => {
    void session
      .getView(terminal)
      ?.find(field.current?.value ?? "", direction)
      .then(setFound);
  };
  const close = () => {
    useStore.setState({ searching: undefined });
    session.getView(terminal)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") look(event.shiftKey ? "previous" : "next");
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  };
  return (
    <search className="find-line">
      <input
        ref={field}
        className={found ? "" : "missing"}
        aria-label="Find in terminal"
        aria-invalid={!found}
        placeholder="Find"
        onInput={() => look("next")}
        onKeyDown={onKeyDown}
      />
      <button type="button" className="plain-button" onClick={() => look("previous")}>
        Up
      </button>
      <button type="button" className="plain-button" onClick={() => look("next")}>
        Down
      </button>
      <button type="button" className="plain-button" onClick={close}>
        Close
      </button>
    </search>
  );
}
