/** Which mount namespace is looked at. */
import { chooseNamespace, type NamespaceChoice } from "./state.ts";

interface Props {
  readonly mntNs: number | undefined;
  readonly namespaces: readonly NamespaceChoice[];
}

export function FilesBar({ mntNs, namespaces }: Props) {
  return (
    <div className="view-bar">
      <label>
        <span className="label">Mount namespace</span>
        <select value={mntNs ?? ""} onChange={(event) => chooseNamespace(Number(event.target.value))}>
          {namespaces.map((one) => (
            <option key={one.mntNs} value={one.mntNs}>
              {`${one.label} · mnt:[${one.mntNs}] · ${one.processes} ${one.processes === 1 ? "process" : "processes"}`}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
