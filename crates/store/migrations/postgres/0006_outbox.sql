-- Notifications: an outbox until they are delivered, and records for three months. They say everything by themselves, so
-- they outlive event and secret.

CREATE TABLE notifications (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    -- NULL until the first attempt to deliver it has ended.
    status TEXT,
    attempts BIGINT NOT NULL,
    -- When it is to be delivered, in Unix milliseconds; NULL when nothing is left to do. Whoever delivers it moves this
    -- ahead first, so that nobody else does meanwhile.
    due_time BIGINT,
    document TEXT NOT NULL,
    checksum BIGINT NOT NULL
);
CREATE INDEX notifications_by_project ON notifications (project, create_time, id) WHERE status IS NOT NULL;
CREATE INDEX notifications_by_time ON notifications (create_time);
CREATE INDEX notifications_due ON notifications (due_time) WHERE due_time IS NOT NULL;

-- When the next version expires of which that has not been told.
ALTER TABLE secrets ADD COLUMN expiry_due_time BIGINT;
CREATE INDEX secrets_by_expiry ON secrets (expiry_due_time) WHERE expiry_due_time IS NOT NULL;
