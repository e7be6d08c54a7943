import { checkLimit, DENO_LIMITS } from "./kv_limits.ts";

Deno.bench("kv_limits: a limit that is kept", () => {
  checkLimit("commit", "checks", 7, DENO_LIMITS.checks);
});
