import { replayTopic } from "./replay.ts";

replayTopic("api");
