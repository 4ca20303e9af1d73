-- name: lock_forwarding
-- Let one process at a time turn events into deliveries, so that they keep their order; who comes later goes on.
select pg_try_advisory_xact_lock(hashtextextended('gateway forwarding ' || current_schema(), 0))::int;

-- name: to_forward
-- Read the first events that were not yet turned into deliveries; every body begins with its type.
select
    forwarding.sequence, event.id, event.connection, event.lane,
    split_part(event.body, '"', 4)
from forwarding left join event on event.sequence = forwarding.sequence and event.lane <> 'erased'
order by forwarding.sequence limit $1::bigint;

-- name: drop_forwarded
-- Forget what was turned into deliveries.
delete from forwarding where sequence = any($1::bigint[]);

-- name: owners_of
-- Find out whose connections are.
select id, tenant from connection where id = any($1::text[]);

-- name: takers
-- List the endpoints of tenants that take events.
select id, tenant, filter from endpoint
where tenant = any($1::text[]) and state <> 'disabled' order by id;

-- name: other_names
-- Find the chats that are kept under some ids.
select chat, kept from alias where kept = any($1::text[]);

-- name: add_deliveries
-- Keep deliveries, each once.
insert into delivery (
    id, tenant, endpoint, event, sequence, lane, state, attempts, tries, next_at, created_at, manual
)
select new.id, new.tenant, new.endpoint, new.event, new.sequence, new.lane, 'pending', 0, 0, new.at, new.at, new.manual
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[])
    as new (id, tenant, endpoint, event, sequence, lane, at, manual)
on conflict do nothing;

-- name: raise_lanes
-- Let lanes be looked at, if they are not there yet; holds them until the commit, so that nobody forgets one meanwhile.
insert into forward_lane (lane, endpoint, next_at)
select new.lane, new.endpoint, new.at from unnest($1::text[], $2::text[], $3::bigint[]) as new (lane, endpoint, at)
order by new.lane
on conflict (lane) do update set lane = excluded.lane;

-- name: forward_due
-- Tell whether events wait to be turned into deliveries, and when the next delivery is due.
select
    exists (select 1 from forwarding)::int,
    (
        select min(greatest(coalesce(endpoint.closed_until, 0), lane.due))
        from endpoint cross join lateral (
            select min(forward_lane.next_at) as due from forward_lane where forward_lane.endpoint = endpoint.id
        ) as lane
        where endpoint.state = 'active' and lane.due is not null
    );

-- name: due_endpoints
-- Hold endpoints for which something is due, who waited longest first, with how many are at work for each.
select endpoint.id, endpoint.failures, (
    select count(*) from forward_lane as held where held.endpoint = endpoint.id and held.held_until > $1::bigint
)
from endpoint cross join lateral (
    select min(forward_lane.next_at) as due from forward_lane where forward_lane.endpoint = endpoint.id
) as lane
where endpoint.state = 'active' and coalesce(endpoint.closed_until, 0) <= $1::bigint and lane.due <= $1::bigint
order by lane.due, endpoint.id limit $2::bigint for update of endpoint skip locked;

-- name: due_lanes_of
-- Hold lanes of an endpoint that are due, as far as nobody else is at them.
select lane from forward_lane where endpoint = $1 and next_at <= $2::bigint
order by next_at, lane limit $3::bigint for update skip locked;

-- name: hold_forward_lanes
-- Hold lanes for whoever delivers.
update forward_lane set holder = $2, held_until = $3::bigint, next_at = $3::bigint
where lane = any($1::text[]);

-- name: first_deliveries
-- Read the first delivery of each lane, with its event.
select
    delivery.id, delivery.tenant, delivery.endpoint, delivery.event, delivery.sequence, delivery.lane, delivery.state,
    delivery.attempts, delivery.tries, delivery.next_at, delivery.status, delivery.error, delivery.created_at,
    delivery.ended_at, delivery.manual, delivery.payload, event.body
from unnest($1::text[]) as wanted (value)
join delivery on delivery.id = (
    select first.id from delivery as first
    where first.lane = wanted.value and first.state = 'pending' order by first.sequence, first.id limit 1
)
left join event on event.id = delivery.event and event.lane <> 'erased';

