/** What is in the file that was opened: as text or in hexadecimal, with the mount that it lives on, and the whole of it to download. */
import { useMemo } from "react";
import type { Answer } from "../../bridge/messages.ts";
import { useSession } from "../context.tsx";
import { formatBytes } from "../format.ts";
import { showLayersOf } from "../layers/state.ts";
import type { Session } from "../session.ts";
import { announce, live, useStore } from "../store.ts";
import { formatMode, quote, showName } from "./names.ts";
import { type ShownFile, useFiles } from "./state.ts";
import { isBinary, renderHex, renderText } from "./content.ts";

/** A download is fetched in pieces of this size, and no more than so many bytes of it. */
const PIECE_BYTES = 1 << 20;
const MOST_BYTES = 256 << 20;

const close = (): void => useFiles.setState({ file: undefined });

export function FileSheet() {
  const file = useFiles((state) => state.file);
  if (file === undefined) return null;
  const { answer, path } = file;
  return (
    <section className="detail file-sheet" aria-label={`File ${showName(path)}`}>
      <div className="detail-head">
        <span className="label">File</span>
        <h3>
          <bdi>{showName(path)}</bdi>
        </h3>
        <button type="button" className="plain-button" onClick={close}>
          Close
        </button>
      </div>
      {answer === undefined && <p className="detail-state">…</p>}
      {answer?.kind === "error" && <Refused errno={answer.errno} path={path} />}
      {answer?.kind === "file" && <Content file={file} answer={answer} />}
    </section>
  );
}

const REASONS: Readonly<Record<string, string>> = {
  EOPNOTSUPP: "The kernel makes this up at the moment it is read. Read it from inside:",
  EISDIR: "It leads to a directory.",
  EINVAL: "It is not a regular file.",
  ENOENT: "It is not there any more.",
};

function Refused({ errno, path }: { readonly errno: string; readonly path: string }) {
  const session = useSession();
  const command = errno === "EISDIR" ? `ls -l ${quote(path)}/` : errno === "EOPNOTSUPP" ? `cat ${quote(path)}` : `stat ${quote(path)}`;
  return (
    <>
      <p className="detail-state">{REASONS[errno] ?? `It cannot be read: ${errno}.`}</p>
      <div className="chips">
        <button type="button" className="chip" onClick={() => session.typeCommand(command)}>
          {command}
        </button>
      </div>
    </>
  );
}

function Content({ file, answer }: { readonly file: ShownFile; readonly answer: Answer & { kind: "file" } }) {
  const session = useSession();
  const chosen = useFiles((state) => state.asHex);
  const asHex = chosen ?? isBinary(answer.bytes);
  const text = useMemo(() => (asHex ? renderHex(answer.bytes) : renderText(answer.bytes)), [asHex, answer]);
  const { entry, sizeBytes } = answer;
  const mount = answer.mount === undefined ? undefined : live.mounts.get(answer.mount);
  const part = answer.bytes.length < sizeBytes ? `the first ${formatBytes(answer.bytes.length)} of ` : "";
  return (
    <>
      <p className="file-facts">
        <span>{formatMode(entry.mode)}</span>
        <span>{`${entry.uid}:${entry.gid}`}</span>
        <span>{`${part}${formatBytes(sizeBytes)}`}</span>
        {mount !== undefined && (
          <button
            type="button"
            onClick={() => {
              close();
              useStore.setState({ selection: { kind: "mount", id: mount.id } });
            }}
          >
            {`on mount ${mount.id}, ${mount.fstype} at ${showName(mount.target)}`}
          </button>
        )}
        {mount?.overlay !== undefined && (
          <button type="button" onClick={() => showLayersOf(mount, file.path)}>
            which layer?
          </button>
        )}
      </p>
      {sizeBytes === 0 ? (
        <p className="detail-state">It is empty.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <section className="file-content" tabIndex={0} aria-label={asHex ? "Content in hexadecimal" : "Content"}>
          <pre>{text}</pre>
        </section>
      )}
      <div className="chips">
        <button type="button" className="chip" aria-pressed={asHex} onClick={() => useFiles.setState({ asHex: !asHex })}>
          {asHex ? "show as text" : "show as hex"}
        </button>
        <button type="button" className="chip" onClick={() => void download(session, file, sizeBytes)}>
          download
        </button>
        <button type="button" className="chip" onClick={() => session.typeCommand(`cat ${quote(file.path)}`)}>
          {`cat ${showName(file.path)}`}
        </button>
      </div>
    </>
  );
}

/** Fetches all of a file and offers it. What grows or shrinks meanwhile is taken as it comes. */
async function download(session: Session, { mntNs, path }: ShownFile, sizeBytes: number): Promise<void> {
  if (sizeBytes > MOST_BYTES) {
    announce(`The file is larger than ${formatBytes(MOST_BYTES)}: it is not downloaded.`);
    return;
  }
  const pieces: BlobPart[] = [];
  for (let offset = 0; offset < MOST_BYTES; ) {
    const answer = await session.ask({ kind: "file", mntNs, path, maxBytes: PIECE_BYTES, offset });
    if (answer.kind !== "file" || answer.bytes.length === 0) break;
    pieces.push(answer.bytes as BlobPart);
    offset += answer.bytes.length;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(pieces, { type: "application/octet-stream" }));
  link.download = path.slice(path.lastIndexOf("/") + 1);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
