-- Finding finished tasks that are old enough to be removed.

CREATE INDEX tasks_by_age ON tasks (status, create_time) WHERE status <> 'RUNNING';
