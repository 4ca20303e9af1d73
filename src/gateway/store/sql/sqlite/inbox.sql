-- name: aliases
-- Find the ids under which chats are kept.
select chat, kept from alias where chat in (select value from json_each(?1));

-- name: all_aliases
-- List every chat that is kept under another id.
select chat, kept from alias;

-- name: add_alias
-- Keep a chat under another id.
insert into alias (chat, kept) values (?1, ?2) on conflict do update set kept = excluded.kept;

-- name: repoint_aliases
-- Keep under another id what was kept under this one.
update alias set kept = ?2 where kept = ?1;

-- name: move_events
-- Let pending events wait in the lane of the id that is kept.
update event set lane = ?2 where lane = ?1 and outcome = 'pending';

-- name: join_inbound
-- Keep the later one of the last messages of two chats that are one.
insert into inbound (chat, connection, vendor_id, received_at)
select ?2, connection, vendor_id, received_at from inbound where chat = ?1
on conflict do update set vendor_id = excluded.vendor_id, received_at = excluded.received_at
where inbound.received_at <= excluded.received_at;

-- name: drop_inbound
-- Forget the last message of a chat that is kept under another id.
delete from inbound where chat = ?1;

-- name: event_places
-- Find where events are, by their ids.
select id, sequence, lane, outcome from event where id in (select value from json_each(?1));

-- name: add_events
-- Keep events that are new: who writes alone has looked that they are. Should one fail all the same, the whole transaction
-- is undone: so what the statement did before needs not be kept for undoing it alone.
insert or fail into event (id, connection, lane, message, received_at, outcome, body) values (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: update_events
-- Write how far events were handed over.
update event set
    message = new.column2, outcome = new.column3, tries = new.column4, retry_at = new.column5, error = new.column6,
    body = new.column7, held_until = null
from (values (?1, ?2, ?3, ?4, ?5, ?6, ?7)) as new where event.sequence = new.column1;

-- name: write_event_lanes
-- Set when a lane of events is due: when every handler that has one of its events is late, else with its first event.
insert into event_lane (lane, head, next_at, past)
select
    wanted.column1,
    first.sequence,
    coalesce(
        (
            select max(held.held_until) from event as held
            where held.lane = wanted.column1 and held.held_until is not null
        ),
        first.retry_at,
        first.received_at
    ),
    coalesce(first.sequence, (select max(last.sequence) + 1 from event as last where last.lane = wanted.column1), 0)
from (values (?1)) as wanted left join event as first on first.sequence = (
    select sequence from event indexed by event_chat
    where
        lane = wanted.column1
        and sequence >= coalesce((select past from event_lane where event_lane.lane = wanted.column1), 0)
        and outcome = 'pending'
    order by sequence limit 1
)
where true
on conflict do update set head = excluded.head, next_at = excluded.next_at, past = excluded.past;

-- name: wake_event_lanes
-- Make lanes in which nothing is pending due with a new event; in one that has a head, what comes behind it changes
-- nothing.
insert into event_lane (lane, head, next_at, past)
select new.column1, event.sequence, event.received_at, event.sequence
from (values (?1, ?2)) as new cross join event on event.id = new.column2
where true
on conflict do update set head = excluded.head, next_at = excluded.next_at, past = excluded.past
where event_lane.head is null;

-- name: event_lanes_due
-- Tell when the first of some lanes of events is due.
select min(next_at) from event_lane where lane in (select value from json_each(?1));

-- name: due_event_lanes
-- Find the first few lanes whose first event is due.
select lane, head from event_lane where next_at <= ?1 order by next_at, head limit ?2;

-- name: hold_events
-- Hold events for a handler, and read them; one that is held still was not settled, which is one try more.
update event set
    held_until = ?2,
    tries = tries + (held_until is not null),
    error = case when held_until is null then error else ?3 end
where sequence in (select value from json_each(?1))
returning sequence, lane, outcome, tries, retry_at, error, body;

-- name: next_event_due
-- Tell when the next lane of events falls due that is not due yet.
select min(next_at) from event_lane where next_at > ?1;

-- name: void_events
-- Give back every event that a handler has: whoever had it is gone, which is one try more.
update event set held_until = null, tries = tries + 1, error = ?1 where held_until is not null returning lane;

-- name: add_runs
-- Keep the runs of handlers.
insert into run (event, handler, started_at, ended_at, error) values (?1, ?2, ?3, ?4, ?5);

-- name: write_webhooks
-- Keep webhooks; one that is there already is counted, and what was made of it is added.
insert into webhook (connection, digest, headers, body, received_at, quarantine, repeats, events)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict do update set
    quarantine = excluded.quarantine,
    repeats = repeats + excluded.repeats + 1,
    events = case when events = excluded.events then events else (
        select json_group_array(value) from (
            select value from (
                select value, key as place from json_each(webhook.events)
                union all
                select value, key + 1000000 from json_each(excluded.events)
            ) group by value order by min(place)
        )
    ) end;

-- name: add_facts
-- Keep facts; the first one of a source about a message holds.
insert into fact (
    connection, vendor_id, source, state, received_at, occurred_at, channel, code, reason, certain
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
on conflict do nothing;

-- name: add_proofs
-- Note that a token came back with a vendor's id.
insert into proof (token, vendor_id, sequence) values (?1, ?2, ?3) on conflict do nothing;

-- name: write_inbound
-- Keep the last message that a contact wrote in a chat, unless a later one is known.
insert into inbound (chat, connection, vendor_id, received_at) values (?1, ?2, ?3, ?4)
on conflict do update set vendor_id = excluded.vendor_id, received_at = excluded.received_at
where inbound.received_at <= excluded.received_at;

-- name: write_consents
-- Keep the word of an address, unless a later one is known.
insert into consent (connection, address, agreed, source, changed_at, chat) values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict do update set agreed = excluded.agreed, source = excluded.source, changed_at = excluded.changed_at
where consent.changed_at <= excluded.changed_at;

-- name: write_cursors
-- Keep how far something was read.
insert into cursor (name, value) values (?1, ?2) on conflict do update set value = excluded.value;

-- name: add_files
-- Keep bytes to serve, once.
insert into file (digest, name, media_type, data, kept_at) values (?1, ?2, ?3, ?4, ?5) on conflict do nothing;
