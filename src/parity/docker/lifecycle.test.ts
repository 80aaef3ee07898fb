import { replayTopic } from "./replay.ts";

replayTopic("lifecycle");
