-- When an access key ends (0: never), which its MAC covers, and its last use to within a minute, which it does not cover: a use
-- is no change of the key.

ALTER TABLE access_keys ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_keys ADD COLUMN last_used_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_keys ADD COLUMN last_used_peer TEXT;
ALTER TABLE access_keys ADD COLUMN last_used_operation TEXT;
