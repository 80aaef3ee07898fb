/** What is known of the selected mount, and commands about it that are typed into the terminal. */
import "../styles/files.css";
import type { MountEntity } from "../../bridge/messages.ts";
import { useSession } from "../context.tsx";
import { showLayersOf } from "../layers/state.ts";
import { live, useStore } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { getPropagation } from "./layout.ts";
import { quote, showName } from "./names.ts";
import { findHostNs, listNamespaces } from "./state.ts";

const KINDS = ["mounts", "tasks"] as const;

export function MountDetail() {
  const id = useStore(({ selection }) => (selection?.kind === "mount" ? selection.id : undefined));
  useLiveVersion(250, KINDS);
  if (id === undefined) return null;
  const mount = live.mounts.get(id);
  return (
    <section className="detail mount-detail" aria-label={`Mount ${id}`}>
      <div className="detail-head">
        <span className="label">Detail</span>
        <h3>{mount === undefined ? `mount ${id}` : `${mount.fstype} on ${showName(mount.target)}`}</h3>
        <button type="button" className="plain-button" onClick={() => useStore.setState({ selection: undefined })}>
          Close
        </button>
      </div>
      {mount === undefined ? <p className="detail-state">There is no mount {id} any more.</p> : <Facts mount={mount} />}
    </section>
  );
}

const SENTENCES = {
  shared: "What is mounted below it appears below its peers too, and the other way round.",
  slave: "What is mounted below its master appears here too; what is mounted here stays here.",
  "slave and shared": "It receives from its master, and passes on to its own peers.",
  private: "What is mounted below it is seen nowhere else.",
  unbindable: "It is private, and bind mounts leave it out.",
} as const;

/** Commands as the shell takes them; typed into a terminal they act in its own mount namespace, so for another they enter it first. */
function listCommands(mount: MountEntity): readonly { readonly command: string; readonly danger: boolean }[] {
  const target = quote(mount.target);
  const inside = mount.mntNs === findHostNs() ? "" : enter(mount.mntNs);
  if (inside === undefined) return [];
  const change = getPropagation(mount) === "private" ? "--make-shared" : "--make-private";
  const commands = [
    { command: `${inside}findmnt -o +PROPAGATION ${target}`, danger: false },
    { command: `${inside}mount ${change} ${target}`, danger: false },
    { command: `${inside}mount -o remount,${mount.options.startsWith("ro") ? "rw" : "ro"} ${target}`, danger: false },
  ];
  return mount.target === "/" ? commands : [...commands, { command: `${inside}umount ${target}`, danger: true }];
}

/** How a command begins that runs in another mount namespace; undefined where no process is in it. */
function enter(mntNs: number): string | undefined {
  for (const task of live.tasks.values()) if (task.namespaces.mnt === mntNs) return `nsenter -m -t ${task.pid} `;
  return undefined;
}

function Facts({ mount }: { readonly mount: MountEntity }) {
  const session = useSession();
  const propagation = getPropagation(mount);
  const who = listNamespaces().find(({ mntNs }) => mntNs === mount.mntNs)?.label ?? "";
  const peers = [...live.mounts.values()].filter((other) => other !== mount && mount.shared !== undefined && other.shared === mount.shared);
  const told = peers.slice(0, 12).map((peer) => `${peer.id} ${showName(peer.target)}`);
  const groups = [
    mount.shared === undefined ? "" : `in group ${mount.shared}${told.length === 0 ? ", alone" : ` with ${told.join(", ")}`}`,
    mount.master === undefined ? "" : `receives from group ${mount.master}`,
  ].filter((words) => words !== "");
  const facts: readonly (readonly [string, string])[] = [
    ["Mount", String(mount.id)],
    ["On", mount.parent === undefined ? "none" : String(mount.parent)],
    ["Type", mount.fstype],
    ["Source", showName(mount.source)],
    ["Its root", showName(mount.root)],
    ["Namespace", who],
  ];
  return (
    <>
      <p className="detail-state">
        {`It is ${propagation}. ${SENTENCES[propagation]}`}
        {mount.covered ? " Another mount covers it: no path leads here." : ""}
      </p>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt className="label">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div className="wide">
          <dt className="label">Options</dt>
          <dd>{showName(mount.options)}</dd>
        </div>
        {groups.length > 0 && (
          <div className="wide">
            <dt className="label">Peer groups</dt>
            <dd>{groups.join("; ")}</dd>
          </div>
        )}
      </dl>
      <div className="chips">
        {mount.overlay !== undefined && (
          <button type="button" className="chip" onClick={() => showLayersOf(mount, mount.target)}>
            show its layers
          </button>
        )}
        {listCommands(mount).map(({ command, danger }) => (
          <button type="button" key={command} className={`chip${danger ? " danger" : ""}`} onClick={() => session.typeCommand(command)}>
            {command}
          </button>
        ))}
      </div>
    </>
  );
}
