/** Starts the page: one session, drawn into the document. */
import { createRoot } from "react-dom/client";
import workerUrl from "machine-worker?worker&url";
import { App } from "./App.tsx";
import { SessionContext } from "./context.tsx";
import { Session, spawnMachine } from "./session.ts";

const session = new Session(spawnMachine(workerUrl));
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root element");
createRoot(root).render(
  <SessionContext value={session}>
    <App />
  </SessionContext>,
);
void session.start();

addEventListener("pagehide", () => session.saveNow());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") session.saveNow();
});

/** For scripts around the page and for its tests: what a terminal shows, as text. */
Object.defineProperty(globalThis, "drydock", {
  value: { screen: (terminal?: number) => (terminal === undefined ? session.getActiveView() : session.getView(terminal))?.getText() ?? "" },
});
