-- name: add_lanes
-- Make the lanes that are not there yet.
insert into lane (lane, connection) values (?1, ?2) on conflict do nothing;

-- name: lock_lanes
-- Read the lanes that a batch is about.
select lane, fence, held_until, head, not_before from lane where lane in (select value from json_each(?1));

-- name: write_lanes
-- Write who holds a lane, and set when it is due: at the end of its lease, else with its first row, and not before
-- it was asked to wait.
update lane set
    fence = new.fence,
    held_until = new.held_until,
    head = new.head,
    not_before = new.not_before,
    priority = coalesce(new.priority, 1),
    next_at = coalesce(new.held_until, max(new.due_at, new.not_before))
from (
    select
        given.column1 as lane, given.column2 as fence, given.column3 as held_until, given.column4 as head,
        given.column5 as not_before, first.priority, first.due_at
    from (values (?1, ?2, ?3, ?4, ?5)) as given left join message as first on first.id = (
        select id from message where message.lane = given.column1 and waiting order by due_at, id limit 1
    )
) as new
where lane.lane = new.lane;

-- name: add_queues
-- Note that a connection has messages of a priority.
insert into queue (connection, priority) values (?1, ?2) on conflict do nothing;

-- name: add_depth
-- Count how many more, or fewer, rows of a connection wait to leave.
insert into depth (connection, shard, waiting) values (?1, ?2, ?3)
on conflict do update set waiting = waiting + excluded.waiting;

-- name: add_messages
-- Keep messages whose key and id are free; returns the ids of those that were kept.
insert into message (
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked, waiting
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
on conflict do nothing
returning id;

-- name: messages_taken
-- Find the messages that have a key or an id.
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message where key in (select value from json_each(?1))
union
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message where id in (select value from json_each(?2));

-- name: update_messages
-- Write what of a message may change.
update message set
    due_at = new.column2, expires_at = new.column3, priority = new.column4, state = new.column5,
    generation = new.column6, error = new.column7, parked = new.column8, waiting = new.column9
from (values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)) as new where message.id = new.column1;

-- name: add_steps
-- Keep the steps of new messages.
insert into step (
    message, position, action, token, pause, indexes, state, attempts, first_at, call, doubt, receipt
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);

-- name: update_steps
-- Write how far steps have come.
update step set
    action = new.column3, token = new.column4, pause = new.column5, indexes = new.column6, state = new.column7,
    attempts = new.column8, first_at = new.column9, call = new.column10, doubt = new.column11, receipt = new.column12
from (values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)) as new
where step.message = new.column1 and step.position = new.column2;

-- name: add_tokens
-- Note which step a token belongs to; the tokens of earlier generations stay.
insert into token (token, message, position) values (?1, ?2, ?3)
on conflict do update set message = excluded.message, position = excluded.position;

-- name: write_attempts
-- Write that an attempt starts, or how it ended.
insert into attempt (
    message, generation, step, number, started_at, call, ended_at, outcome, status, detail
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
on conflict do update set
    started_at = excluded.started_at, call = excluded.call, ended_at = excluded.ended_at, outcome = excluded.outcome,
    status = excluded.status, detail = excluded.detail;

-- name: write_owners
-- Note which step a vendor's id belongs to.
insert into owner (connection, vendor_id, message, position) values (?1, ?2, ?3, ?4)
on conflict do update set message = excluded.message, position = excluded.position;

-- name: amendable
-- Read what decides whether messages may be changed from outside, and whether they are first in their lane.
select
    id, state, waiting,
    id = (
        select first.id from message as first
        where first.lane = message.lane and first.waiting order by first.due_at, first.id limit 1
    )
from message where id in (select value from json_each(?1));

-- name: add_buckets
-- Make the buckets that are not there yet.
insert into bucket (key, arrival) values (?1, 0) on conflict do nothing;

-- name: lock_buckets
-- Read the buckets that a batch takes from.
select key, arrival from bucket where key in (select value from json_each(?1));

-- name: write_buckets
-- Write the theoretical arrival time of buckets.
update bucket set arrival = new.column2 from (values (?1, ?2)) as new where bucket.key = new.column1;
