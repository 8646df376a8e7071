-- Searches of the audit trail, the newest first: in a span of time, by who, and about what. What is searched stands in the
-- documents alone, which the chain protects.

CREATE INDEX audit_by_time ON audit (((document::jsonb ->> 'time')::bigint), number);
CREATE INDEX audit_by_actor ON audit (
    (document::jsonb ->> 'actor'), ((document::jsonb ->> 'time')::bigint), number
);
CREATE INDEX audit_by_subject ON audit (
    (coalesce(secret, document::jsonb ->> 'key', document::jsonb ->> 'target')),
    ((document::jsonb ->> 'time')::bigint), number
);
