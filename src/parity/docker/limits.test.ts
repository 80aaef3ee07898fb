import { replayTopic } from "./replay.ts";

replayTopic("limits");