-- name: endpoints_by_id
-- Read endpoints.
select
    id, tenant, url, description, filter, format, secrets, data_key, state, reason, failing_since, failures,
    closed_until, created_at, updated_at, version
from endpoint where id = any($1::text[]);

-- name: free_lanes
-- Give back the lanes of deliveries, as far as they are still ours; holds them until the commit.
with ended as (
    select new.id, forward_lane.lane
    from unnest($1::text[], $2::text[]) as new (id, holder)
    join delivery on delivery.id = new.id
    join forward_lane on forward_lane.lane = delivery.lane and forward_lane.holder = new.holder
    order by forward_lane.lane for update of forward_lane
)
update forward_lane set holder = null, held_until = null
from ended where forward_lane.lane = ended.lane
returning ended.id, forward_lane.lane;

-- name: write_deliveries
-- Write how far deliveries have come.
update delivery set
    state = new.state, attempts = new.attempts, tries = new.tries, next_at = new.next_at, status = new.status,
    error = new.error, ended_at = new.ended_at
from unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[]
) as new (id, state, attempts, tries, next_at, status, error, ended_at)
where delivery.id = new.id;

-- name: add_delivery_attempts
-- Keep what became of attempts.
insert into delivery_attempt (delivery, number, started_at, ended_at, status, error, answer)
select new.delivery, new.number, new.started_at, new.ended_at, new.status, new.error, new.answer
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[])
    as new (delivery, number, started_at, ended_at, status, error, answer)
on conflict do nothing;

-- name: rest_lanes
-- Set when lanes are due: each with the first delivery that waits in it.
update forward_lane set next_at = waiting.next_at
from unnest($1::text[]) as wanted (lane)
cross join lateral (
    select first.next_at from delivery as first
    where first.lane = wanted.lane and first.state = 'pending' order by first.sequence, first.id limit 1
) as waiting
where forward_lane.lane = wanted.lane
returning forward_lane.lane;

-- name: drop_lanes
-- Forget lanes in which nothing waits.
delete from forward_lane where lane = any($1::text[]);

-- name: ailing_endpoints
-- Tell which endpoints are failing, or asked to be left alone.
select id from endpoint
where id = any($1::text[]) and (failing_since is not null or closed_until is not null);

-- name: events_to_replay
-- Find events of a tenant that an endpoint may be sent again, from a number on; lists that are empty take all.
select event.sequence, event.id, event.lane
from event left join connection on connection.id = event.connection
where event.sequence > $1::bigint
    and $2 = coalesce(connection.tenant, case when event.connection not like 'pc\_%' escape '\' then 'tn_default' end)
    and event.lane <> 'erased' and event.received_at >= $3::bigint and event.received_at < $4::bigint
    and (cardinality($5::text[]) = 0 or event.connection = any($5::text[]))
    and (
        cardinality($6::text[]) = 0
        or split_part(event.body, '"', 4) = any($6::text[])
    )
    and ($7::bigint = 0 or not exists (
        select 1 from delivery where delivery.event = event.id and delivery.endpoint = $8
    ))
order by event.sequence limit $9::bigint;

-- name: count_to_replay
-- Count the events of a tenant that an endpoint would be sent again.
select count(*)
from event left join connection on connection.id = event.connection
where $1 = coalesce(connection.tenant, case when event.connection not like 'pc\_%' escape '\' then 'tn_default' end)
    and event.lane <> 'erased' and event.received_at >= $2::bigint and event.received_at < $3::bigint
    and (cardinality($4::text[]) = 0 or event.connection = any($4::text[]))
    and (
        cardinality($5::text[]) = 0
        or split_part(event.body, '"', 4) = any($5::text[])
    )
    and ($6::bigint = 0 or not exists (
        select 1 from delivery where delivery.event = event.id and delivery.endpoint = $7
    ));

-- name: owned_events
-- Read events in order, from a number on, each with its tenant; one that was erased has none.
select
    event.sequence, event.body,
    case when event.lane <> 'erased' then coalesce(connection.tenant, case when event.connection not like 'pc\_%' escape '\' then 'tn_default' end) end
from event left join connection on connection.id = event.connection
where event.sequence > $1::bigint order by event.sequence limit $2::bigint;
