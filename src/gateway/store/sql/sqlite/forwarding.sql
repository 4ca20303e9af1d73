-- name: lock_forwarding
-- Let one process at a time turn events into deliveries, so that they keep their order; nobody else writes here.
select 1;

-- name: to_forward
-- Read the first events that were not yet turned into deliveries; every body begins with its type.
select
    forwarding.sequence, event.id, event.connection, event.lane,
    substr(event.body, 10, instr(substr(event.body, 10), '"') - 1)
from forwarding left join event on event.sequence = forwarding.sequence and event.lane <> 'erased'
order by forwarding.sequence limit ?1;

-- name: drop_forwarded
-- Forget what was turned into deliveries.
delete from forwarding where sequence in (select value from json_each(?1));

-- name: owners_of
-- Find out whose connections are.
select id, tenant from connection where id in (select value from json_each(?1));

-- name: takers
-- List the endpoints of tenants that take events.
select id, tenant, filter from endpoint
where tenant in (select value from json_each(?1)) and state <> 'disabled' order by id;

-- name: other_names
-- Find the chats that are kept under some ids.
select chat, kept from alias where kept in (select value from json_each(?1));

-- name: add_deliveries
-- Keep deliveries, each once.
insert into delivery (
    id, tenant, endpoint, event, sequence, lane, state, attempts, tries, next_at, created_at, manual
)
values (?1, ?2, ?3, ?4, ?5, ?6, 'pending', 0, 0, ?7, ?7, ?8)
on conflict do nothing;

-- name: raise_lanes
-- Let lanes be looked at, if they are not there yet.
insert into forward_lane (lane, endpoint, next_at) values (?1, ?2, ?3) on conflict do nothing;

-- name: forward_due
-- Tell whether events wait to be turned into deliveries, and when the next delivery is due.
select
    exists (select 1 from forwarding),
    (
        select min(max(
            coalesce(endpoint.closed_until, 0),
            (select min(lane.next_at) from forward_lane as lane where lane.endpoint = endpoint.id)
        ))
        from endpoint where endpoint.state = 'active'
    );

-- name: due_endpoints
-- Find endpoints for which something is due, who waited longest first, with how many are at work for each.
select id, failures, busy from (
    select
        endpoint.id, endpoint.failures,
        (select min(lane.next_at) from forward_lane as lane where lane.endpoint = endpoint.id) as due,
        (select count(*) from forward_lane as held where held.endpoint = endpoint.id and held.held_until > ?1) as busy
    from endpoint
    where endpoint.state = 'active' and coalesce(endpoint.closed_until, 0) <= ?1
)
where due <= ?1 order by due, id limit ?2;

-- name: due_lanes_of
-- Find lanes of an endpoint that are due.
select lane from forward_lane where endpoint = ?1 and next_at <= ?2 order by next_at, lane limit ?3;

-- name: hold_forward_lanes
-- Hold lanes for whoever delivers.
update forward_lane set holder = ?2, held_until = ?3, next_at = ?3
where lane in (select value from json_each(?1));

-- name: first_deliveries
-- Read the first delivery of each lane, with its event.
select
    delivery.id, delivery.tenant, delivery.endpoint, delivery.event, delivery.sequence, delivery.lane, delivery.state,
    delivery.attempts, delivery.tries, delivery.next_at, delivery.status, delivery.error, delivery.created_at,
    delivery.ended_at, delivery.manual, delivery.payload, event.body
from json_each(?1) as wanted
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
from endpoint where id in (select value from json_each(?1));

-- name: free_lanes
-- Give back the lane of a delivery, if it is still ours.
update forward_lane set holder = null, held_until = null
where lane = (select lane from delivery where id = ?1) and holder = ?2
returning ?1, lane;

-- name: write_deliveries
-- Write how far a delivery has come.
update delivery set
    state = ?2, attempts = ?3, tries = ?4, next_at = ?5, status = ?6, error = ?7, ended_at = ?8
where id = ?1;

-- name: add_delivery_attempts
-- Keep what became of one attempt.
insert into delivery_attempt (delivery, number, started_at, ended_at, status, error, answer)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict do nothing;

-- name: rest_lanes
-- Set when lanes are due: each with the first delivery that waits in it.
update forward_lane set next_at = (
    select first.next_at from delivery as first
    where first.lane = forward_lane.lane and first.state = 'pending' order by first.sequence, first.id limit 1
)
where lane in (select value from json_each(?1))
    and exists (select 1 from delivery as waiting where waiting.lane = forward_lane.lane and waiting.state = 'pending')
returning lane;

-- name: drop_lanes
-- Forget lanes in which nothing waits.
delete from forward_lane where lane in (select value from json_each(?1));

-- name: ailing_endpoints
-- Tell which endpoints are failing, or asked to be left alone.
select id from endpoint
where id in (select value from json_each(?1)) and (failing_since is not null or closed_until is not null);

-- name: events_to_replay
-- Find events of a tenant that an endpoint may be sent again, from a number on; lists that are empty take all.
select event.sequence, event.id, event.lane
from event left join connection on connection.id = event.connection
where event.sequence > ?1
    and ?2 = coalesce(connection.tenant, case when event.connection not like 'pc\_%' escape '\' then 'tn_default' end)
    and event.lane <> 'erased' and event.received_at >= ?3 and event.received_at < ?4
    and (json_array_length(?5) = 0 or event.connection in (select value from json_each(?5)))
    and (
        json_array_length(?6) = 0
        or substr(event.body, 10, instr(substr(event.body, 10), '"') - 1) in (select value from json_each(?6))
    )
    and (?7 = 0 or not exists (
        select 1 from delivery where delivery.event = event.id and delivery.endpoint = ?8
    ))
order by event.sequence limit ?9;

-- name: count_to_replay
-- Count the events of a tenant that an endpoint would be sent again.
select count(*)
from event left join connection on connection.id = event.connection
where ?1 = coalesce(connection.tenant, case when event.connection not like 'pc\_%' escape '\' then 'tn_default' end)
    and event.lane <> 'erased' and event.received_at >= ?2 and event.received_at < ?3
    and (json_array_length(?4) = 0 or event.connection in (select value from json_each(?4)))
    and (
        json_array_length(?5) = 0
        or substr(event.body, 10, instr(substr(event.body, 10), '"') - 1) in (select value from json_each(?5))
    )
    and (?6 = 0 or not exists (
        select 1 from delivery where delivery.event = event.id and delivery.endpoint = ?7
    ));

-- name: owned_events
-- Read events in order, from a number on, each with its tenant; one that was erased has none.
select
    event.sequence, event.body,
    case when event.lane <> 'erased' then coalesce(connection.tenant, case when event.connection not like 'pc\_%' escape '\' then 'tn_default' end) end
from event left join connection on connection.id = event.connection
where event.sequence > ?1 order by event.sequence limit ?2;
