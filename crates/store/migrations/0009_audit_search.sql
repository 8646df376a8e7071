-- Searches of the audit trail, the newest first: in a span of time, by who, and about what. What is searched stands in the
-- documents alone, which the chain protects.

CREATE INDEX audit_by_time ON audit (json_extract(document, '$.time'), number);
CREATE INDEX audit_by_actor ON audit (
    json_extract(document, '$.actor'), json_extract(document, '$.time'), number
);
CREATE INDEX audit_by_subject ON audit (
    coalesce(secret, json_extract(document, '$.key'), json_extract(document, '$.target')),
    json_extract(document, '$.time'), number
);
