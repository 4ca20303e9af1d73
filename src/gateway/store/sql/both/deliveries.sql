-- name: delivery
-- Read a delivery of a tenant.
select
    id, tenant, endpoint, event, sequence, lane, state, attempts, tries, next_at, status, error, created_at, ended_at,
    manual, payload
from delivery where tenant = $1 and id = $2;

-- name: deliveries
-- List the deliveries of an endpoint, newest first.
select
    id, tenant, endpoint, event, sequence, lane, state, attempts, tries, next_at, status, error, created_at, ended_at,
    manual, payload
from delivery
where tenant = $1 and endpoint = $2 and id < $3 and ($4 = '' or state = $4)
order by id desc limit $5;

-- name: deliveries_of_event
-- List the deliveries of an event to the endpoints of a tenant, newest first.
select
    id, tenant, endpoint, event, sequence, lane, state, attempts, tries, next_at, status, error, created_at, ended_at,
    manual, payload
from delivery
where tenant = $1 and event = $2 and id < $3 and ($4 = '' or state = $4)
order by id desc limit $5;

-- name: delivery_attempts
-- List what was tried for a delivery, oldest first.
select number, started_at, ended_at, status, error, answer from delivery_attempt where delivery = $1 order by number;

-- name: add_delivery
-- Keep a delivery, unless the event goes to the endpoint by itself already.
insert into delivery (
    id, tenant, endpoint, event, sequence, lane, state, attempts, tries, next_at, created_at, manual, payload
)
values ($1, $2, $3, $4, $5, $6, 'pending', 0, 0, $7, $7, $8, $9)
on conflict do nothing;

-- name: raise_lane
-- Let a lane be looked at, if it is not there yet; holds it until the commit.
insert into forward_lane (lane, endpoint, next_at) values ($1, $2, $3)
on conflict (lane) do update set lane = excluded.lane;

-- name: revive_delivery
-- Try a delivery again from the start, beside the others of its chat.
update delivery set
    state = 'pending', tries = 0, next_at = $3, ended_at = null, manual = 1,
    lane = case when manual = 1 and lane like 'again:%' then lane else 'again:' || lane end
where tenant = $1 and id = $2 and state <> 'pending'
returning lane, endpoint;

-- name: dead_deliveries
-- Find deliveries to an endpoint that came to nothing since a time, oldest first.
select id from delivery where endpoint = $1 and state = 'dead' and ended_at >= $2 and tenant = $3
order by ended_at, id limit $4;

-- name: dead_count
-- Count deliveries to an endpoint that came to nothing since a time.
select count(*) from delivery where endpoint = $1 and state = 'dead' and ended_at >= $2 and tenant = $3;

-- name: move_lane_deliveries
-- Let what waits for one chat wait with another that turned out to be the same.
update delivery set lane = $2 where lane = $1 and state = 'pending' returning id;

-- name: move_lane
-- Let whoever is at work in one lane be at work in another.
insert into forward_lane (lane, endpoint, holder, held_until, next_at)
select $2, endpoint, holder, held_until, next_at from forward_lane where lane = $1
on conflict (lane) do update set
    holder = coalesce(forward_lane.holder, excluded.holder),
    held_until = coalesce(forward_lane.held_until, excluded.held_until),
    next_at = case when forward_lane.holder is null then excluded.next_at else forward_lane.next_at end;

-- name: void_forward_lanes
-- Give back every lane that is held: whoever held it is gone.
update forward_lane set holder = null, held_until = null, next_at = $1 where holder is not null;

-- name: sink
-- Read how far events were handed to a sink.
select sequence, holder, held_until from sink where name = $1;

-- name: add_sink
-- Begin to hand events to a sink.
insert into sink (name, sequence) values ($1, $2) on conflict do nothing;

-- name: hold_sink
-- Take a sink for a while, unless somebody else has it.
update sink set holder = $2, held_until = $3
where name = $1 and (holder is null or holder = $2 or held_until <= $4)
returning sequence;

-- name: move_sink
-- Write how far events were handed to a sink, while it is ours.
update sink set sequence = $3 where name = $1 and holder = $2 returning sequence;

-- name: void_sink
-- Take a sink from whoever held it: they are gone.
update sink set holder = null, held_until = null where name = $1;

-- name: free_sink
-- Give a sink back.
update sink set holder = null, held_until = null where name = $1 and holder = $2;

-- name: newest_event
-- Give the number of the newest event.
select coalesce(max(sequence), 0) from event;
