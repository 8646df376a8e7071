-- When the material of a KMS key is rotated next. From here on a key's details may hold further material, which releases that do
-- not know it would lose.

ALTER TABLE kms_keys ADD COLUMN next_rotation BIGINT;
CREATE INDEX kms_keys_due ON kms_keys (next_rotation) WHERE next_rotation IS NOT NULL;
