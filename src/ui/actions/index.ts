/** All actions, in the order in which the palette lists them. */
import type { Action } from "./action.ts";
import { clockActions } from "./clock-actions.ts";
import { pageActions } from "./page-actions.ts";
import { terminalActions } from "./terminal-actions.ts";
import { viewActions } from "./view-actions.ts";

export const actions: readonly Action[] = [...terminalActions, ...clockActions, ...viewActions, ...pageActions];

const byName = new Map(actions.map((action) => [action.name, action]));

export function requireAction(name: string): Action {
  const action = byName.get(name);
  if (action === undefined) throw new Error(`no action ${name}`);
  return action;
}
