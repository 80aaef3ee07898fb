/** What is selected or pointed at: one thing of the machine, whichever view shows it. Shared by all views. */

export type Selection =
  | { readonly kind: "task"; readonly pid: number }
  | { readonly kind: "namespace"; readonly ino: number }
  | { readonly kind: "cgroup"; readonly id: number }
  | { readonly kind: "mount"; readonly id: number }
  | { readonly kind: "overlay"; readonly id: number }
  /** One of Docker's, by its 64 hexadecimal digits; by the first twelve, where it comes from an address. */
  | { readonly kind: "container"; readonly id: string };

export type SelectionKind = Selection["kind"];

/** What tells it apart from others of its kind. */
export function getKey(selection: Selection): number | string {
  if (selection.kind === "task") return selection.pid;
  return selection.kind === "namespace" ? selection.ino : selection.id;
}

export function isSameSelection(a: Selection | undefined, b: Selection | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.kind === b.kind && getKey(a) === getKey(b);
}
