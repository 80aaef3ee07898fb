/** How a command ends early: with a message and a status, or with what the daemon answered. */

/** Printed as it is; nothing is printed where the message is empty. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly status = 1,
  ) {
    super(message);
  }
}

/** A refusal of the daemon: `Error response from daemon: …`. */
export class ApiError extends CliError {
  constructor(
    /** HTTP status. */
    readonly httpStatus: number,
    /** The daemon's own words. */
    readonly reason: string,
  ) {
    super(`Error response from daemon: ${reason}`);
  }

  get isNotFound(): boolean {
    return this.httpStatus === 404;
  }
}

/** No daemon listens at the host. */
export class ConnectionError extends CliError {}
