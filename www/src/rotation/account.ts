// The login of a database account as the value of a secret: what its fields are, and what is missing in them. Pure.

import type { SecretType } from "csms";

export interface Engine {
  id: string;
  title: string;
  port: number;
  /** The type of secrets that the service has for it. */
  type: Exclude<SecretType, "COMMON">;
}

/** The engines whose passwords the server's own function changes. */
export const ENGINES: readonly [Engine, ...Engine[]] = [
  { id: "postgresql", title: "PostgreSQL", port: 5432, type: "RDS-FG" },
  { id: "mysql", title: "MySQL", port: 3306, type: "RDS-FG" },
  { id: "mariadb", title: "MariaDB", port: 3306, type: "RDS-FG" },
  { id: "taurusdb", title: "TaurusDB", port: 3306, type: "GaussDB-FG" },
];

/** How the server of the database is trusted. */
export type Trust = "verify" | "verify-ca" | "disable";

export interface Account {
  engine: string;
  host: string;
  port: string;
  dbname: string;
  username: string;
  password: string;
  tls: Trust;
}

export const newAccount = ({ id, port }: Engine): Account => ({
  engine: id,
  host: "",
  port: String(port),
  dbname: "",
  username: "",
  password: "",
  tls: "verify",
});

/** The same account in another engine. A port that nobody changed follows the engine. */
export function inEngine(account: Account, { id, port }: Engine): Account {
  const former = ENGINES.find((engine) => engine.id === account.engine);
  return { ...account, engine: id, port: account.port === String(former?.port) ? String(port) : account.port };
}

/** The value that is stored. A database is left out where none is named. */
export const accountValue = ({ engine, host, port, dbname, username, password, tls }: Account): string =>
  JSON.stringify({
    engine,
    host: host.trim(),
    port: Number(port),
    ...(dbname.trim() && { dbname: dbname.trim() }),
    username: username.trim(),
    password,
    tls,
  });

export type AccountField = "host" | "port" | "username" | "password";

/** Fields that are empty, or hold what they cannot. */
export function missingIn({ host, port, username, password }: Account): AccountField[] {
  const found: AccountField[] = [];
  if (host.trim() === "" || /\s/.test(host.trim())) found.push("host");
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) found.push("port");
  if (username.trim() === "") found.push("username");
  if (password === "") found.push("password");
  return found;
}
