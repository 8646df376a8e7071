import * as csms from "csms";

import { prove } from "../../../prove.mjs";

export const dynamic = "force-dynamic";

export const GET = async () => new Response(`route ${await prove(csms)}`);
