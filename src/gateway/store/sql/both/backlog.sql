-- name: oldest_due
-- Tell since when the first message that waits to leave is due.
select min(due_at) from message where waiting and due_at <= $1;
