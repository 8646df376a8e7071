-- One row: how many logs this file has had. The first transactions of a log raise it, so that the file without the log has the same
-- number or the one before; any other file does not belong to that log.
CREATE TABLE log_number (number INTEGER NOT NULL);
INSERT INTO log_number (number) VALUES (0);
