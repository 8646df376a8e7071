-- Agencies: roles of the account that users may assume. Their rows are bound by a MAC as those of users are.

CREATE TABLE agencies (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    mac BLOB
) STRICT;
