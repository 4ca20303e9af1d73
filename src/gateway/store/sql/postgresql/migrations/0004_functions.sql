-- Functions that write a whole batch: one round to the server for many calls, and one transaction that lasts no longer
-- than its work. Each statement in a function sees what was committed before it began, so what stands after the one that
-- takes the locks reads what is true under them.
--
-- All of them lock in one order: lanes, limits, messages, and the rest by their keys. A plan is made once, and walks the
-- indexes however small a table was when it was made.
--
-- A function that a process of the version before may still call is never changed: a new one is made beside it, and
-- the old one is dropped in an `.after` migration. The same goes for the rows.

-- Rows as they are sent. An array of rows is one argument, and read as one; an array for each column cost both sides
-- more than what is written costs.

create type ledger_coming as (lane text collate "C", connection text collate "C", due_at bigint);

-- A lane that is held, when what it is held for begins or may go on, and whether whoever holds it would go on with it.
create type ledger_held as (lane text collate "C", fence bigint, at bigint, again boolean);

create type ledger_message as (
    id text collate "C", connection text collate "C", lane text collate "C", kind text, request text, fingerprint text,
    key text collate "C", adaptations text, steps integer, created_at bigint, due_at bigint, expires_at bigint,
    priority integer, state text, generation integer, error text, parked boolean, waiting boolean
);

-- What may change of a message; null for what is as it was in the columns that are never null.
create type ledger_change as (
    id text collate "C", due_at bigint, expires_at bigint, priority integer, state text, generation integer, error text,
    parked boolean, waiting boolean
);

create type ledger_step as (
    message text collate "C", position integer, action text, token text collate "C", pause double precision,
    indexes text, state text, attempts integer, first_at bigint, call text, doubt boolean, receipt text
);

create type ledger_attempt as (
    message text collate "C", generation integer, step integer, number integer, started_at bigint, call text,
    ended_at bigint, outcome text, status integer, detail text
);

create type ledger_owner as (
    call integer, connection text collate "C", vendor_id text collate "C", message text collate "C", position integer
);

-- Keeps messages whose key and id are free, with their steps; returns the ids of those that were kept.
create function ledger_enqueue(
    shard integer, -- the row in which this process counts
    lanes ledger_coming[], -- each once and sorted, with the first time of each
    served text[], priorities integer[], -- connections and priorities that may be new
    messages ledger_message[], -- sorted by key and id
    steps ledger_step[] -- sorted by token; where two have the same one it fails, and the batch is divided
)
returns text[] language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
    kept text[];
    known integer;
    first boolean; -- whether something may come before all that waits in its lane
begin
    -- what is due later than the lane is not its first, and changes nothing
    select count(*), bool_or(locked.next_at is null or locked.due_at <= locked.next_at) into known, first
    from (
        select lane.next_at, asked.due_at from unnest(lanes) as asked
        join lane on lane.lane = asked.lane order by lane.lane for update of lane
    ) as locked;
    if known < cardinality(lanes) then
        first := true;
        insert into lane (lane, connection) select coming.lane, coming.connection from unnest(lanes) as coming
        on conflict (lane) do update set connection = excluded.connection where false; -- locks it all the same
    end if;
    if cardinality(served) > 0 then
        insert into queue (connection, priority) select * from unnest(served, priorities) on conflict do nothing;
    end if;
    with new as (
        insert into message (
            id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
            priority, state, generation, error, parked, waiting
        )
        select * from unnest(messages)
        on conflict do nothing
        returning message.id, message.connection, message.waiting
    ),
    counted as (
        insert into depth (connection, shard, waiting)
        select new.connection, shard, count(*) from new where new.waiting group by 1 order by 1
        on conflict on constraint depth_pkey do update set waiting = depth.waiting + excluded.waiting
    )
    select array_agg(new.id) into kept from new;
    if kept is null then
        return '{}';
    end if;
    if cardinality(kept) < cardinality(messages) then
        steps := array(select step from unnest(steps) as step where step.message = any(kept));
    end if;
    with stepped as (
        insert into step (
            message, position, action, token, pause, indexes, state, attempts, first_at, call, doubt, receipt
        )
        select * from unnest(steps)
        returning step.token, step.message, step.position
    )
    insert into token (token, message, position) select * from stepped
    on conflict (token) do update set message = excluded.message, position = excluded.position;
    if first then
        update lane set priority = coming.priority, next_at = coming.next_at
        from (
            select
                wanted.lane, coalesce(first.priority, 1) as priority,
                case
                    when own.held_until is not null then own.held_until
                    when first.due_at is not null then greatest(first.due_at, own.not_before)
                end as next_at
            from unnest(lanes) as wanted
            join lane as own on own.lane = wanted.lane and (own.next_at is null or wanted.due_at <= own.next_at)
            left join lateral (
                select message.priority, message.due_at from message
                where message.lane = wanted.lane and message.waiting order by message.due_at, message.id limit 1
            ) as first on true
        ) as coming
        where lane.lane = coming.lane
            and (lane.priority, lane.next_at) is distinct from (coming.priority, coming.next_at);
    end if;
    return kept;
