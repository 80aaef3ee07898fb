import { replayTopic } from "./replay.ts";

replayTopic("run-options");
