/**
 * The views of the machine, in the order of their tabs, and the details of what can be selected in any of them. All but the first picture
 * are fetched when they are first looked at: what comes before the first prompt stays small.
 */
import { type ComponentType, lazy, type ReactNode } from "react";
import { CutawayPicture } from "./cutaway/CutawayPicture.tsx";
import type { SelectionKind } from "./selection.ts";
import type { ViewName } from "./url-state.ts";

export interface View {
  readonly name: ViewName;
  /** Number of the figure; with Alt the shortcut. */
  readonly figure: number;
  readonly title: string;
  /** Fills the pane below the tabs; scrolls on its own. */
  readonly Picture: ComponentType;
  /** The same things as a table or tree, for screen readers, copying and whoever prefers text. */
  readonly Text: ComponentType;
}

/** As `lazy`, of a component that its module exports by name. */
function later<K extends string>(name: K, load: () => Promise<Readonly<Record<K, () => ReactNode>>>): ComponentType {
  return lazy(async () => ({ default: (await load())[name] as ComponentType }));
}

export const views: readonly View[] = [
  {
    name: "cutaway",
    figure: 1,
    title: "Cutaway",
    Picture: CutawayPicture,
    Text: later("CutawayText", () => import("./cutaway/CutawayText.tsx")),
  },
  {
    name: "processes",
    figure: 2,
    title: "Processes",
    Picture: later("ProcessPicture", () => import("./processes/ProcessPicture.tsx")),
    Text: later("ProcessText", () => import("./processes/ProcessText.tsx")),
  },
  {
    name: "namespaces",
    figure: 3,
    title: "Namespaces",
    Picture: later("NamespacePicture", () => import("./namespaces/NamespacePicture.tsx")),
    Text: later("NamespaceText", () => import("./namespaces/NamespaceText.tsx")),
  },
  {
    name: "cgroups",
    figure: 4,
    title: "cgroups",
    Picture: later("CgroupPicture", () => import("./cgroups/CgroupPicture.tsx")),
    Text: later("CgroupText", () => import("./cgroups/CgroupText.tsx")),
  },
  {
    name: "layers",
    figure: 5,
    title: "Layers",
    Picture: later("LayersPicture", () => import("./layers/LayersPicture.tsx")),
    Text: later("LayersText", () => import("./layers/LayersText.tsx")),
  },
  {
    name: "network",
    figure: 6,
    title: "Network",
    Picture: later("NetworkPicture", () => import("./network/NetworkPicture.tsx")),
    Text: later("NetworkText", () => import("./network/NetworkText.tsx")),
  },
  {
    name: "files",
    figure: 9,
    title: "Files",
    Picture: later("FilesPicture", () => import("./files/FilesPicture.tsx")),
    Text: later("FilesText", () => import("./files/FilesText.tsx")),
  },
];

/** What is told below the view of the thing that is selected. */
export const details: Readonly<Partial<Record<SelectionKind, ComponentType>>> = {
  task: later("ProcessDetail", () => import("./processes/ProcessDetail.tsx")),
  namespace: later("NamespaceDetail", () => import("./namespaces/NamespaceDetail.tsx")),
  cgroup: later("CgroupDetail", () => import("./cgroups/CgroupDetail.tsx")),
  container: later("ContainerDetail", () => import("./cutaway/ContainerDetail.tsx")),
  mount: later("MountDetail", () => import("./files/MountDetail.tsx")),
};

export function getView(name: ViewName): View {
  return views.find((view) => view.name === name) ?? (views[0] as View);
}
