/** What the Files view looks at, shared by its picture and its text: the namespace, the directories that are open, the file that is shown. */
import { useEffect } from "react";
import { create } from "zustand";
import type { Answer, MountEntity } from "../../bridge/messages.ts";
import { findOwner } from "../containers.ts";
import { useSession } from "../context.tsx";
import type { Session } from "../session.ts";
import { live, onFrame, useStore } from "../store.ts";
import { FIRST_ENTRIES, type Listing } from "./layout.ts";

/** Bytes of a file that are fetched to be shown. */
export const SHOWN_BYTES = 16 * 1024;
/** Open directories are asked for again while the machine runs, so many at a time and with so much rest between. */
const REFRESH_MS = 700;
const REFRESHED = 16;

export interface ShownFile {
  readonly mntNs: number;
  readonly path: string;
  readonly answer: Answer | undefined;
}

interface FilesState {
  /** The machine that the rest is about: another one has other files. */
  readonly machine: number;
  /** Chosen by the visitor; else the namespace follows the selection. */
  readonly mntNs: number | undefined;
  readonly open: ReadonlyMap<string, Listing>;
  readonly shown: ReadonlyMap<string, number>;
  readonly file: ShownFile | undefined;
  readonly asHex: boolean | undefined;
}

const NOTHING = { mntNs: undefined, open: new Map(), shown: new Map(), file: undefined, asHex: undefined };

export const useFiles = create<FilesState>(() => ({ machine: 0, ...NOTHING }));

/** The mount namespace that PID 1 is in. */
export function findHostNs(): number | undefined {
  return live.tasks.get(1)?.namespaces.mnt;
}

export interface NamespaceChoice {
  readonly mntNs: number;
  /** Who is in it: `bash 24`. */
  readonly label: string;
  readonly processes: number;
}

/** The mount namespaces that have mounts, the host's first, with their first process. */
export function listNamespaces(): readonly NamespaceChoice[] {
  const found = new Map<number, { first: number; label: string; processes: number }>();
  for (const { mntNs } of live.mounts.values()) if (!found.has(mntNs)) found.set(mntNs, { first: Infinity, label: "pinned", processes: 0 });
  for (const { pid, comm, namespaces } of live.tasks.values()) {
    const one = namespaces.mnt === undefined ? undefined : found.get(namespaces.mnt);
    if (one === undefined) continue;
    one.processes++;
    if (pid < one.first) Object.assign(one, { first: pid, label: pid === 1 ? "host" : `${comm} ${pid}` });
  }
  return [...found]
    .sort(([a, x], [b, y]) => x.first - y.first || a - b)
    .map(([mntNs, { label, processes }]) => ({ mntNs, label: findOwner(mntNs)?.name ?? label, processes }));
}

/** The namespace that is shown: the chosen one, that of what is selected, or the host's. */
export function useShownNs(): number | undefined {
  const chosen = useFiles((state) => state.mntNs);
  const selection = useStore((state) => state.selection);
  const exists = (mntNs: number | undefined): boolean => mntNs !== undefined && live.namespaces.get(mntNs)?.kind === "mnt";
  if (selection?.kind === "mount") return live.mounts.get(selection.id)?.mntNs ?? findHostNs();
  if (chosen !== undefined && (exists(chosen) || listNamespaces().some(({ mntNs }) => mntNs === chosen))) return chosen;
  if (selection?.kind === "namespace" && exists(selection.ino)) return selection.ino;
  if (selection?.kind === "task") return live.tasks.get(selection.pid)?.namespaces.mnt ?? findHostNs();
  return findHostNs();
}

/** Shows another namespace; what was open in the one before is closed. */
export function chooseNamespace(mntNs: number): void {
  const { selection } = useStore.getState();
  // A mount of another namespace would keep its own in view.
  if (selection?.kind === "mount" && live.mounts.get(selection.id)?.mntNs !== mntNs) useStore.setState({ selection: undefined });
  useFiles.setState({ ...NOTHING, mntNs });
}

function setListing(path: string, listing: Listing | undefined): void {
  const open = new Map(useFiles.getState().open);
  if (listing === undefined)
    for (const key of [...open.keys()]) if (key === path || key.startsWith(`${path === "/" ? "" : path}/`)) open.delete(key);
  if (listing !== undefined) open.set(path, listing);
  useFiles.setState({ open });
}

