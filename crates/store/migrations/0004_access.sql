-- Policies that users share by name, and what a KMS key has besides its material.

CREATE TABLE policies (
    name TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

CREATE INDEX access_keys_by_user ON access_keys (user_id);

ALTER TABLE kms_keys ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
CREATE INDEX kms_keys_pending ON kms_keys (project, id) WHERE state = 'PENDING_DELETION';
