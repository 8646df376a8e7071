-- Root keys change: the number of the one under which everything is written, which the trail's own key may never be below, a
-- fingerprint of its key of rows, empty before the first change, and the servers that are running, each with version and digest of
-- the keyring that it uses and the key that it was started with. A server that has not reported again until the time in
-- milliseconds is not running.

ALTER TABLE audit_head ADD COLUMN least_key INTEGER NOT NULL DEFAULT 1 CHECK (key_number >= least_key);
ALTER TABLE audit_head ADD COLUMN key_print BLOB NOT NULL DEFAULT x'';

CREATE TABLE servers (
    name TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,
    keyring INTEGER NOT NULL,
    digest TEXT NOT NULL,
    wrapping_key TEXT NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
