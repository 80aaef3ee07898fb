/** Round trips, and the timeout that follows from them: RFC 6298, Linux `tcp_rtt_estimator`. */

import { RTO_MAX_NS, RTO_MIN_NS } from "./constants.ts";
import { after } from "./seq.ts";
import type { Tcb } from "./tcb.ts";

/** tcp_rtt_estimator(), tcp_set_rto(): microseconds. */
export function measureRtt(t: Tcb, rttUs: number): void {
  const minUs = RTO_MIN_NS / 1000;
  let m = Math.max(1, Math.floor(rttUs));
  t.minRttUs = t.minRttUs === 0 ? m : Math.min(t.minRttUs, m);
  if (t.srtt === 0) {
    t.srtt = m << 3;
    t.mdev = m << 1;
    t.rttvar = Math.max(t.mdev, minUs);
    t.mdevMax = t.rttvar;
    t.rttSeq = t.sndNxt;
  } else {
    m -= t.srtt >> 3;
    t.srtt = Math.max(1, t.srtt + m);
    if (m < 0) {
      m = -m - (t.mdev >> 2);
      if (m > 0) m >>= 3;
    } else m -= t.mdev >> 2;
    t.mdev += m;
    if (t.mdev > t.mdevMax) {
      t.mdevMax = t.mdev;
      if (t.mdevMax > t.rttvar) t.rttvar = t.mdevMax;
    }
    if (after(t.sndUna, t.rttSeq)) {
      if (t.mdevMax < t.rttvar) t.rttvar -= (t.rttvar - t.mdevMax) >> 2;
      t.rttSeq = t.sndNxt;
      t.mdevMax = minUs;
    }
  }
  t.rtoNs = Math.min(((t.srtt >> 3) + t.rttvar) * 1000, RTO_MAX_NS);
}
