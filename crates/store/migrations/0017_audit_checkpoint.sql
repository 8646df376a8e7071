-- Where the stored part of the audit trail begins: records up to this number are in archives, and those that are still here are
-- not read any more. The document and its signature are those of the newest archive. Number 0 stands for a trail that is whole.

CREATE TABLE audit_checkpoint (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    number INTEGER NOT NULL,
    document TEXT NOT NULL,
    signature BLOB NOT NULL
) STRICT;
INSERT INTO audit_checkpoint VALUES (1, 0, '', x'');
