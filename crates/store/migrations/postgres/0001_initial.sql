-- Secrets, their sealed values, rotation tasks, keys and users: the tables of the embedded store, in plain SQL.
--
-- A secret is one document, because it is small and changes as a whole; columns beside it repeat what queries need.
-- A checksum over a document makes a damaged row an error instead of a different secret. Sealed values and wrapped
-- keys carry their own authentication and need none. Names are ordered by their bytes, whatever the database's locale.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE secrets (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    document TEXT NOT NULL,
    checksum BIGINT NOT NULL,
    -- When the scheduler must act, in Unix milliseconds; NULL while there is nothing to do.
    rotation_due_time BIGINT,
    deletion_due_time BIGINT,
    -- The event that the secret is bound to.
    event TEXT
);
CREATE UNIQUE INDEX secrets_by_name ON secrets (project, name);
CREATE INDEX secrets_by_event ON secrets (project, event, name) WHERE event IS NOT NULL;
CREATE INDEX secrets_by_rotation ON secrets (rotation_due_time) WHERE rotation_due_time IS NOT NULL;
CREATE INDEX secrets_by_deletion ON secrets (deletion_due_time) WHERE deletion_due_time IS NOT NULL;

-- How many secrets a project has: counting them for every creation would cost as much as there are secrets.
CREATE TABLE project_usage (
    project TEXT NOT NULL PRIMARY KEY,
    secrets BIGINT NOT NULL
);

CREATE TABLE secret_values (
    secret_id TEXT NOT NULL REFERENCES secrets (id),
    version BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (secret_id, version)
);

-- Tasks outlive their secret, so they name it without referring to its row.
CREATE TABLE tasks (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    secret_name TEXT NOT NULL,
    secret_id TEXT NOT NULL,
    status TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    document TEXT NOT NULL,
    checksum BIGINT NOT NULL,
    -- Which replica carries a running task out, and when others may take it, in Unix milliseconds.
    lease_holder TEXT,
    lease_expires BIGINT
);
CREATE INDEX tasks_by_time ON tasks (project, create_time, id);
CREATE INDEX tasks_by_secret ON tasks (project, secret_name, create_time, id);
CREATE INDEX tasks_by_status ON tasks (project, status, create_time, id);
CREATE INDEX tasks_running ON tasks (create_time, id) WHERE status = 'RUNNING';

CREATE TABLE kms_keys (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    alias TEXT NOT NULL,
    state TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    create_time BIGINT NOT NULL,
    UNIQUE (project, alias)
);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    domain_id TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    checksum BIGINT NOT NULL,
    UNIQUE (name, domain_id)
);

CREATE TABLE access_keys (
    access_key TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    sealed_secret_key BYTEA NOT NULL,
    enabled BOOLEAN NOT NULL
);
