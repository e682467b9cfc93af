import { lampMapper } from "./lamp.ts";

await lampMapper.run();
