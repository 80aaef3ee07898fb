/** A thing of a drawing that can be pointed at, selected, and reached by keyboard. */
import type { CSSProperties, ReactNode } from "react";
import { isSameSelection, type Selection } from "../selection.ts";
import { hover, toggleSelection, useStore } from "../store.ts";

interface Props {
  readonly id: string;
  /** What a screen reader says. */
  readonly name: string;
  readonly selection: Selection;
  readonly className: string;
  readonly style?: CSSProperties;
  /** The one of the drawing that Tab comes to. */
  readonly tabbable: boolean;
  readonly onFocus: (id: string) => void;
  readonly children: ReactNode;
}

export function Shape({ id, name, selection, className, style, tabbable, onFocus, children }: Props) {
  const selected = useStore((state) => isSameSelection(state.selection, selection));
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button.
    <g
      className={`shape ${className}${selected ? " selected" : ""}`}
      style={style}
      role="button"
      aria-label={name}
      aria-pressed={selected}
      data-key={id}
      tabIndex={tabbable ? 0 : -1}
      onClick={() => toggleSelection(selection)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        toggleSelection(selection);
      }}
      onPointerEnter={(event) => event.pointerType === "mouse" && hover(selection)}
      onFocus={() => onFocus(id)}
    >
      {children}
    </g>
  );
}
