/** random(3) of glibc (TYPE_3, additive feedback): what mawk's and busybox's rand() draw from. */

export class GlibcRandom {
  private state: Int32Array = new Int32Array(34);
  private front = 0;
  private readonly ring = new Int32Array(31);

  constructor(seed: number) {
    this.seed(seed);
  }

  seed(seed: number): void {
    const r = this.state;
    let word = seed >>> 0 === 0 ? 1 : seed | 0;
    r[0] = word;
    for (let i = 1; i < 31; i++) {
      const hi = Math.trunc(word / 127773);
      const lo = word % 127773;
      word = 16807 * lo - 2836 * hi;
      if (word < 0) word += 2147483647;
      r[i] = word;
    }
    for (let i = 0; i < 31; i++) this.ring[i] = r[i] as number;
    // The first three words of the recurrence repeat the seed's; the next 310 are thrown away.
    this.front = 3;
    for (let i = 0; i < 310; i++) this.next();
  }

  /** 0 … 2³¹ - 1. */
  next(): number {
    const { ring, front } = this;
    const value = ((ring[front] as number) + (ring[(front + 28) % 31] as number)) | 0;
    ring[front] = value;
    this.front = (front + 1) % 31;
    return value >>> 1;
  }
}
