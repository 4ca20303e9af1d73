-- name: aliases
-- Find the ids under which chats are kept.
select chat, kept from alias where chat = any($1::text[]);

-- name: add_event_lanes
-- Make the lanes of events that are not there yet.
insert into event_lane (lane) select lane from unnest($1::text[]) as new (lane) on conflict do nothing;

-- name: lock_event_lanes
-- Lock the lanes of events that a batch is about, in the one order that all batches keep.
select lane from event_lane where lane = any($1::text[]) order by lane for update;

-- name: order_events
-- Let one transaction after the other number its events, until it is committed: a reader that goes on from the last
-- number it saw would otherwise miss those of a transaction that began earlier and ended later.
select pg_advisory_xact_lock(hashtextextended('gateway events ' || current_schema(), 0));

-- name: add_alias
-- Keep a chat under another id.
insert into alias (chat, kept) select chat, kept from unnest($1::text[], $2::text[]) as new (chat, kept)
on conflict (chat) do update set kept = excluded.kept;

-- name: repoint_aliases
-- Keep under another id what was kept under this one.
update alias set kept = new.kept from unnest($1::text[], $2::text[]) as new (chat, kept) where alias.kept = new.chat;

-- name: move_events
-- Let pending events wait in the lane of the id that is kept.
update event set lane = new.kept from unnest($1::text[], $2::text[]) as new (chat, kept)
where event.lane = new.chat and event.outcome = 'pending';

-- name: join_inbound
-- Keep the later one of the last messages of two chats that are one.
insert into inbound (chat, connection, vendor_id, received_at)
select new.kept, inbound.connection, inbound.vendor_id, inbound.received_at
from unnest($1::text[], $2::text[]) as new (chat, kept) join inbound on inbound.chat = new.chat
on conflict (chat, connection) do update set vendor_id = excluded.vendor_id, received_at = excluded.received_at
where inbound.received_at <= excluded.received_at;

-- name: drop_inbound
-- Forget the last message of a chat that is kept under another id.
delete from inbound using unnest($1::text[]) as old (chat) where inbound.chat = old.chat;

-- name: event_places
-- Find where events are, by their ids.
select id, sequence, lane, outcome from event where id = any($1::text[]);

-- name: add_events
-- Keep events that are new; returns those that were, with their numbers.
insert into event (id, connection, lane, message, received_at, outcome, body)
select new.id, new.connection, new.lane, new.message, new.received_at, new.outcome, new.body
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[])
    with ordinality as new (id, connection, lane, message, received_at, outcome, body, place)
where not exists (select 1 from event where event.id = new.id)
order by new.place
returning id, sequence;

-- name: update_events
-- Write how far events were handed over.
update event set
    message = new.message, outcome = new.outcome, tries = new.tries, retry_at = new.retry_at, error = new.error,
    body = new.body, held_until = null
from unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::bigint[], $6::text[], $7::text[])
    as new (sequence, message, outcome, tries, retry_at, error, body)
where event.sequence = new.sequence;

-- name: write_event_lanes
-- Set when a lane of events is due: when every handler that has one of its events is late, else with its first event.
update event_lane set
    head = first.sequence,
    next_at = coalesce(
        (
            select max(held.held_until) from event as held
            where held.lane = wanted.lane and held.held_until is not null
        ),
        first.retry_at,
        first.received_at
    )
from unnest($1::text[]) as wanted (lane)
left join lateral (
    select event.sequence, event.retry_at, event.received_at from event
    where event.lane = wanted.lane and event.outcome = 'pending' order by event.sequence limit 1
) as first on true
where event_lane.lane = wanted.lane;

-- name: event_lanes_due
-- Tell when the first of some lanes of events is due.
select min(next_at) from event_lane where lane = any($1::text[]);

-- name: due_event_lanes
-- Hold the first few lanes whose first event is due, as far as nobody else is at them.
select lane, head from event_lane where next_at <= $1::bigint
order by next_at, head limit $2::bigint for update skip locked;

-- name: hold_events
-- Hold events for a handler, and read them; one that is held still was not settled, which is one try more.
update event set
    held_until = $2::bigint,
    tries = tries + (held_until is not null)::integer,
    error = case when held_until is null then error else $3::text end
where sequence = any($1::bigint[])
returning sequence, lane, outcome, tries, retry_at, error, body;

-- name: next_event_due
-- Tell when the next lane of events falls due that is not due yet.
select min(next_at) from event_lane where next_at > $1::bigint;

-- name: add_runs
-- Keep the runs of handlers.
insert into run (event, handler, started_at, ended_at, error)
select new.event, new.handler, new.started_at, new.ended_at, new.error
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
    with ordinality as new (event, handler, started_at, ended_at, error, place)
order by new.place;

-- name: write_webhooks
-- Keep webhooks; one that is there already is counted, and what was made of it is added.
insert into webhook (connection, digest, headers, body, received_at, quarantine, repeats, events)
select * from unnest(
    $1::text[], $2::text[], $3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::integer[], $8::text[]
)
on conflict (connection, digest) do update set
    quarantine = excluded.quarantine,
    repeats = webhook.repeats + excluded.repeats + 1,
    events = case when webhook.events = excluded.events then webhook.events else (
        select coalesce(json_agg(made.value order by made.place), '[]')::text from (
            select value, min(place) as place from (
                select value, place from json_array_elements_text(webhook.events::json)
                    with ordinality as before (value, place)
                union all
                select value, place + 1000000 from json_array_elements_text(excluded.events::json)
                    with ordinality as now (value, place)
            ) as every group by value
        ) as made
    ) end;

-- name: add_facts
-- Keep facts; the first one of a source about a message holds.
insert into fact (connection, vendor_id, source, state, received_at, occurred_at, channel, code, reason, certain)
select * from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[],
    $10::boolean[]
)
on conflict do nothing;

-- name: add_proofs
-- Note that a token came back with a vendor's id.
insert into proof (token, vendor_id, sequence)
select * from unnest($1::text[], $2::text[], $3::bigint[]) on conflict do nothing;

-- name: write_inbound
-- Keep the last message that a contact wrote in a chat, unless a later one is known.
insert into inbound (chat, connection, vendor_id, received_at)
select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
on conflict (chat, connection) do update set vendor_id = excluded.vendor_id, received_at = excluded.received_at
where inbound.received_at <= excluded.received_at;

-- name: write_consents
-- Keep the word of an address, unless a later one is known.
insert into consent (connection, address, agreed, source, changed_at, chat)
select * from unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::bigint[], $6::text[])
on conflict (connection, address) do update set
    agreed = excluded.agreed, source = excluded.source, changed_at = excluded.changed_at
where consent.changed_at <= excluded.changed_at;

-- name: write_cursors
-- Keep how far something was read.
insert into cursor (name, value) select * from unnest($1::text[], $2::text[])
on conflict (name) do update set value = excluded.value;

-- name: add_files
-- Keep bytes to serve, once.
insert into file (digest, name, media_type, data, kept_at)
select * from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bigint[])
on conflict do nothing;