end
$$;

-- Locks lanes, in their order, and tells of each whether it is still held.
create function ledger_hold(calls ledger_held[]) returns boolean[] language plpgsql
as $$
declare
    places bigint[]; -- of those that are
begin
    select array_agg(locked.place) into places
    from (
        select asked.place from unnest(calls) with ordinality as asked (lane, fence, at, again, place)
        join lane on lane.lane = asked.lane and lane.fence = asked.fence and lane.held_until is not null
        order by lane.lane for update of lane
    ) as locked;
    if cardinality(places) = cardinality(calls) then
        return array_fill(true, array[cardinality(calls)]);
    end if;
    return array(select place = any(coalesce(places, '{}')) from generate_series(1, cardinality(calls)) as place);
end
$$;

-- Writes that attempts start, each if its lane is still held and all of its limits leave room, and takes one from each
-- limit (GCRA). Tells of each attempt whether its lane was held, or else until when which limit asks to wait; and of
-- each use of a limit when the next one was free before it.
create function ledger_mark(
    calls ledger_held[], -- one for each attempt, as the next two
    steps ledger_step[], attempts ledger_attempt[],
    keys text[], -- the keys of all limits, each once and sorted
    users integer[], -- uses of limits: which attempt, which key, the interval and how many of them may come at once
    places integer[],
    intervals bigint[],
    bursts integer[],
    out held boolean[],
    out untils bigint[],
    out limits text[],
    out befores bigint[],
    out afters bigint[]
)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
    arrivals bigint[];
    written boolean[];
    first integer := 1;
    past integer := 1;
    starts bigint;
    free_at bigint;
begin
    held := ledger_hold(calls);
    written := held;
    if cardinality(keys) > 0 then
        insert into bucket (key, arrival) select key, 0 from unnest(keys) as new (key) on conflict do nothing;
        with locked as materialized (
            select key, arrival from bucket where key = any(keys) order by key for update
        )
        select array_agg(arrival order by key) into arrivals from locked;
        untils := array_fill(null::bigint, array[cardinality(calls)]);
        limits := array_fill(null::text, array[cardinality(calls)]);
        befores := array_fill(null::bigint, array[cardinality(users)]);
        afters := befores;
        for number in 1 .. cardinality(calls) loop
            starts := calls[number].at;
            while users[past] = number loop
                free_at := arrivals[places[past]] - intervals[past] * (bursts[past] - 1);
                if held[number] and free_at > starts and (
                    untils[number] is null or free_at > untils[number]
                    or (free_at = untils[number] and keys[places[past]] > limits[number])
                ) then
                    written[number] := false;
                    untils[number] := free_at;
                    limits[number] := keys[places[past]];
                end if;
                past := past + 1;
            end loop;
            if written[number] then
                for used in first .. past - 1 loop
                    befores[used] := arrivals[places[used]];
                    afters[used] := greatest(befores[used], starts) + intervals[used];
                    arrivals[places[used]] := afters[used];
                end loop;
            end if;
            first := past;
        end loop;
        update bucket set arrival = new.arrival from unnest(keys, arrivals) as new (key, arrival)
        where bucket.key = new.key and bucket.arrival <> new.arrival;
    end if;
    with stepped as (
        update step set
            action = coalesce(new.action, step.action), token = coalesce(new.token, step.token),
            pause = coalesce(new.pause, step.pause), indexes = coalesce(new.indexes, step.indexes),
            state = new.state, attempts = new.attempts, first_at = new.first_at, call = new.call, doubt = new.doubt,
            receipt = new.receipt
        from unnest(written, steps) as new (
            written, message, position, action, token, pause, indexes, state, attempts, first_at, call, doubt, receipt
        )
        where new.written and step.message = new.message and step.position = new.position
    )
    insert into attempt (message, generation, step, number, started_at, call, ended_at, outcome, status, detail)
    select new.message, generation, step, number, started_at, call, ended_at, outcome, status, detail
    from unnest(written, attempts) as new (
        written, message, generation, step, number, started_at, call, ended_at, outcome, status, detail
    )
    where new.written
    on conflict (message, generation, step, number) do update set
        started_at = excluded.started_at, call = excluded.call, ended_at = excluded.ended_at,
        outcome = excluded.outcome, status = excluded.status, detail = excluded.detail;
