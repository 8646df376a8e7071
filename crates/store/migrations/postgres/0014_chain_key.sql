-- Number of the root key whose chain key linked a record and sealed the head. What was written before is of the first root key.

ALTER TABLE audit ADD COLUMN key_number BIGINT NOT NULL DEFAULT 1;
ALTER TABLE audit_head ADD COLUMN key_number BIGINT NOT NULL DEFAULT 1;
