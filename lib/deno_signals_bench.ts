import { onEndSignal } from "./deno_signals.ts";

Deno.bench("listening to signals, and no more", () => onEndSignal(() => {})[Symbol.dispose]());
