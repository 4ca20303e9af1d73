-- name: doubt_steps
-- Doubt every step that may have left since the copy was made: those of open messages whose time had come.
update step set
    doubt = true,
    first_at = coalesce(first_at, (
        select case when message.due_at > $2 then message.due_at else $2 end
        from message where message.id = step.message
    ))
where state in ('waiting', 'started')
    and step.message in (select id from message where message.state in ('queued', 'unknown') and due_at <= $1)
returning step.message;
