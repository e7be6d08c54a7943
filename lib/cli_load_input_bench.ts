import { unreadable } from "./cli_load_input.ts";

const cause = new Error("why");

Deno.bench("an error of the input", () => void unreadable("file", cause));
