-- How far the audit sink has taken the trail: the number of the last record. There is no row until a server with a sink has run.
-- The holder of the lease is the server that delivers, until the time in milliseconds.

CREATE TABLE audit_sink (
    singleton BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    holder TEXT,
    expires BIGINT
);
