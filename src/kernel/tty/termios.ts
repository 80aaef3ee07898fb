/** Terminal settings as a new terminal has them: Linux `tty_std_termios` and `drivers/tty/pty.c`. */

import {
  B38400,
  CREAD,
  CS8,
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  HUPCL,
  ICANON,
  ICRNL,
  IEXTEN,
  ISIG,
  IXON,
  NCCS,
  ONLCR,
  OPOST,
  type Termios,
} from "../../abi/termios.ts";

/** VINTR ^C, VQUIT ^\, VERASE ^?, VKILL ^U, VEOF ^D, VTIME 0, VMIN 1, VSWTC -, VSTART ^Q, VSTOP ^S, VSUSP ^Z, VEOL -, VREPRINT ^R, VDISCARD ^O, VWERASE ^W, VLNEXT ^V, VEOL2 -. */
const INIT_CC: readonly number[] = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0];

const LOCAL = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;

export const PTY_TERMIOS: Termios = { iflag: ICRNL | IXON, oflag: OPOST | ONLCR, cflag: B38400 | CS8 | CREAD, lflag: LOCAL, cc: INIT_CC };

export const CONSOLE_TERMIOS: Termios = { ...PTY_TERMIOS, cflag: B38400 | CS8 | CREAD | HUPCL };

/** A copy that nobody else can change, with exactly NCCS control characters. */
export function copyTermios(t: Termios): Termios {
  return {
    iflag: t.iflag,
    oflag: t.oflag,
    cflag: t.cflag,
    lflag: t.lflag,
    cc: Array.from({ length: NCCS }, (_, i) => (t.cc[i] ?? 0) & 0xff),
  };
}
