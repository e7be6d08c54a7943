import { Progress, progressText } from "./cli_progress.ts";

const state = { bytes: 500, totalBytes: 1000, entries: 10, elapsedMs: 2000 };
const pipe = new Progress(
  { isTerminal: false, hasColors: false, columns: 80, write: () => Promise.resolve() },
  undefined,
);

Deno.bench("a line of progress", () => void progressText(state, 100));
Deno.bench("an update where nobody looks", () => pipe.update(1, 1));
