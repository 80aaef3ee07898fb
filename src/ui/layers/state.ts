/** What the Layers view looks at, shared by its picture and its text: an overlay, a directory of it, a name, and what its layers have there. */
import { useEffect } from "react";
import { create } from "zustand";
import type { Answer, LayerEntry, MountEntity, OverlayEntity } from "../../bridge/messages.ts";
import { findContainerOfOverlay } from "../containers.ts";
import { useSession } from "../context.tsx";
import { isWithin, joinPath } from "../files/names.ts";
import { findHostNs } from "../files/state.ts";
import type { Session } from "../session.ts";
import { live, onFrame, useStore } from "../store.ts";
import type { Layered } from "./layout.ts";

/** Layers may be changed from below without the overlay noticing: they are asked for again while the machine runs. */
const REFRESH_MS = 700;
/** After a change that the overlay did notice, the least rest before it is asked for again. */
const REST_MS = 100;
const SHOWN_BYTES = 4096;

export interface LayersState {
  /** The machine and the overlay that the rest is about. */
  readonly machine: number;
  readonly overlay: number | undefined;
  /** The directory that is shown, from the overlay's root. */
  readonly path: string;
  /** The name in it whose layers are told. */
  readonly name: string | undefined;
  /** The one layer that is shown in full; `merged` is what a process sees. */
  readonly focus: number | "merged" | undefined;
  readonly answer: Answer | undefined;
  /** What one layer has of `name`. */
  readonly content: { readonly layer: number; readonly answer: Answer | undefined } | undefined;
}

const TOP = { path: "/", name: undefined, focus: undefined, answer: undefined, content: undefined };

export const useLayers = create<LayersState>(() => ({ machine: 0, overlay: undefined, ...TOP }));

/** Where an overlay is mounted: first in the host's namespace. */
export function findMountsOf(overlay: number): readonly MountEntity[] {
  const host = findHostNs();
  return [...live.mounts.values()]
    .filter((mount) => mount.overlay === overlay)
    .sort((a, b) => Number(a.mntNs !== host) - Number(b.mntNs !== host) || Number(a.covered) - Number(b.covered) || a.id - b.id);
}

/** The overlay that is shown: the selected one, one that has to do with what is selected, the last one shown, or the newest. */
export function useShownOverlay(): OverlayEntity | undefined {
  const selection = useStore((state) => state.selection);
  const last = useLayers((state) => state.overlay);
  const { overlays, mounts, tasks } = live;
  if (selection?.kind === "overlay" && overlays.has(selection.id)) return overlays.get(selection.id);
  if (selection?.kind === "mount") {
    const found = overlays.get(mounts.get(selection.id)?.overlay ?? -1);
    if (found !== undefined) return found;
  }
  if (selection?.kind === "task" || selection?.kind === "namespace") {
    const mntNs = selection.kind === "task" ? tasks.get(selection.pid)?.namespaces.mnt : selection.ino;
    const own = [...mounts.values()].filter((mount) => mount.mntNs === mntNs && mount.overlay !== undefined);
    const root = own.find(({ target }) => target === "/");
    if (root?.overlay !== undefined) return overlays.get(root.overlay);
    if (own.length > 0 && !own.some(({ overlay }) => overlay === last)) return overlays.get(own[0]?.overlay ?? -1);
  }
  if (last !== undefined && overlays.has(last)) return overlays.get(last);
  return [...overlays.values()].at(-1);
}

export function chooseOverlay(id: number): void {
  useStore.setState({ selection: { kind: "overlay", id } });
}

/** Goes to the Layers view, at a path that is seen through a mount. */
export function showLayersOf(mount: MountEntity, path: string): void {
  if (mount.overlay === undefined) return;
  // By a symbolic link a path leads elsewhere: then the whole overlay is shown.
  const below = !isWithin(path, mount.target) ? "" : mount.target === "/" ? path : path.slice(mount.target.length);
  const inside = `${mount.root === "/" ? "" : mount.root}${below}`.replace(/\/+$/, "");
  const slash = inside.lastIndexOf("/");
  const at = inside === "" ? {} : { path: inside.slice(0, slash) || "/", name: inside.slice(slash + 1) };
  useLayers.setState({ machine: useStore.getState().machine, overlay: mount.overlay, ...TOP, ...at });
  useStore.setState({ view: "layers", selection: { kind: "overlay", id: mount.overlay } });
}

