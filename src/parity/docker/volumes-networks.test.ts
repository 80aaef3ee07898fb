import { replayTopic } from "./replay.ts";

replayTopic("volumes-networks");
