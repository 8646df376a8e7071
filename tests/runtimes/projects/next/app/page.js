import * as csms from "csms";

import { prove } from "../prove.mjs";

export const dynamic = "force-dynamic";

export default async function Page() {
  return <output>{`page ${await prove(csms)}`}</output>;
}
