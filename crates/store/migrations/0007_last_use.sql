-- When a value was last read, to within a minute. Beside the document, because a read is no change of the secret.

ALTER TABLE secrets ADD COLUMN last_used_time INTEGER;
