-- The audit trail. Rows are only ever appended; each is linked to the one before it, and the head to the last. All
-- replicas append to the one chain: they take the row of the head last, before they commit.

CREATE TABLE audit (
    number BIGINT NOT NULL PRIMARY KEY,
    secret TEXT,
    document TEXT NOT NULL,
    link BYTEA NOT NULL
);
CREATE INDEX audit_by_secret ON audit (secret, number) WHERE secret IS NOT NULL;

CREATE TABLE audit_head (
    singleton BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    link BYTEA NOT NULL,
    seal BYTEA NOT NULL
);
INSERT INTO audit_head (singleton, number, link, seal) VALUES (1, 0, '', '');