function toListing(answer: Answer): Listing {
  if (answer.kind === "directory") return { kind: "entries", entries: answer.entries, total: answer.total, mount: answer.mount };
  return { kind: "error", errno: answer.kind === "error" ? answer.errno : "EIO" };
}

/** Opens or closes a directory. */
export function toggleDirectory(session: Session, mntNs: number, path: string): void {
  if (useFiles.getState().open.has(path)) {
    setListing(path, undefined);
    return;
  }
  useFiles.setState({ mntNs });
  setListing(path, { kind: "asked" });
  void session.ask({ kind: "directory", mntNs, path }).then((answer) => {
    if (useFiles.getState().open.has(path)) setListing(path, toListing(answer));
  });
}

/** Draws more entries of an open directory. */
export function showMore(path: string): void {
  const shown = new Map(useFiles.getState().shown);
  shown.set(path, (shown.get(path) ?? FIRST_ENTRIES) * 4);
  useFiles.setState({ shown });
}

/** Shows what is in a file. */
export function showFile(session: Session, mntNs: number, path: string): void {
  useFiles.setState({ mntNs, file: { mntNs, path, answer: undefined }, asHex: undefined });
  // Its sheet takes the place of the detail.
  useStore.setState({ selection: undefined });
  void session.ask({ kind: "file", mntNs, path, maxBytes: SHOWN_BYTES }).then((answer) => {
    const { file } = useFiles.getState();
    if (file?.path === path && file.mntNs === mntNs) useFiles.setState({ file: { mntNs, path, answer } });
  });
}

function isSameListing(a: Listing | undefined, b: Listing): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

/** Keeps what is open as it is in the machine, while a view of it is on the screen. */
export function useFreshFiles(mntNs: number | undefined): void {
  const session = useSession();
  const machine = useStore((state) => state.machine);
  useEffect(() => {
    if (useFiles.getState().machine !== machine) useFiles.setState({ ...NOTHING, machine });
  }, [machine]);
  useEffect(() => {
    if (mntNs === undefined) return;
    let ended = false;
    let busy = false;
    let lastMs = performance.now();
    let lastNs = live.nowNs;
    const refresh = async (): Promise<void> => {
      for (const [path, listing] of [...useFiles.getState().open].slice(0, REFRESHED)) {
        // One of thousands is not fetched over and over.
        if (listing.kind === "entries" && listing.total > listing.entries.length) continue;
        const next = toListing(await session.ask({ kind: "directory", mntNs, path }));
        if (ended) return;
        const now = useFiles.getState().open.get(path);
        if (now !== undefined && !isSameListing(now, next)) setListing(path, next);
      }
      const { file } = useFiles.getState();
      if (file?.answer === undefined) return;
      const answer = await session.ask({ kind: "file", mntNs: file.mntNs, path: file.path, maxBytes: SHOWN_BYTES });
      if (!ended && useFiles.getState().file === file && !isSameAnswer(file.answer, answer))
        useFiles.setState({ file: { ...file, answer } });
    };
    const end = onFrame(() => {
      const now = performance.now();
      if (busy || now - lastMs < REFRESH_MS || live.nowNs === lastNs) return;
      busy = true;
      lastNs = live.nowNs;
      void refresh().finally(() => {
        busy = false;
        lastMs = performance.now();
      });
    });
    return () => {
      ended = true;
      end();
    };
  }, [session, mntNs]);
}

function isSameAnswer(a: Answer, b: Answer): boolean {
  if (a.kind !== "file" || b.kind !== "file") return JSON.stringify(a) === JSON.stringify(b);
  return (
    a.sizeBytes === b.sizeBytes &&
    a.bytes.length === b.bytes.length &&
    JSON.stringify(a.entry) === JSON.stringify(b.entry) &&
    a.bytes.every((byte, i) => byte === b.bytes[i])
  );
}

/** The mounts of a namespace that are not hidden, by path: where a path lives. */
export function findMountOf(mntNs: number, id: number | undefined): MountEntity | undefined {
  const mount = id === undefined ? undefined : live.mounts.get(id);
  return mount?.mntNs === mntNs ? mount : undefined;
}
