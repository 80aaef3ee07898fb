/** The text twin of the stack: a row for each name, and what its layers have. */
import "../styles/layers.css";
import { formatBytes } from "../format.ts";
import { formatMode, isDirectory, isRegular, joinPath, showName } from "../files/names.ts";
import { live } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { EmptyLayers } from "./EmptyLayers.tsx";
import { LayersBar } from "./LayersBar.tsx";
import { getEntries, listLayered, openDirectory, toggleName, useFreshLayers, useLayers, useShownOverlay } from "./state.ts";
import { useFlights } from "./use-flights.ts";
import { WhySheet } from "./WhySheet.tsx";
import { explain } from "./words.ts";

const KINDS = ["overlays", "mounts"] as const;

export function LayersText() {
  useLiveVersion(250, KINDS);
  const overlay = useShownOverlay();
  useFreshLayers(overlay);
  const state = useLayers();
  // What happens is said, though nothing flies here.
  useFlights(overlay?.id, state.path);
  const layers = overlay === undefined ? [] : listLayered(overlay);
  const entries = getEntries(state);
  return (
    <>
      <LayersBar overlay={overlay} />
      <section
        className="drawing plain"
        aria-label="Layers as text"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        {overlay === undefined && live.tasks.size > 0 && <EmptyLayers width={480} />}
        {overlay !== undefined && (
          <>
            <table className="twin layers-text">
              <caption className="visually-hidden">Layers, topmost first</caption>
              <thead>
                <tr>
                  <th scope="col" className="label">
                    Layer
                  </th>
                  <th scope="col" className="label">
                    Directory
                  </th>
                </tr>
              </thead>
              <tbody>
                {layers.map((layer) => (
                  <tr key={layer.index}>
                    <td>{layer.label}</td>
                    <td>
                      {layer.made === undefined ? showName(layer.directory) : `${showName(layer.made)} (${showName(layer.directory)})`}
                    </td>
                  </tr>
                ))}
                {overlay.workdir !== undefined && (
                  <tr>
                    <td>work</td>
                    <td>{showName(overlay.workdir)}</td>
                  </tr>
                )}
              </tbody>
            </table>
            <table className="twin layers-text">
              <caption className="visually-hidden">{`Names in ${showName(state.path)}, with what each layer has`}</caption>
              <thead>
                <tr>
                  {["Name", "As seen", "Layers"].map((head) => (
                    <th key={head} scope="col" className="label">
                      {head}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {entries.map((entry) => (
                  <tr key={entry.name} className={entry.name === state.name ? "selected" : undefined}>
                    <td>
                      <button type="button" onClick={() => toggleName(entry.name)}>
                        {showName(entry.name)}
                      </button>
                      {entry.merged !== undefined && isDirectory(entry.merged.mode) && (
                        <>
                          {" "}
                          <button
                            type="button"
                            aria-label={`Look into ${showName(entry.name)}`}
                            onClick={() => openDirectory(joinPath(state.path, entry.name))}
                          >
                            open
                          </button>
                        </>
                      )}
                    </td>
                    <td>
                      {entry.merged === undefined
                        ? "not seen"
                        : `${formatMode(entry.merged.mode)}${isRegular(entry.merged.mode) ? ` ${formatBytes(entry.merged.sizeBytes)}` : ""}`}
                    </td>
                    <td className="wraps">
                      {explain(entry, layers)
                        .filter(({ change }) => change !== undefined)
                        .map(({ layer, words }) => `${layer.label}: ${words}`)
                        .join("\n")}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}
      </section>
      <WhySheet overlay={overlay} />
    </>
  );
}
