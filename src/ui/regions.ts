/**
 * The panes that F6 goes around, so that a terminal, which takes every other key, can be left by keyboard.
 */

/** Elements marked `data-region`, in document order, that are on the screen. */
function listRegions(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-region]")].filter(
    (region) => region.offsetParent !== null || region.getClientRects().length > 0,
  );
}

export function cycleRegions(by: 1 | -1): void {
  const regions = listRegions();
  const at = regions.findIndex((region) => region.contains(document.activeElement));
  const next = regions[at < 0 ? 0 : (at + by + regions.length) % regions.length];
  if (next === undefined) return;
  const inner =
    next.querySelector<HTMLElement>("textarea, [data-region-start]") ?? next.querySelector<HTMLElement>('button, [tabindex="0"]');
  (inner ?? next).focus();
}
