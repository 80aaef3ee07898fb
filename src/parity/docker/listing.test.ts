import { replayTopic } from "./replay.ts";

replayTopic("listing");
