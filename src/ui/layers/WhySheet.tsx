/** "Why do I see this?": the layers that have a word about the selected name, from the top down, and what they hold. */
import type { LayerEntry, OverlayEntity } from "../../bridge/messages.ts";
import { useSession } from "../context.tsx";
import { isBinary, renderHex, renderText } from "../files/content.ts";
import { isDirectory, joinPath, quote, showName } from "../files/names.ts";
import { DiffMark } from "./DiffMark.tsx";
import { findMountsOf, getEntries, listLayered, openDirectory, showContent, useLayers } from "./state.ts";
import { explain, summarise } from "./words.ts";

export function WhySheet({ overlay }: { readonly overlay: OverlayEntity | undefined }) {
  const state = useLayers();
  const { name, path } = state;
  const entry = getEntries(state).find((one) => one.name === name);
  if (overlay === undefined || name === undefined || state.answer?.kind !== "layers") return null;
  const full = joinPath(path, name);
  return (
    <section className="detail why" aria-label={`Why ${showName(full)} is seen`}>
      <div className="detail-head">
        <span className="label">Why</span>
        <h3>
          <bdi>{showName(full)}</bdi>
        </h3>
        <button type="button" className="plain-button" onClick={() => useLayers.setState({ name: undefined, content: undefined })}>
          Close
        </button>
      </div>
      {entry === undefined ? (
        <p className="detail-state">No layer has anything of this name any more.</p>
      ) : (
        <Reasons entry={entry} overlay={overlay} path={full} />
      )}
    </section>
  );
}

function Reasons({ entry, overlay, path }: { readonly entry: LayerEntry; readonly overlay: OverlayEntity; readonly path: string }) {
  const session = useSession();
  const content = useLayers((state) => state.content);
  const steps = explain(entry, listLayered(overlay));
  const mount = findMountsOf(overlay.id)[0];
  const directory = steps.some(({ layer }) => entry.layers.some((one) => one.layer === layer.index && isDirectory(one.mode)));
  return (
    <>
      <p className="detail-state">{summarise(entry, steps)}</p>
      <ol className="steps">
        {steps.map(({ layer, change, provides, hidden, words, readable }) => (
          <li key={layer.index} className={`${provides ? "provides" : ""}${hidden ? " hidden" : ""}`}>
            <svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">
              {change === undefined ? <ellipse className="hole" rx={5} ry={3} /> : <DiffMark change={change} />}
            </svg>
            <span className="step-layer">{layer.label}</span>
            <span>{words}</span>
            {readable && (
              <button
                type="button"
                aria-pressed={content?.layer === layer.index}
                aria-label={`Content in ${layer.label}`}
                onClick={() => showContent(session, overlay.id, layer.index)}
              >
                content
              </button>
            )}
          </li>
        ))}
      </ol>
      <LayerContent />
      <div className="chips">
        {directory && (
          <button type="button" className="chip" onClick={() => openDirectory(path)}>
            look into {showName(entry.name)}/
          </button>
        )}
        {mount !== undefined && entry.merged !== undefined && !directory && (
          <Commands path={joinPath(mount.target, path.slice(1))} run={(command) => session.typeCommand(command)} />
        )}
      </div>
    </>
  );
}

function Commands({ path, run }: { readonly path: string; readonly run: (command: string) => void }) {
  const commands = [
    { command: `echo more >> ${quote(path)}`, danger: false },
    { command: `rm ${quote(path)}`, danger: true },
  ];
  return commands.map(({ command, danger }) => (
    <button type="button" key={command} className={`chip${danger ? " danger" : ""}`} onClick={() => run(command)}>
      {command}
    </button>
  ));
}

function LayerContent() {
  const content = useLayers((state) => state.content);
  if (content?.answer === undefined) return null;
  const { answer } = content;
  if (answer.kind !== "file") return <p className="detail-state">{`It cannot be read: ${answer.kind === "error" ? answer.errno : ""}.`}</p>;
  if (answer.sizeBytes === 0) return <p className="detail-state">It is empty there.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section className="file-content" tabIndex={0} aria-label="Content in this layer">
      <pre>{isBinary(answer.bytes) ? renderHex(answer.bytes) : renderText(answer.bytes)}</pre>
    </section>
  );
}
