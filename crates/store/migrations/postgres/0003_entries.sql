-- Small documents of a project, found by kind and name: settings and whatever else is neither a secret nor a task.

CREATE TABLE entries (
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    document TEXT NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (project, kind, name)
);
