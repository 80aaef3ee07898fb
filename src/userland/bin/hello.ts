/** /hello of the image hello-world: says that the way from the command to this line works, and what that way was. */

import type { Executable } from "../executable.ts";
import { writeAll } from "../libc/stdio.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";

const MESSAGE = `
Hello from Docker!
This message shows that your installation appears to be working correctly.

What happened until it came here:
 1. The Docker client asked the Docker daemon to run this image.
 2. The daemon pulled the "hello-world" image from the Docker Hub.
    (amd64)
 3. The daemon made a container of it and started the program whose output you
    are reading.
 4. The daemon passed that output to the client, which wrote it to your terminal.

For something with more in it, try an Ubuntu container:
 $ docker run -it ubuntu bash

`;

export const hello: Executable = {
  name: "hello",
  *main(sys) {
    yield* writeAll(sys, 1, encodeUtf8(MESSAGE));
    return 0;
  },
};
