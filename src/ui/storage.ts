/**
 * What the browser keeps for the page: settings in localStorage, the session's input log in IndexedDB.
 * All of it may be missing: a sandboxed frame throws on access, a private window forgets. Then the page works and keeps nothing.
 */
import { type IDBPDatabase, openDB } from "idb";
import type { InputLog } from "../bridge/messages.ts";

export function readSetting(name: string): string | undefined {
  try {
    return localStorage.getItem(`drydock.${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}

export function writeSetting(name: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(`drydock.${name}`);
    else localStorage.setItem(`drydock.${name}`, value);
  } catch {
    // Nothing is kept; the setting holds until the page closes.
  }
}

/** A session as it is kept across reloads. */
export interface SavedSession {
  readonly log: InputLog;
  readonly savedMs: number;
}

const STORE = "sessions";
const SESSIONS_KEPT = 8;

/** Remembers how far the machine was when its page went away: written at once, where IndexedDB would come too late. */
export function writeNow(nowNs: number): void {
  try {
    sessionStorage.setItem("drydock.now", String(nowNs));
  } catch {
    // Then the session comes back at its last input.
  }
}

export function readNow(): number | undefined {
  try {
    const text = sessionStorage.getItem("drydock.now");
    return text === null ? undefined : Number(text);
  } catch {
    return undefined;
  }
}

/** Names this browser tab across its reloads; each tab has a machine of its own. */
function getTabName(): string | undefined {
  try {
    let name = sessionStorage.getItem("drydock.tab");
    if (name === null) {
      name = Math.random().toString(36).slice(2);
      sessionStorage.setItem("drydock.tab", name);
    }
    return name;
  } catch {
    return undefined;
  }
}

async function openStore(): Promise<IDBPDatabase | undefined> {
  try {
    return await openDB("drydock", 1, { upgrade: (db) => void db.createObjectStore(STORE) });
  } catch {
    return undefined;
  }
}

let opened: Promise<IDBPDatabase | undefined> | undefined;
function getStore(): Promise<IDBPDatabase | undefined> {
  opened ??= openStore();
  return opened;
}

export async function loadSession(): Promise<SavedSession | undefined> {
  const tab = getTabName();
  const db = tab === undefined ? undefined : await getStore();
  if (db === undefined || tab === undefined) return undefined;
  try {
    const saved = (await db.get(STORE, tab)) as SavedSession | undefined;
    return saved?.log?.version === 1 ? saved : undefined;
  } catch {
    return undefined;
  }
}

export async function saveSession(log: InputLog): Promise<void> {
  const tab = getTabName();
  const db = tab === undefined ? undefined : await getStore();
  if (db === undefined || tab === undefined) return;
  try {
    await db.put(STORE, { log, savedMs: Date.now() } satisfies SavedSession, tab);
    const keys = await db.getAllKeys(STORE);
    if (keys.length <= SESSIONS_KEPT) return;
    const all = await Promise.all(keys.map(async (key) => ({ key, saved: (await db.get(STORE, key)) as SavedSession })));
    all.sort((a, b) => b.saved.savedMs - a.saved.savedMs);
    for (const { key } of all.slice(SESSIONS_KEPT)) await db.delete(STORE, key);
  } catch {
    // A full or closing store loses the reload, not the session.
  }
}

export async function forgetSession(): Promise<void> {
  const tab = getTabName();
  const db = tab === undefined ? undefined : await getStore();
  if (db === undefined || tab === undefined) return;
  await db.delete(STORE, tab).catch(() => undefined);
}
