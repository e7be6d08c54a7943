import { inProcess } from "./cli_process.ts";

Deno.bench("the process as a context", async () => void await inProcess(() => Promise.resolve(0)));
