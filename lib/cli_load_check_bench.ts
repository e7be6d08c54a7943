import { assertSame } from "./cli_load_check.ts";

const result = { entries: 1, missing: 0, different: 0, example: undefined };

Deno.bench("a comparison that found nothing", () => assertSame(result));
