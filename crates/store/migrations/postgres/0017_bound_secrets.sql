-- MACs that bind secrets, KMS keys and entries to their rows. Rows of before have none until the first start of a release that
-- knows them.

ALTER TABLE secrets ADD COLUMN mac BYTEA;
ALTER TABLE kms_keys ADD COLUMN mac BYTEA;
ALTER TABLE entries ADD COLUMN mac BYTEA;
