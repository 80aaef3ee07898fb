/**
 * Follows the machine from React, at a pace that a picture needs and not at that of the frames.
 */
import { type RefObject, useEffect, useLayoutEffect, useState } from "react";
import type { LiveKind } from "./live.ts";
import { findRelated, type Related } from "./relations.ts";
import { live, onFrame, useStore } from "./store.ts";

const TASKS: readonly LiveKind[] = ["tasks"];

function addVersions(kinds: readonly LiveKind[]): number {
  return kinds.reduce((sum, kind) => sum + live.versions[kind], 0);
}

/** A number that changes with the machine's things of these kinds; renders again when it did, at most every `everyMs`. `kinds` is a constant. */
export function useLiveVersion(everyMs: number, kinds: readonly LiveKind[] = TASKS): number {
  const [version, setVersion] = useState(() => addVersions(kinds));
  useEffect(() => {
    let lastMs = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = (): void => {
      timer = undefined;
      lastMs = performance.now();
      setVersion(addVersions(kinds));
    };
    const end = onFrame(() => {
      if (timer !== undefined) return;
      timer = setTimeout(show, Math.max(0, everyMs - (performance.now() - lastMs)));
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [everyMs, kinds]);
  return version;
}

/** Renders again after frames of the machine, at most every `everyMs`; seldom for a visitor who asked for no motion. */
export function useLiveTick(everyMs: number): void {
  const [, setTick] = useState(0);
  useEffect(() => {
    const paceMs = matchMedia("(prefers-reduced-motion: reduce)").matches ? Math.max(everyMs, 500) : everyMs;
    let lastMs = 0;
    let lastNs = -1;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = onFrame(() => {
      if (timer !== undefined || live.nowNs === lastNs) return;
      timer = setTimeout(
        () => {
          timer = undefined;
          lastMs = performance.now();
          lastNs = live.nowNs;
          setTick((tick) => tick + 1);
        },
        Math.max(0, paceMs - (performance.now() - lastMs)),
      );
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [everyMs]);
}

/** What has to do with the thing under the pointer, whichever view it is in; undefined while there is none. Read anew whenever the caller renders. */
export function useRelated(): Related | undefined {
  const hovered = useStore((state) => state.hovered);
  return hovered === undefined ? undefined : findRelated(live, hovered);
}

/** An element's inner size, followed. */
export function useSize(element: RefObject<HTMLElement | null>): { readonly width: number; readonly height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const target = element.current;
    if (target === null) return;
    const measure = (): void => {
      const { clientWidth: width, clientHeight: height } = target;
      setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

/** Draws outside React after every frame of the machine, once an animation frame at most. */
export function useFrame(draw: () => void): void {
  useEffect(() => {
    let request = 0;
    const run = (): void => {
      request = 0;
      draw();
    };
    run();
    const end = onFrame(() => {
      if (request === 0) request = requestAnimationFrame(run);
    });
    return () => {
      end();
      cancelAnimationFrame(request);
    };
  }, [draw]);
}