end
$$;

-- Reads what is at the heads of lanes that are held, in the order of the lanes.
create function ledger_works(lanes text[], fences bigint[], heads text[])
returns table (
    lane text, fence bigint,
    m1 text, m2 text, m3 text, m4 text, m5 text, m6 text, m7 text, m8 text, m9 integer, m10 bigint, m11 bigint,
    m12 bigint, m13 integer, m14 text, m15 integer, m16 text, m17 boolean,
    s1 text, s2 integer, s3 text, s4 text, s5 double precision, s6 text, s7 text, s8 integer, s9 bigint, s10 text,
    s11 boolean, s12 text
)
language sql stable
as $$
    select
        work.lane, work.fence, message.id, message.connection, message.lane, message.kind, message.request,
        message.fingerprint, message.key, message.adaptations, message.steps, message.created_at, message.due_at,
        message.expires_at, message.priority, message.state, message.generation, message.error, message.parked,
        step.message, step.position, step.action, step.token, step.pause, step.indexes, step.state, step.attempts,
        step.first_at, step.call, step.doubt, step.receipt
    from unnest(lanes, fences, heads) with ordinality as work (lane, fence, head, place)
    join message on message.id = work.head left join step on step.message = work.head
    order by work.place, step.position;
$$;

-- Gives lanes back, each if it is still held, and writes what the attempts in them came to. Lanes that are asked for
-- again are held again where what is at their heads is due. Returns which were held, and when the first of those that
-- were given back is due, if anything waits in one; then the heads of those that are held again, with their steps.
create function ledger_settle(
    shard integer, -- the row in which this process counts
    now bigint, lease bigint, -- for those who would have their lanes again
    calls ledger_held[], -- of two that give the same lane back the second has a fence that none ever has
    changes ledger_change[], -- one for each call, as the next three; null for a call that brings no result
    steps ledger_step[], -- null for what is as it was in the columns that are never null
    tokens text[], -- those of steps whose token is new
    attempts ledger_attempt[],
    owners ledger_owner[], -- owners of a vendor's ids, each with its call
    users integer[], keys text[], befores bigint[], afters bigint[] -- places of limits taken for nothing, with the call
)
returns table (
    held boolean[], due bigint, claimed_lane text, claimed_fence bigint,
    m1 text, m2 text, m3 text, m4 text, m5 text, m6 text, m7 text, m8 text, m9 integer, m10 bigint, m11 bigint,
    m12 bigint, m13 integer, m14 text, m15 integer, m16 text, m17 boolean,
    s1 text, s2 integer, s3 text, s4 text, s5 double precision, s6 text, s7 text, s8 integer, s9 bigint, s10 text,
    s11 boolean, s12 text
)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
    unused record;
    written bigint[]; -- the calls whose attempts were there
    again_lanes text[];
    again_fences bigint[];
    again_heads text[];
