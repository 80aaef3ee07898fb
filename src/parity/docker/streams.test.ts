import { replayTopic } from "./replay.ts";

replayTopic("streams");
