-- Secrets, their sealed values, rotation tasks, keys and users.
--
-- A secret is one document, because it is small and changes as a whole; columns beside it repeat what queries need.
-- A checksum over a document makes a damaged row an error instead of a different secret. Sealed values and wrapped
-- keys carry their own authentication and need none.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    row INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    -- When the scheduler must act, in Unix milliseconds; NULL while there is nothing to do.
    rotation_due_time INTEGER,
    deletion_due_time INTEGER,
    -- The event that the secret is bound to.
    event TEXT
) STRICT;
CREATE UNIQUE INDEX secrets_by_name ON secrets (project, name);
CREATE INDEX secrets_by_event ON secrets (project, event, name) WHERE event IS NOT NULL;
CREATE INDEX secrets_by_rotation ON secrets (rotation_due_time) WHERE rotation_due_time IS NOT NULL;
CREATE INDEX secrets_by_deletion ON secrets (deletion_due_time) WHERE deletion_due_time IS NOT NULL;

-- How many secrets a project has: counting them for every creation would cost as much as there are secrets.
CREATE TABLE usage (
    project TEXT NOT NULL PRIMARY KEY,
    secrets INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER secrets_counted_up AFTER INSERT ON secrets BEGIN
    INSERT INTO usage (project, secrets) VALUES (new.project, 1)
        ON CONFLICT (project) DO UPDATE SET secrets = secrets + 1;
END;
CREATE TRIGGER secrets_counted_down AFTER DELETE ON secrets BEGIN
    UPDATE usage SET secrets = secrets - 1 WHERE project = old.project;
END;

-- Appended at the end, with the index beside it: cheaper to write than a table clustered by secret and version.
CREATE TABLE secret_values (
    row INTEGER PRIMARY KEY,
    secret INTEGER NOT NULL REFERENCES secrets (row),
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX secret_values_by_version ON secret_values (secret, version);

-- Tasks outlive their secret, so they name it without referring to its row.
CREATE TABLE tasks (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    secret_name TEXT NOT NULL,
    secret_id TEXT NOT NULL,
    status TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    document TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_by_time ON tasks (project, create_time, id);
CREATE INDEX tasks_by_secret ON tasks (project, secret_name, create_time, id);
CREATE INDEX tasks_by_status ON tasks (project, status, create_time, id);
CREATE INDEX tasks_running ON tasks (create_time, id) WHERE status = 'RUNNING';

CREATE TABLE kms_keys (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    alias TEXT NOT NULL,
    state TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    create_time INTEGER NOT NULL,
    UNIQUE (project, alias)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    domain_id TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (name, domain_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE access_keys (
    access_key TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    sealed_secret_key BLOB NOT NULL,
    enabled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
