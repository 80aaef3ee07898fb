/** The session, for the components that act on it. */
import { createContext, useContext } from "react";
import type { Action } from "./actions/action.ts";
import type { Session } from "./session.ts";
import { useStore } from "./store.ts";

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error("no session around this component");
  return session;
}

/** Runs an action with the page as it is now. */
export function runAction(action: Action, session: Session): void {
  const context = { session, state: useStore.getState() };
  if (action.enabled?.(context) !== false) action.run(context);
}