begin
    held := ledger_hold(calls);
    if cardinality(keys) > 0 then
        perform from bucket where key = any(keys) order by key for update;
        -- behind a place that was taken since, a gap would let two pass that are closer than the limit says
        for unused in
            select given.key, given.before, given.after
            from unnest(users, keys, befores, afters) with ordinality as given (call, key, before, after, place)
            where held[given.call] order by given.call, given.place desc
        loop
            update bucket set arrival = unused.before where key = unused.key and arrival = unused.after;
        end loop;
    end if;
    if cardinality(changes) > 0 then
        with messages as (
            update message set
                due_at = coalesce(new.due_at, message.due_at), expires_at = new.expires_at,
                priority = coalesce(new.priority, message.priority), state = new.state,
                generation = coalesce(new.generation, message.generation), error = new.error,
                parked = coalesce(new.parked, message.parked), waiting = new.waiting
            from unnest(held, changes)
                as new (held, id, due_at, expires_at, priority, state, generation, error, parked, waiting)
            where new.held and message.id = new.id
            returning message.connection, message.waiting
        ),
        steps as (
            update step set
                action = coalesce(new.action, step.action), token = coalesce(new.token, step.token),
                pause = coalesce(new.pause, step.pause), indexes = coalesce(new.indexes, step.indexes),
                state = new.state, attempts = new.attempts, first_at = new.first_at, call = new.call,
                doubt = new.doubt, receipt = new.receipt
            from unnest(held, steps) as new (
                held, message, position, action, token, pause, indexes, state, attempts, first_at, call, doubt, receipt
            )
            where new.held and step.message = new.message and step.position = new.position
        ),
        -- nearly always it was written when it started, and an update of what is there costs less than an insert that
        -- finds it there
        known as (
            update attempt set
                started_at = new.started_at, call = new.call, ended_at = new.ended_at, outcome = new.outcome,
                status = new.status, detail = new.detail
            from unnest(held, attempts) with ordinality as new (
                held, message, generation, step, number, started_at, call, ended_at, outcome, status, detail, place
            )
            where new.held and attempt.message = new.message and attempt.generation = new.generation
                and attempt.step = new.step and attempt.number = new.number
            returning new.place
        ),
        owners as (
            insert into owner (connection, vendor_id, message, position)
            select distinct on (new.connection, new.vendor_id) new.connection, new.vendor_id, new.message, new.position
            from unnest(owners) with ordinality as new (call, connection, vendor_id, message, position, place)
            where held[new.call] order by new.connection, new.vendor_id, new.place desc
            on conflict (connection, vendor_id) do update set message = excluded.message, position = excluded.position
        ),
        counted as (
            insert into depth (connection, shard, waiting)
            select messages.connection, shard, -count(*) from messages
            where not messages.waiting group by messages.connection order by messages.connection
            on conflict on constraint depth_pkey do update set waiting = depth.waiting + excluded.waiting
        )
        select array_agg(known.place) into written from known;
        if num_nonnulls(variadic attempts) > coalesce(cardinality(written), 0) then
            insert into attempt (
                message, generation, step, number, started_at, call, ended_at, outcome, status, detail
            )
            select new.message, generation, step, number, started_at, new.call, ended_at, outcome, status, detail
            from unnest(held, attempts) with ordinality as new (
                held, message, generation, step, number, started_at, call, ended_at, outcome, status, detail, place
            )
            where new.held and new.message is not null and new.place <> all(coalesce(written, '{}'));
        end if;
        if tokens is not null then
            insert into token (token, message, position)
            select distinct on (new.fresh) new.fresh, new.message, new.position
            from unnest(held, tokens, steps) as new (held, fresh, message, position)
            where new.held and new.fresh is not null order by new.fresh, new.message desc
            on conflict (token) do update set message = excluded.message, position = excluded.position;
        end if;
    end if;
    with freed as (
        update lane set
            fence = lane.fence + wanted.again::integer,
            -- half a lease is enough, and what is as it was touches no index
            held_until = case
                when wanted.again and lane.held_until - now >= lease / 2 then lane.held_until
                when wanted.again then now + lease
            end,
            head = case when wanted.again then wanted.id else lane.head end,
            not_before = wanted.next_at,
            priority = coalesce(wanted.priority, 1),
            next_at = case
                when wanted.again and lane.held_until - now >= lease / 2 then lane.held_until
                when wanted.again then now + lease
                when wanted.due_at is not null then greatest(wanted.due_at, wanted.next_at)
            end
        from (
            select
                given.lane, given.next_at, first.id, first.priority, first.due_at,
                given.again and first.id is not null and greatest(first.due_at, given.next_at) <= now as again
            from unnest(held, calls) as given (held, lane, fence, next_at, again)
            left join lateral (
                select message.id, message.priority, message.due_at from message
                where message.lane = given.lane and message.waiting order by message.due_at, message.id limit 1
            ) as first on true
            where given.held
        ) as wanted
        where lane.lane = wanted.lane
        returning lane.lane, lane.fence, lane.head, lane.next_at, lane.held_until
    )
    select
        min(freed.next_at) filter (where freed.held_until is null),
        array_agg(freed.lane) filter (where freed.held_until is not null),
        array_agg(freed.fence) filter (where freed.held_until is not null),
        array_agg(freed.head) filter (where freed.held_until is not null)
    into due, again_lanes, again_fences, again_heads
    from freed;
    return next;
    if again_lanes is not null then
        return query select null::boolean[], null::bigint, work.* from ledger_works(
            again_lanes, again_fences, again_heads
        ) as work;
    end if;
