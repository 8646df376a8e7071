-- The version that SYSCURRENT marks, so that one statement finds a secret and its current value. It repeats what the
-- document says, and a reader that finds another version there reads that one.

ALTER TABLE secrets ADD COLUMN current_version BIGINT;
UPDATE secrets SET current_version =
    CAST(substring(document FROM '"name":"SYSCURRENT","version":([0-9]{1,10})') AS BIGINT);
