/** The mark of a kind of namespaces: shape and hue. */
import type { NamespaceKind } from "../../bridge/messages.ts";
import { getKindFace } from "./kinds.ts";

export function KindMark({ kind, x = 0, y = 0 }: { readonly kind: NamespaceKind; readonly x?: number; readonly y?: number }) {
  return (
    <path className="kind-mark" d={getKindFace(kind).mark} transform={`translate(${x} ${y})`} style={{ stroke: `var(--ns-${kind})` }} />
  );
}
