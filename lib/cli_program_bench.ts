import { varve } from "./cli_program.ts";
import { memoryContext } from "../tests/fixtures/cli_session.ts";

const context = memoryContext();

Deno.bench("all commands, declared", () => void varve(context));
