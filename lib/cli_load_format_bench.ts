import { formatOf } from "./cli_load_format.ts";

const options = { keyEncoding: "utf8", valueEncoding: "utf8" } as const;

Deno.bench("the format of a file", () => void formatOf("data.csv.gz", options));
