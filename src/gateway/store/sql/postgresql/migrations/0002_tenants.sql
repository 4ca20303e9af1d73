-- What the service keeps for its tenants. Times are whole microseconds since 1970, UTC; JSON is text.

create table tenant (
    id text collate "C" primary key,
    name text collate "C" not null,
    created_at bigint not null,
    -- JSON: retention and limits that differ from the service's own
    settings text collate "C" not null
);

create table api_key (
    id text collate "C" primary key,
    tenant text collate "C" not null,
    name text collate "C" not null,
    -- SHA-256 of the secret, in hexadecimal
    hash text collate "C" not null,
    -- JSON: a list of scopes
    scopes text collate "C" not null,
    created_at bigint not null,
    expires_at bigint,
    last_used_at bigint,
    revoked_at bigint,
    -- the key that this one takes the place of
    replaces text collate "C"
);

create index api_key_tenant on api_key (tenant, created_at, id);

-- One vendor account of a tenant; its id is the connection's name in the tables of the ledger.
create table connection (
    id text collate "C" primary key,
    tenant text collate "C" not null,
    name text collate "C" not null,
    provider text collate "C" not null,
    -- JSON: the provider's settings, each secret sealed
    settings text collate "C" not null,
    -- the key that seals them, itself sealed by the master key named in it
    data_key text collate "C" not null,
    -- JSON: policy, labels, catch_up, terms, and what else the gateway is told about it
    options text collate "C" not null,
    state text collate "C" not null,
    -- why it is not active, for people
    reason text collate "C",
    created_at bigint not null,
    updated_at bigint not null,
    -- grows with each change, so that other processes see it
    version bigint not null
);

create unique index connection_name on connection (tenant, name);
create index connection_version on connection (version);

create table endpoint (
    id text collate "C" primary key,
    tenant text collate "C" not null,
    url text collate "C" not null,
    description text collate "C" not null,
    -- JSON: event types and connections that it wants; empty lists want all
    filter text collate "C" not null,
    format text collate "C" not null,
    -- JSON: its signing keys, sealed, with the times at which they begin and end
    secrets text collate "C" not null,
    data_key text collate "C" not null,
    state text collate "C" not null,
    reason text collate "C",
    -- since when no delivery went through
    failing_since bigint,
    -- how many failed one after the other
    failures bigint not null,
    -- until when the breaker, or the receiver, keeps everything back
    closed_until bigint,
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null
);

create index endpoint_tenant on endpoint (tenant, id);

-- Events that were not yet turned into deliveries; written by a trigger in the very commit that keeps the event.
create table forwarding (
    sequence bigint primary key
);

create table delivery (
    id text collate "C" primary key,
    tenant text collate "C" not null,
    endpoint text collate "C" not null,
    event text collate "C" not null,
    -- the place of its event; deliveries of one lane go in this order
    sequence bigint not null,
    -- endpoint and chat
    lane text collate "C" not null,
    state text collate "C" not null,
    attempts bigint not null,
    -- how many of them belong to the series that is under way
    tries bigint not null,
    next_at bigint not null,
    status bigint,
    error text collate "C",
    created_at bigint not null,
    ended_at bigint,
    -- asked for by a person: a replay or a test, which keeps no lane of others waiting
    manual bigint not null,
    -- the event itself, as JSON, where it is in no other table: a test, or one of the service's own
    payload text collate "C"
);

create unique index delivery_once on delivery (event, endpoint) where manual = 0;
create index delivery_lane on delivery (lane, sequence, id) where state = 'pending';
create index delivery_endpoint on delivery (tenant, endpoint, id);
create index delivery_dead on delivery (endpoint, ended_at) where state = 'dead';
create index delivery_event on delivery (event);

-- What waits, by endpoint and chat; a row is there as long as something does.
create table forward_lane (
    lane text collate "C" primary key,
    endpoint text collate "C" not null,
    -- who delivers its first delivery at this moment, and until when that is believed
    holder text collate "C",
    held_until bigint,
    -- when its first delivery is due, or the hold on it ends
    next_at bigint not null
);

create index forward_lane_due on forward_lane (endpoint, next_at);
create index forward_lane_held on forward_lane (endpoint, held_until) where held_until is not null;

-- How far events were handed to a sink; one process at a time does it.
create table sink (
    name text collate "C" primary key,
    sequence bigint not null,
    holder text collate "C",
    held_until bigint
);

create table delivery_attempt (
    delivery text collate "C" not null,
    number bigint not null,
    started_at bigint not null,
    ended_at bigint not null,
    status bigint,
    error text collate "C",
    -- what the receiver said, cut
    answer text collate "C",
    primary key (delivery, number)
);

create table idempotency (
    tenant text collate "C" not null,
    route text collate "C" not null,
    key text collate "C" not null,
    fingerprint text collate "C" not null,
    -- until when the first request may still be working; null: it has ended
    held_until bigint,
    status bigint,
    -- JSON: headers that belong to the answer
    headers text collate "C",
    body text collate "C",
    created_at bigint not null,
    primary key (tenant, route, key)
);

create index idempotency_created on idempotency (created_at);

create table audit (
    tenant text collate "C" not null,
    number bigint not null,
    at bigint not null,
    -- who: the id of a key, `operator`, `gateway`
    actor text collate "C" not null,
    action text collate "C" not null,
    -- the id of what it was done to
    target text collate "C" not null,
    -- JSON, without content and without secrets
    detail text collate "C" not null,
    previous text collate "C" not null,
    hash text collate "C" not null,
    primary key (tenant, number)
);

create table upload (
    id text collate "C" primary key,
    tenant text collate "C" not null,
    digest text collate "C" not null,
    name text collate "C" not null,
    -- what it is served as
    media_type text collate "C" not null,
    -- what the caller, its name and its bytes say that it is
    declared_type text collate "C",
    named_type text collate "C",
    sniffed_type text collate "C",
    size bigint not null,
    -- whose message brought it, for media that was pinned
    connection text collate "C",
    event text collate "C",
    created_at bigint not null,
    expires_at bigint
);

create index upload_tenant on upload (tenant, created_at, id);
create index upload_digest on upload (digest);
create index upload_event on upload (event) where event is not null;
create index upload_expires on upload (expires_at) where expires_at is not null;

-- Whoever was erased and had opted out stays opted out, without being named.
create table suppression (
    connection text collate "C" not null,
    -- keyed hash of the address
    address text collate "C" not null,
    created_at bigint not null,
    primary key (connection, address)
);

-- What lists go by.
create index message_connection on message (connection, id);
create index event_connection on event (connection, sequence);
create index event_chat on event (lane, sequence);
create index webhook_connection on webhook (connection, sequence);

create function note_forwarding() returns trigger language plpgsql as $$
begin
    if exists (select 1 from endpoint where state <> 'disabled') then
        insert into forwarding (sequence) values (new.sequence);
    end if;
    return null;
end
$$;

-- What is done as it comes was kept back: no handler is called for it, and no endpoint is sent it unless somebody asks.
create trigger event_forwarding after insert on event for each row when (new.outcome = 'pending')
execute function note_forwarding();
