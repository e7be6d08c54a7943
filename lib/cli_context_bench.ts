import { errorLine } from "./cli_context.ts";

const error = new Error("Cannot open database: directory is locked by another process: ./data");

Deno.bench("an error as one line", () => void errorLine(error));
