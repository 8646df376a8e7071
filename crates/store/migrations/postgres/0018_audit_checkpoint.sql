-- Where the stored part of the audit trail begins: records up to this number are in archives, and those that are still here are
-- not read any more. The document and its signature are those of the newest archive. Number 0 stands for a trail that is whole.

CREATE TABLE audit_checkpoint (
    singleton BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    document TEXT NOT NULL,
    signature BYTEA NOT NULL
);
INSERT INTO audit_checkpoint (singleton, number, document, signature) VALUES (1, 0, '', '');
