/**
 * The entry `csms/client`: calls and signatures alone. Its client has no data keys, which need encryption.
 */
export * from "./common.js";
export { init } from "./init.js";
export { signRequest, type AccessKey, type RequestToSign } from "./signing.js";
export { ServiceClient as CsmsClient, type ClientOptions, type Credentials, type ProvidedCredentials } from "./service.js";
