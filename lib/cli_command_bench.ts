import { memoryContext } from "../tests/fixtures/cli_session.ts";
import { CliFrame } from "./cli_command.ts";

const frame = new CliFrame(memoryContext());
const command = frame.command("do", { summary: "do it", examples: [["varve do", "do it"]] });
frame.onRun(command, () => Promise.resolve());

Deno.bench("a command that does nothing", async () => void await frame.run(["do"]));
