/** What a build tells its client: JSON messages. moby `pkg/streamformatter`. */

import type { Proc } from "../../abi/sys.ts";
import type { MessageStream } from "../images/progress.ts";

/** A failure with the status that the client is to end with. */
export class StepFailure extends Error {
  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message);
  }
}

export class BuildOutput {
  constructor(readonly messages: MessageStream) {}

  stdout(text: string): Proc<void> {
    return this.messages.text(text);
  }

  /** In red. */
  stderr(text: string): Proc<void> {
    return this.messages.text(`\x1b[91m${text}\x1b[0m`);
  }

  /** The id of what was built so far. */
  imageId(id: string): Proc<void> {
    return this.messages.message({ aux: { ID: id } });
  }

  failure({ message, code }: StepFailure): Proc<void> {
    return this.messages.message({ errorDetail: { code, message }, error: message });
  }
}
