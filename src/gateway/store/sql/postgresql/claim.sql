-- name: claim
-- Take lanes that are due, and hold each for its head; tells when there will be something again.
select * from ledger_claim($1, $2, $3, $4);

-- name: heads
-- Find the row at the head of each lane.
select lanes.lane, (
    select first.id from message as first
    where first.lane = lanes.lane and first.waiting and first.due_at <= $2 order by first.due_at, first.id limit 1
)
from unnest($1::text[]) as lanes (lane);

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
