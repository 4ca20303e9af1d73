-- The ledger. Times are whole microseconds since 1970, UTC; JSON is text, for jsonb refuses some of what it may hold.
-- Text is compared by its bytes, as everywhere else: in every database the same order, whatever its language.

-- The way out: messages wait in the lane of their chat.

-- Messages, steps and attempts are written again when they go and when they have gone: with room beside it the new
-- version touches no index, for none speaks of what changes then.

create table message (
    id text collate "C" primary key,
    connection text collate "C" not null,
    lane text collate "C" not null,
    kind text collate "C" not null,
    request text collate "C" not null,
    fingerprint text collate "C" not null,
    key text collate "C",
    adaptations text collate "C" not null,
    steps integer not null,
    created_at bigint not null,
    due_at bigint not null,
    expires_at bigint,
    priority integer not null,
    state text collate "C" not null,
    generation integer not null,
    error text collate "C",
    parked boolean not null,
    waiting boolean not null -- the worker has something to do with it
)
with (fillfactor = 60);

create unique index message_key on message (key) where key is not null;
create index message_waiting on message (lane, due_at, id) where waiting;
create index message_ended on message (state, id) where state not in ('accepted', 'queued');

create table step (
    message text collate "C" not null,
    position integer not null,
    action text collate "C" not null,
    token text collate "C" not null,
    pause double precision not null,
    indexes text collate "C" not null,
    state text collate "C" not null,
    attempts integer not null,
    first_at bigint,
    call text collate "C",
    doubt boolean not null,
    receipt text collate "C",
    primary key (message, position)
)
with (fillfactor = 50);

create table token (
    token text collate "C" primary key,
    message text collate "C" not null,
    position integer not null
);

create table owner (
    connection text collate "C" not null,
    vendor_id text collate "C" not null,
    message text collate "C" not null,
    position integer not null,
    primary key (connection, vendor_id)
);

create table attempt (
    message text collate "C" not null,
    generation integer not null,
    step integer not null,
    number integer not null,
    started_at bigint not null,
    call text collate "C",
    ended_at bigint,
    outcome text collate "C",
    status integer,
    detail text collate "C",
    primary key (message, generation, step, number)
)
with (fillfactor = 60);

-- Lanes are written with every step of every message: room for the new version beside the old one, and a vacuum that
-- comes often, keep the table as small as it is.
create table lane (
    lane text collate "C" primary key,
    connection text collate "C" not null,
    fence bigint not null default 0,
    held_until bigint,
    head text collate "C",
    not_before bigint not null default 0,
    priority integer not null default 1,
    next_at bigint -- null: nothing waits
)
with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

create index lane_due on lane (connection, priority, next_at, lane) where next_at is not null;

-- Every connection and priority that a message ever had: what a claim goes through, instead of through all lanes.
create table queue (
    connection text collate "C" not null,
    priority integer not null,
    primary key (connection, priority)
);

-- Each process counts in a row of its own, so that they do not wait for each other.
create table depth (
    connection text collate "C" not null,
    shard integer not null,
    waiting bigint not null,
    primary key (connection, shard)
)
with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

create table bucket (
    key text collate "C" primary key,
    arrival bigint not null
)
with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- The way in: events wait in the lane of their chat for the handlers.

create table webhook (
    sequence bigint generated always as identity primary key,
    connection text collate "C" not null,
    digest text collate "C" not null,
    headers text collate "C" not null,
    body bytea not null,
    received_at bigint not null,
    quarantine text collate "C",
    repeats integer not null,
    events text collate "C" not null,
    unique (connection, digest)
);

create index webhook_received on webhook (received_at);
create index webhook_quarantine on webhook (sequence) where quarantine is not null;

create table event (
    sequence bigint generated always as identity primary key,
    id text collate "C" not null unique,
    connection text collate "C" not null,
    lane text collate "C" not null,
    message text collate "C",
    received_at bigint not null,
    outcome text collate "C" not null,
    tries integer not null default 0,
    retry_at bigint,
    error text collate "C",
    held_until bigint,
    body text collate "C" not null
);

create index event_pending on event (lane, sequence) where outcome = 'pending';
create index event_held on event (lane, held_until) where held_until is not null;
create index event_message on event (message, sequence) where message is not null;

create table event_lane (
    lane text collate "C" primary key,
    head bigint,
    next_at bigint -- null: nothing is pending
)
with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

create index event_lane_due on event_lane (next_at, head) where next_at is not null;

create table run (
    sequence bigint generated always as identity primary key,
    event text collate "C" not null,
    handler text collate "C" not null,
    started_at bigint not null,
    ended_at bigint not null,
    error text collate "C"
);

create index run_event on run (event, sequence);

create table fact (
    connection text collate "C" not null,
    vendor_id text collate "C" not null,
    source text collate "C" not null,
    state text collate "C" not null,
    received_at bigint not null,
    occurred_at bigint,
    channel text collate "C",
    code text collate "C",
    reason text collate "C",
    certain boolean not null,
    primary key (connection, vendor_id, source)
);

create table proof (
    token text collate "C" not null,
    vendor_id text collate "C" not null,
    sequence bigint not null,
    primary key (token, vendor_id)
);

create table inbound (
    chat text collate "C" not null,
    connection text collate "C" not null,
    vendor_id text collate "C" not null,
    received_at bigint not null,
    primary key (chat, connection)
);

create table alias (
    chat text collate "C" primary key,
    kept text collate "C" not null
);

create index alias_kept on alias (kept);

create table consent (
    connection text collate "C" not null,
    address text collate "C" not null,
    agreed boolean not null,
    source text collate "C" not null,
    changed_at bigint not null,
    -- the chat with the address: one contact may have several, which are linked by their chats
    chat text collate "C" not null,
    primary key (connection, address)
);

create index consent_chat on consent (chat);

create table cursor (
    name text collate "C" primary key,
    value text collate "C" not null
);

create table file (
    digest text collate "C" primary key,
    name text collate "C" not null,
    media_type text collate "C" not null,
    data bytea not null,
    kept_at bigint not null
);
