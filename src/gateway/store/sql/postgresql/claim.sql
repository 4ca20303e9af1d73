-- name: queues
-- List every connection and priority that a message ever had.
select connection, priority from queue;

-- name: due_lanes
-- Find the first few lanes of each connection and priority that are due.
select due.priority, due.next_at, due.lane, due.connection
from unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) as wanted (connection, priority, now, most)
cross join lateral (
    select lane.priority, lane.next_at, lane.lane, lane.connection from lane
    where lane.connection = wanted.connection and lane.priority = wanted.priority and lane.next_at <= wanted.now
    order by lane.next_at, lane.lane limit wanted.most
) as due;

-- name: lock_due_lanes
-- Hold the lanes that are to be claimed, as far as they are still due and nobody else is at them.
select lane, fence, not_before from lane
where lane = any($1::text[]) and next_at <= $2::bigint order by lane for update skip locked;

-- name: heads
-- Find the row at the head of each lane.
select wanted.lane, (
    select message.id from message
    where message.lane = wanted.lane and message.waiting and message.due_at <= $2::bigint
    order by message.due_at, message.id limit 1
)
from unnest($1::text[]) as wanted (lane);

-- name: messages
-- Read messages by their ids.
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message where id = any($1::text[]);

-- name: steps
-- Read the steps of messages, in order.
select message, position, action, token, pause, indexes, state, attempts, first_at, call, doubt, receipt
from step where message = any($1::text[]) order by message, position;

-- name: next_lane_due
-- Tell when the next lane of each connection and priority falls due that is not due yet.
select (
    select min(lane.next_at) from lane
    where lane.connection = wanted.connection and lane.priority = wanted.priority and lane.next_at > wanted.now
)
from unnest($1::text[], $2::integer[], $3::bigint[]) as wanted (connection, priority, now);
