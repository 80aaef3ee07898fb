/** Arithmetic of sequence numbers, which wrap around at 2³²: RFC 9293 3.4, Linux `before()`, `after()`. */

export const seqAdd = (seq: number, by: number): number => (seq + by) >>> 0;

/** How far `a` is ahead of `b`; negative where it is behind. */
export const seqDiff = (a: number, b: number): number => (a - b) | 0;

export const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;

export const after = (a: number, b: number): boolean => ((b - a) | 0) < 0;