end
$$;

-- Takes lanes that are due, so that connections take turns, and holds each for its head; a lane whose head is not due is
-- only set right. Returns the heads with their steps, and when there will be something again; that also with no head.
create function ledger_claim(now bigint, lease bigint, most integer, skip text[])
returns table (
    due bigint, claimed_lane text, claimed_fence bigint,
    m1 text, m2 text, m3 text, m4 text, m5 text, m6 text, m7 text, m8 text, m9 integer, m10 bigint, m11 bigint,
    m12 bigint, m13 integer, m14 text, m15 integer, m16 text, m17 boolean,
    s1 text, s2 integer, s3 text, s4 text, s5 double precision, s6 text, s7 text, s8 integer, s9 bigint, s10 text,
    s11 boolean, s12 text
)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
    found bigint; -- lanes that are due
    chosen text[];
    lanes text[] := '{}';
    fences bigint[] := '{}';
    heads text[] := '{}';
    new_lanes text[];
    new_fences bigint[];
    new_heads text[];
begin
    -- others may be quicker, or a lane turns out to have nothing to do: then it looks for more, a few times
    for round in 1 .. 8 loop
        with turns as materialized (
            select candidate.*, row_number() over (
                partition by candidate.connection order by candidate.priority, candidate.next_at, candidate.lane
            ) as turn
            from queue
            cross join lateral (
                select lane.connection, lane.priority, lane.next_at, lane.lane from lane
                where lane.connection = queue.connection and lane.priority = queue.priority and lane.next_at <= now
                order by lane.next_at, lane.lane limit most - cardinality(lanes) + 1
            ) as candidate
            where skip is null or queue.connection <> all(skip)
        ),
        first as materialized (
            select turns.lane from turns order by turns.turn, turns.priority, turns.next_at, turns.lane
            limit most - cardinality(lanes)
        ),
        free as materialized (
            select lane.lane from lane
            where lane.lane = any(array(select first.lane from first)) and lane.next_at <= now
            order by lane.lane for update skip locked
        )
        select
            (select count(*) from turns), array(select first.lane from first), array(select free.lane from free)
        into found, chosen, new_lanes;
        exit when cardinality(chosen) = 0;
        with held as (
            update lane set
                fence = lane.fence + case when first.due_at <= now then 1 else 0 end,
                held_until = case when first.due_at <= now then now + lease end,
                head = case when first.due_at <= now then first.id end,
                priority = coalesce(first.priority, 1),
                next_at = case
                    when first.due_at <= now then now + lease
                    when first.due_at is not null then greatest(first.due_at, lane.not_before)
                end
            from unnest(new_lanes) as wanted (lane)
            left join lateral (
                select message.id, message.priority, message.due_at from message
                where message.lane = wanted.lane and message.waiting order by message.due_at, message.id limit 1
            ) as first on true
            where lane.lane = wanted.lane
            returning lane.lane, lane.fence, lane.head
        )
        select
            array_agg(held.lane order by asked.place), array_agg(held.fence order by asked.place),
            array_agg(held.head order by asked.place)
        into new_lanes, new_fences, new_heads
        from held join unnest(chosen) with ordinality as asked (lane, place) on asked.lane = held.lane
        where held.head is not null;
        lanes := lanes || new_lanes;
        fences := fences || new_fences;
        heads := heads || new_heads;
        if cardinality(new_lanes) = found then
            -- all that was due is taken, and nobody was quicker: looking again would find nothing
            found := 0;
            exit;
        end if;
        exit when cardinality(lanes) = most;
    end loop;
    if found > 0 then
        due := now;
    else
        select min(coming.next_at) into due from queue cross join lateral (
            select lane.next_at from lane
            where lane.connection = queue.connection and lane.priority = queue.priority and lane.next_at > now
            order by lane.next_at limit 1
        ) as coming;
    end if;
    if cardinality(lanes) = 0 then
        return next;
        return;
    end if;
    return query select due, work.* from ledger_works(lanes, fences, heads) as work;
end
$$;
