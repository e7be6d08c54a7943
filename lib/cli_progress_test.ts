import { assert, assertEquals, assertMatch } from "@std/assert";
import type { CliOutput } from "./cli_context.ts";
import { Progress, progressText } from "./cli_progress.ts";

class FakeOutput implements CliOutput {
  readonly hasColors = false;
  columns = 100;
  text = "";
  fails = false;

  constructor(readonly isTerminal: boolean) {}

  write(data: string | Uint8Array): Promise<void> {
    if (this.fails) return Promise.reject(new Error("gone"));
    this.text += data;
    return Promise.resolve();
  }
}

const half = { bytes: 500, totalBytes: 1000, entries: 10, elapsedMs: 2000 };

Deno.test("progressText() has the bar where there is room for it", () => {
  assertEquals(
    progressText(half, 100),
    " 50 % [============>-----------] 500 B of 1000 B, 10 entries, 5/s, 0:02 left",
  );
  assertEquals(progressText(half, 60), " 50 % 500 B of 1000 B, 10 entries, 5/s, 0:02 left");
});

Deno.test("progressText() without a total has neither share nor time left", () => {
  assertEquals(progressText({ ...half, totalBytes: undefined }, 100), "500 B, 10 entries, 5/s");
});

Deno.test("progressText() is sensible at the start, at the end and beyond it", () => {
  const start = { bytes: 0, totalBytes: 1000, entries: 0, elapsedMs: 0 };
  assertEquals(progressText(start, 60), "  0 % 0 B of 1000 B, 0 entries, 0/s");
  assertMatch(progressText({ ...half, bytes: 1000 }, 60), /^100 % .* 0:00 left$/);
  assertMatch(progressText({ ...half, bytes: 1200 }, 60), /^100 % .* 0:00 left$/);
  assertMatch(progressText({ ...start, totalBytes: 0 }, 60), /^100 % /);
});

Deno.test("progressText() does not count what was done before into the rate", () => {
  const again = { ...half, startBytes: 400, startEntries: 8 };
  assertEquals(progressText(again, 60), " 50 % 500 B of 1000 B, 10 entries, 1/s, 0:10 left");
});

Deno.test("progressText() gives long times in hours", () => {
  const slow = { bytes: 1, totalBytes: 10_000, entries: 1, elapsedMs: 1000 };
  assertMatch(progressText(slow, 60), /, 2:46:39 left$/);
});

Deno.test("Progress writes nothing to a pipe", async () => {
  const pipe = new FakeOutput(false);
  {
    await using progress = new Progress(pipe, 100);
    progress.update(50, 1);
  }
  assertEquals(pipe.text, "");
});

Deno.test("Progress draws on a terminal, and leaves the line empty", async () => {
  const terminal = new FakeOutput(true);
  const progress = new Progress(terminal, 1000);
  progress.update(500, 10);
  await progress.close();
  await progress.close();
  assertMatch(terminal.text, /0 % \[>-+\] 0 B of 1000 B, 0 entries/);
  assertMatch(terminal.text, / 50 % \[=+>-+\] 500 B of 1000 B, 10 entries/);
  // deno-lint-ignore no-control-regex -- the end of the line is what is looked at
  assertMatch(terminal.text, /\x1b\[1G\x1b\[2K$/);
  assert(!terminal.text.includes("\n"));
});

Deno.test("Progress fits into a narrow terminal", async () => {
  const terminal = new FakeOutput(true);
  terminal.columns = 20;
  await using progress = new Progress(terminal, 1000);
  progress.update(500, 10);
  await progress.close();
  // deno-lint-ignore no-control-regex -- the control sequences take no room
  const lines = terminal.text.split(/\x1b[78]|\x1b\[\d*[A-Z]/);
  assertEquals(lines.filter((line) => line.length > 20), []);
});

Deno.test("Progress does not fail with its terminal", async () => {
  const terminal = new FakeOutput(true);
  await using progress = new Progress(terminal, undefined);
  terminal.fails = true;
  progress.update(500, 10);
});
