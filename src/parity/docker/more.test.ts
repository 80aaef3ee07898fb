import { replayTopic } from "./replay.ts";

replayTopic("more");
