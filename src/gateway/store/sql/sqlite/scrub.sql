-- name: scrub
-- Copy the log into the file, and empty it.
pragma wal_checkpoint(truncate);
