import { replayTopic } from "./replay.ts";

replayTopic("build-classic");
