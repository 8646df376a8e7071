-- How far the audit sink has taken the trail: the number of the last record. There is no row until a server with a sink has run.

CREATE TABLE audit_sink (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    number INTEGER NOT NULL
) STRICT;
