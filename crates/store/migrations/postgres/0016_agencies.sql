-- Agencies: roles of the account that users may assume. Their rows are bound by a MAC as those of users are.

CREATE TABLE agencies (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    document TEXT NOT NULL,
    checksum BIGINT NOT NULL,
    mac BYTEA
);
