-- Small documents of a project, found by kind and name: settings and whatever else is neither a secret nor a task.

CREATE TABLE entries (
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (project, kind, name)
) STRICT, WITHOUT ROWID;
