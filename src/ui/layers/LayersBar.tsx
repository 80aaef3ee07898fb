/** Which overlay is looked at, and which directory of it. */
import type { OverlayEntity } from "../../bridge/messages.ts";
import { formatBytes } from "../format.ts";
import { joinPath, showName } from "../files/names.ts";
import { listNamespaces } from "../files/state.ts";
import { live } from "../store.ts";
import { chooseOverlay, findMountsOf, openDirectory, useLayers } from "./state.ts";

function describe(id: number): string {
  const [mount, ...others] = findMountsOf(id);
  if (mount === undefined) return `overlay ${id}`;
  const who = listNamespaces().find(({ mntNs }) => mntNs === mount.mntNs)?.label ?? `mnt:[${mount.mntNs}]`;
  return `${showName(mount.target)}${others.length > 0 ? ` and ${others.length} more` : ""} · ${who}`;
}

export function LayersBar({ overlay }: { readonly overlay: OverlayEntity | undefined }) {
  const path = useLayers((state) => state.path);
  if (overlay === undefined) return null;
  const names = path.split("/").filter((name) => name !== "");
  const figures = [
    `${overlay.copiedUp} copied up${overlay.copiedUpBytes > 0 ? ` (${formatBytes(overlay.copiedUpBytes)})` : ""}`,
    `${overlay.whiteouts} ${overlay.whiteouts === 1 ? "whiteout" : "whiteouts"}`,
  ];
  return (
    <div className="view-bar layers-bar">
      <label>
        <span className="label">Overlay</span>
        <select value={overlay.id} onChange={(event) => chooseOverlay(Number(event.target.value))}>
          {[...live.overlays.keys()].map((id) => (
            <option key={id} value={id}>
              {describe(id)}
            </option>
          ))}
        </select>
      </label>
      <nav className="crumbs" aria-label="Directory">
        <button type="button" onClick={() => openDirectory("/")} aria-current={names.length === 0 ? "page" : undefined}>
          /
        </button>
        {names.map((name, i) => {
          const to = names.slice(0, i + 1).reduce(joinPath, "/");
          return (
            <button key={to} type="button" onClick={() => openDirectory(to)} aria-current={i === names.length - 1 ? "page" : undefined}>
              <bdi>{`${showName(name)}/`}</bdi>
            </button>
          );
        })}
      </nav>
      <span className="figures">{figures.join(" · ")}</span>
    </div>
  );
}
