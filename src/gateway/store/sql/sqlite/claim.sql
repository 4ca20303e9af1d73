-- name: queues
-- List every connection and priority that a message ever had.
select connection, priority from queue;

-- name: due_lanes
-- Find the first few lanes of a connection and priority that are due.
select priority, next_at, lane, connection from lane
where connection = ?1 and priority = ?2 and next_at <= ?3
order by next_at, lane limit ?4;

-- name: lock_due_lanes
-- Hold the lanes that are to be claimed, as far as they are still due and nobody else is at them.
select lane, fence, not_before from lane where lane in (select value from json_each(?1)) and next_at <= ?2;

-- name: heads
-- Find the row at the head of each lane.
select value, (
    select first.id from message as first
    where first.lane = value and first.waiting and first.due_at <= ?2 order by first.due_at, first.id limit 1
)
from json_each(?1);

-- name: messages
-- Read messages by their ids.
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message where id in (select value from json_each(?1));

-- name: steps
-- Read the steps of messages, in order.
select message, position, action, token, pause, indexes, state, attempts, first_at, call, doubt, receipt
from step where message in (select value from json_each(?1)) order by message, position;

-- name: next_lane_due
-- Tell when the next lane of a connection and priority falls due that is not due yet.
select min(next_at) from lane where connection = ?1 and priority = ?2 and next_at > ?3;

-- name: void_leases
-- Give back every lane that is held: whoever held it is gone.
update lane set
    held_until = null,
    fence = fence + 1,
    (priority, next_at) = (
        select coalesce(max(first.priority), 1), max(max(first.due_at), lane.not_before)
        from (
            select priority, due_at from message
            where message.lane = lane.lane and waiting order by due_at, id limit 1
        ) as first
    )
where held_until is not null;