export function openDirectory(path: string): void {
  useLayers.setState({ ...TOP, path });
}

export function toggleName(name: string): void {
  useLayers.setState({ name: useLayers.getState().name === name ? undefined : name, content: undefined });
}

export function toggleFocus(focus: number | "merged"): void {
  useLayers.setState({ focus: useLayers.getState().focus === focus ? undefined : focus });
}

/** Shows what one layer has in the file that is told of. */
export function showContent(session: Session, overlay: number, layer: number): void {
  const { path, name } = useLayers.getState();
  if (name === undefined) return;
  useLayers.setState({ content: { layer, answer: undefined } });
  void session.ask({ kind: "layer-file", overlay, layer, path: joinPath(path, name), maxBytes: SHOWN_BYTES }).then((answer) => {
    const now = useLayers.getState();
    if (now.name === name && now.path === path && now.content?.layer === layer) useLayers.setState({ content: { layer, answer } });
  });
}

/** Of a container's root: the line of its image's history that made this lower layer. Docker puts one of its own on top of them. */
function tellImageLayer({ id, lowerdirs }: OverlayEntity, i: number): { readonly made?: string } {
  const container = findContainerOfOverlay(id);
  const image = live.images.get(container?.imageId ?? "");
  if (container === undefined || image === undefined || lowerdirs.length !== image.diffIds.length + 1) return {};
  if (i === 0) return { made: `docker's own for ${container.name}: hosts, hostname, resolv.conf` };
  const step = image.history.filter(({ empty }) => !empty)[lowerdirs.length - 1 - i];
  const words = step?.createdBy.replace(/^\/bin\/sh -c (#\(nop\) *)?/, "").replace(/\s+/g, " ") ?? "";
  return { made: `${container.image}: ${words === "" ? step?.comment || "a layer" : words}` };
}

/** What layers there are, topmost first, as the layout and the words take them. */
export function listLayered(overlay: OverlayEntity): readonly Layered[] {
  const upper = overlay.upperdir === undefined ? [] : [{ index: 0, label: "upper", directory: overlay.upperdir, upper: true }];
  const first = upper.length;
  const lowers = overlay.lowerdirs.map((directory, i) => ({
    index: first + i,
    label: overlay.lowerdirs.length === 1 ? "lower" : `lower ${i + 1}`,
    directory,
    upper: false,
    ...tellImageLayer(overlay, i),
  }));
  return [...upper, ...lowers];
}

export function getEntries({ answer }: LayersState): readonly LayerEntry[] {
  return answer?.kind === "layers" ? answer.entries : [];
}

/** Keeps the shown directory as it is in the machine, while a view of it is on the screen. */
export function useFreshLayers(overlay: OverlayEntity | undefined): void {
  const session = useSession();
  const machine = useStore((state) => state.machine);
  const path = useLayers((state) => state.path);
  const id = overlay?.id;
  useEffect(() => {
    const now = useLayers.getState();
    if (id !== undefined && (now.machine !== machine || now.overlay !== id)) useLayers.setState({ ...TOP, machine, overlay: id });
  }, [machine, id]);
  useEffect(() => {
    if (id === undefined) return;
    let ended = false;
    let busy = false;
    let lastMs = Number.NEGATIVE_INFINITY;
    let lastNs = -1;
    let lastVersion = -1;
    const refresh = async (): Promise<void> => {
      const answer = await session.ask({ kind: "layers", overlay: id, path });
      const now = useLayers.getState();
      if (ended || now.overlay !== id || now.path !== path) return;
      if (JSON.stringify(answer) !== JSON.stringify(now.answer)) useLayers.setState({ answer });
      // The directory went away under the view.
      if (answer.kind === "error" && path !== "/" && (answer.errno === "ENOENT" || answer.errno === "ENOTDIR")) openDirectory("/");
    };
    const look = (): void => {
      const version = live.overlays.get(id)?.version ?? -1;
      const now = performance.now();
      const due = version === lastVersion ? now - lastMs >= REFRESH_MS && live.nowNs !== lastNs : now - lastMs >= REST_MS;
      if (busy || !due) return;
      busy = true;
      lastVersion = version;
      lastNs = live.nowNs;
      void refresh().finally(() => {
        busy = false;
        lastMs = performance.now();
      });
    };
    look();
    const end = onFrame(look);
    return () => {
      ended = true;
      end();
    };
  }, [session, id, path]);
}
