import "./kv.ts";
