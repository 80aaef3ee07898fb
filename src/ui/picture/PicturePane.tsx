/** The pane of the picture: tabs of its views, the view as drawing or text, and below it what is known of the thing that is selected. */
import { type KeyboardEvent, Suspense, useEffect, useRef } from "react";
import { hover, useStore } from "../store.ts";
import { Fetched } from "./Fetched.tsx";
import { details, getView, type View, views } from "../views.ts";

const PANEL = "picture-panel";

function tabId(view: View): string {
  return `tab-${view.name}`;
}

export function PicturePane({ className = "" }: { readonly className?: string }) {
  const view = useStore((state) => getView(state.view));
  const asText = useStore((state) => state.asText);
  const kind = useStore((state) => state.selection?.kind);
  const Detail = kind === undefined ? undefined : details[kind];
  const Content = asText ? view.Text : view.Picture;
  return (
    <section className={`pane picture${className}`} data-region="picture" aria-label="Picture" onPointerLeave={() => hover(undefined)}>
      <h2 className="visually-hidden">{view.title}</h2>
      <div className="pane-head">
        <ViewTabs shown={view} />
        <button type="button" className="plain-button as-text" aria-pressed={asText} onClick={() => useStore.setState({ asText: !asText })}>
          Text
        </button>
      </div>
      <div className="view" role="tabpanel" id={PANEL} aria-labelledby={tabId(view)}>
        <Fetched key={`${view.name} ${asText}`}>
          <Suspense fallback={<div className="drawing" />}>
            <Content />
          </Suspense>
        </Fetched>
      </div>
      <Fetched key={kind}>
        <Suspense>{Detail !== undefined && <Detail />}</Suspense>
      </Fetched>
    </section>
  );
}

/** Where an arrow key leads from the tab at `at`. */
function findTab(at: number, key: string): View | undefined {
  if (key === "Home") return views[0];
  if (key === "End") return views.at(-1);
  const by = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
  return by === 0 ? undefined : views[(at + by + views.length) % views.length];
}

function ViewTabs({ shown }: { readonly shown: View }) {
  const list = useRef<HTMLDivElement>(null);
  // Chosen by shortcut, it may stand outside of a strip that has no room for all.
  useEffect(() => {
    list.current?.querySelector(`#${tabId(shown)}`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [shown]);
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const next = findTab(views.indexOf(shown), event.key);
    if (next === undefined) return;
    event.preventDefault();
    useStore.setState({ view: next.name });
    list.current?.querySelector<HTMLElement>(`#${tabId(next)}`)?.focus();
  };
  return (
    <div className="view-tabs" role="tablist" aria-label="Views" ref={list} onKeyDown={onKeyDown}>
      {views.map((view) => (
        <button
          key={view.name}
          type="button"
          role="tab"
          id={tabId(view)}
          className="view-tab"
          aria-controls={PANEL}
          aria-selected={view === shown}
          tabIndex={view === shown ? 0 : -1}
          data-region-start={view === shown ? true : undefined}
          title={`${view.title} (Alt ${view.figure})`}
          onClick={() => useStore.setState({ view: view.name })}
        >
          <span className="figure" aria-hidden="true">
            {view.figure}
          </span>
          {view.title}
        </button>
      ))}
    </div>
  );
}
