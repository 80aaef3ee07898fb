/**
 * Follows the machine from React, at a pace that a picture needs and not at that of the frames.
 */
import { useEffect, useState } from "react";
import { live, onFrame } from "./store.ts";

/** The version of the machine's processes; renders again when it changed, at most every `everyMs`. */
export function useLiveVersion(everyMs: number): number {
  const [version, setVersion] = useState(live.version);
  useEffect(() => {
    let lastMs = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = (): void => {
      timer = undefined;
      lastMs = performance.now();
      setVersion(live.version);
    };
    const end = onFrame(() => {
      if (timer !== undefined) return;
      timer = setTimeout(show, Math.max(0, everyMs - (performance.now() - lastMs)));
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [everyMs]);
  return version;
}

/** Calls `draw` at most once an animation frame while the machine's frames come. */
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
