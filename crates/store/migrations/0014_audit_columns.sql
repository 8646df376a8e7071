-- What the audit trail is searched by, in columns beside the documents that the chain protects. A check of the trail compares
-- the two. A row whose time is 0 was written by an older release and is filled in at the next start.

ALTER TABLE audit ADD COLUMN time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN actor TEXT;
ALTER TABLE audit ADD COLUMN subject TEXT;
DROP INDEX audit_by_time;
DROP INDEX audit_by_actor;
DROP INDEX audit_by_subject;
UPDATE audit SET
    time = coalesce(json_extract(document, '$.time'), 0),
    actor = json_extract(document, '$.actor'),
    subject = coalesce(secret, json_extract(document, '$.key'), json_extract(document, '$.target'));
CREATE INDEX audit_by_time ON audit (time, number);
CREATE INDEX audit_by_actor ON audit (actor, time, number);
CREATE INDEX audit_by_subject ON audit (subject, time, number);
