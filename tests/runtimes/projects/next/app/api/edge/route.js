// The edge compiles no modules, so that only what needs none is used here.
import { CsmsError, OPERATIONS } from "csms/slim";

export const runtime = "edge";

export const GET = () => new Response(`edge ${new CsmsError("client/aborted", "x").code} ${OPERATIONS.ListSecrets.method}`);
