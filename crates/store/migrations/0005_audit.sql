-- The audit trail. Rows are only ever appended; each is linked to the one before it, and the head to the last.

CREATE TABLE audit (
    number INTEGER NOT NULL PRIMARY KEY,
    secret TEXT,
    document TEXT NOT NULL,
    link BLOB NOT NULL
) STRICT;
CREATE INDEX audit_by_secret ON audit (secret, number) WHERE secret IS NOT NULL;

CREATE TABLE audit_head (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    number INTEGER NOT NULL,
    link BLOB NOT NULL,
    seal BLOB NOT NULL
) STRICT;
INSERT INTO audit_head VALUES (1, 0, x'', x'');
