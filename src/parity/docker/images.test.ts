import { replayTopic } from "./replay.ts";

replayTopic("images");
