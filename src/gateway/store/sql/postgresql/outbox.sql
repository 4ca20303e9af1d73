-- name: lock_lanes
-- Lock the lanes that a batch is about, in the one order that all batches keep, and read them.
select lane, fence, held_until, head, not_before from lane where lane = any($1::text[]) order by lane for update;

-- name: write_lanes
-- Write who holds a lane, and set when it is due: at the end of its lease, else with its first row, and not before
-- it was asked to wait.
update lane set
    fence = new.fence,
    held_until = new.held_until,
    head = new.head,
    not_before = new.not_before,
    priority = coalesce(first.priority, 1),
    next_at = case
        when new.held_until is not null then new.held_until
        when first.due_at is not null then greatest(first.due_at, new.not_before)
    end
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[])
    as new (lane, fence, held_until, head, not_before)
left join lateral (
    select message.priority, message.due_at from message
    where message.lane = new.lane and message.waiting order by message.due_at, message.id limit 1
) as first on true
where lane.lane = new.lane;

-- name: add_queues
-- Note that a connection has messages of a priority.
insert into queue (connection, priority)
select connection, priority from unnest($1::text[], $2::integer[]) as new (connection, priority)
on conflict do nothing;

-- name: add_depth
-- Count how many more, or fewer, rows of a connection wait to leave.
insert into depth (connection, shard, waiting)
select connection, shard, change from unnest($1::text[], $2::integer[], $3::bigint[]) as new (connection, shard, change)
on conflict (connection, shard) do update set waiting = depth.waiting + excluded.waiting;

-- name: messages_taken
-- Find the messages that have a key or an id.
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message where key = any($1::text[])
union
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message where id = any($2::text[]);

-- name: update_messages
-- Write what of a message may change.
update message set
    due_at = new.due_at, expires_at = new.expires_at, priority = new.priority, state = new.state,
    generation = new.generation, error = new.error, parked = new.parked, waiting = new.waiting
from unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::integer[], $7::text[], $8::boolean[],
    $9::boolean[]
) as new (id, due_at, expires_at, priority, state, generation, error, parked, waiting)
where message.id = new.id;

-- name: update_steps
-- Write how far steps have come.
update step set
    action = new.action, token = new.token, pause = new.pause, indexes = new.indexes, state = new.state,
    attempts = new.attempts, first_at = new.first_at, call = new.call, doubt = new.doubt, receipt = new.receipt
from unnest(
    $1::text[], $2::integer[], $3::text[], $4::text[], $5::double precision[], $6::text[], $7::text[], $8::integer[],
    $9::bigint[], $10::text[], $11::boolean[], $12::text[]
) as new (message, position, action, token, pause, indexes, state, attempts, first_at, call, doubt, receipt)
where step.message = new.message and step.position = new.position;

-- name: add_tokens
-- Note which step a token belongs to; the tokens of earlier generations stay.
insert into token (token, message, position)
select token, message, position from unnest($1::text[], $2::text[], $3::integer[]) as new (token, message, position)
on conflict (token) do update set message = excluded.message, position = excluded.position;

-- name: write_attempts
-- Write that an attempt starts, or how it ended.
insert into attempt (message, generation, step, number, started_at, call, ended_at, outcome, status, detail)
select * from unnest(
    $1::text[], $2::integer[], $3::integer[], $4::integer[], $5::bigint[], $6::text[], $7::bigint[], $8::text[],
    $9::integer[], $10::text[]
)
on conflict (message, generation, step, number) do update set
    started_at = excluded.started_at, call = excluded.call, ended_at = excluded.ended_at, outcome = excluded.outcome,
    status = excluded.status, detail = excluded.detail;

-- name: write_owners
-- Note which step a vendor's id belongs to.
insert into owner (connection, vendor_id, message, position)
select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[])
on conflict (connection, vendor_id) do update set message = excluded.message, position = excluded.position;

-- name: amendable
-- Read what decides whether messages may be changed from outside, and whether they are first in their lane.
select
    message.id, message.state, message.waiting,
    coalesce(message.id = (
        select first.id from message as first
        where first.lane = message.lane and first.waiting order by first.due_at, first.id limit 1
    ), false)
from message where message.id = any($1::text[]);

-- name: add_buckets
-- Make the buckets that are not there yet.
insert into bucket (key, arrival) select key, 0 from unnest($1::text[]) as new (key) on conflict do nothing;

-- name: lock_buckets
-- Lock the buckets that a batch takes from, in the one order that all batches keep, and read them.
select key, arrival from bucket where key = any($1::text[]) order by key for update;

-- name: write_buckets
-- Write the theoretical arrival time of buckets.
update bucket set arrival = new.arrival
from unnest($1::text[], $2::bigint[]) as new (key, arrival) where bucket.key = new.key;
