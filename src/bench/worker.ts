/** The bench inside a web worker: measures and answers with one message. */

import { measure } from "./micro.ts";

postMessage(measure());
