/** What is known of the selected namespace, and commands about it that are typed into the terminal. */
import { lazy, Suspense } from "react";
import type { NamespaceEntity } from "../../bridge/messages.ts";
import { useSession } from "../context.tsx";
import { formatCount } from "../format.ts";
import type { LiveKind } from "../live.ts";
import { findFirst } from "../relations.ts";
import { live, toggleSelection, useStore } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { getKindFace } from "./kinds.ts";
import { listMembers } from "./members.ts";

const SEEN: readonly LiveKind[] = ["tasks", "namespaces", "networks"];
const NetworkFacts = lazy(async () => ({ default: (await import("../network/NetworkFacts.tsx")).NetworkFacts }));
const MEMBERS_SHOWN = 12;

/** What `label` says of each kind. */
const LABELS: Readonly<Partial<Record<NamespaceEntity["kind"], string>>> = {
  uts: "Host name",
  user: "Ids: inside, outside, count",
  time: "Clock offset",
};

export function NamespaceDetail() {
  const ino = useStore(({ selection }) => (selection?.kind === "namespace" ? selection.ino : undefined));
  useLiveVersion(250, SEEN);
  if (ino === undefined) return null;
  const ns = live.namespaces.get(ino);
  return (
    <section className="detail" aria-label={`Namespace ${ino}`}>
      <div className="detail-head">
        <span className="label">Detail</span>
        <h3>{ns === undefined ? `namespace ${ino}` : `${ns.kind}:[${ino}]`}</h3>
        <button type="button" className="plain-button" onClick={() => useStore.setState({ selection: undefined })}>
          Close
        </button>
      </div>
      {ns === undefined ? <p className="detail-state">There is no namespace {ino} any more.</p> : <Facts ns={ns} />}
    </section>
  );
}

function Facts({ ns }: { readonly ns: NamespaceEntity }) {
  const session = useSession();
  const members = listMembers(live.tasks, live.namespaces, ns.ino);
  const { option, isolates } = getKindFace(ns.kind);
  const isFirst = findFirst(live.namespaces).get(ns.kind) === ns.ino;
  const lead = members.find((task) => task.namespaces[ns.kind] === ns.ino) ?? members[0];
  const network = live.networks.get(ns.ino);
  const commands = listCommands(ns, option, lead?.pid, isFirst);
  const facts: readonly (readonly [string, number | undefined, string])[] = [
    ["Nested in", ns.parent, "none"],
    ["Owned by user namespace", ns.owner, "none"],
  ];
  return (
    <>
      <p className="detail-state">
        {isFirst ? "The machine booted with it. " : ""}It isolates {isolates}.
      </p>
      <dl>
        {facts.map(([name, other, none]) => (
          <div key={name} className="half">
            <dt className="label">{name}</dt>
            <dd>{other === undefined ? none : <Link ino={other} />}</dd>
          </div>
        ))}
        {LABELS[ns.kind] !== undefined && (
          <div className="wide">
            <dt className="label">{LABELS[ns.kind]}</dt>
            <dd>{ns.label === "" ? "none" : ns.label}</dd>
          </div>
        )}
        <div className="wide">
          <dt className="label">{members.length === 1 ? "1 process" : `${formatCount(members.length)} processes`}</dt>
          <dd className="members">
            {members.slice(0, MEMBERS_SHOWN).map((task) => (
              <button key={task.pid} type="button" className="link-button" onClick={() => toggleSelection({ kind: "task", pid: task.pid })}>
                {task.comm} {task.pid}
              </button>
            ))}
            {members.length > MEMBERS_SHOWN && <span>and {formatCount(members.length - MEMBERS_SHOWN)} more</span>}
            {members.length === 0 && "An open file or a mount keeps it, or it waits for its first process."}
          </dd>
        </div>
        {network !== undefined && (
          <Suspense>
            <NetworkFacts key={ns.ino} network={network} />
          </Suspense>
        )}
      </dl>
      <div className="chips">
        {commands.map((command) => (
          <button type="button" key={command} className="chip" onClick={() => session.typeCommand(command)}>
            {command}
          </button>
        ))}
      </div>
    </>
  );
}

function Link({ ino }: { readonly ino: number }) {
  return (
    <button type="button" className="link-button" onClick={() => toggleSelection({ kind: "namespace", ino })}>
      {ino}
    </button>
  );
}

function listCommands(ns: NamespaceEntity, option: string, pid: number | undefined, isFirst: boolean): readonly string[] {
  const list = `lsns -t ${ns.kind}`;
  if (pid === undefined) return [list];
  const look = `readlink /proc/${pid}/ns/${ns.kind}`;
  const enter = isFirst ? [] : [`nsenter ${option} -t ${pid} bash`];
  const more = { user: [`cat /proc/${pid}/uid_map`], mnt: [`cat /proc/${pid}/mountinfo`], pid: [`grep NSpid /proc/${pid}/status`] };
  return [list, look, ...(more[ns.kind as keyof typeof more] ?? []), ...enter];
}
