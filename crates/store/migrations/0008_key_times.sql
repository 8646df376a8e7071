-- When an access key was made; 0 for the keys of before.

ALTER TABLE access_keys ADD COLUMN create_time INTEGER NOT NULL DEFAULT 0;
