-- Paysluice's store, version 1. Everything lives in one schema; nothing here needs an extension or a superuser.

CREATE SCHEMA IF NOT EXISTS {schema};

CREATE TABLE {schema}.meta (name text PRIMARY KEY, value bigint NOT NULL);
INSERT INTO {schema}.meta (name, value) VALUES ('schema', 1);

-- Versions of rows, the fencing tokens. Never reset it, never give it a cache: of two writes to one row the later must draw the
-- higher number. Gaps are fine.
CREATE SEQUENCE {schema}.versions AS bigint CACHE 1;

-- The one place where the store's time comes from: the server's clock.
CREATE FUNCTION {schema}.clock() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$ SELECT clock_timestamp() $$;

-- One row a thing. body is JSON as it was written, byte by byte (the type json keeps its text; jsonb would sort the keys);
-- what is no JSON is in raw instead.
CREATE TABLE {schema}.rows (
    kind text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    part text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    ver bigint NOT NULL,
    tries bigint NOT NULL,
    due timestamptz,
    keep timestamptz,
    body json,
    raw bytea,
    PRIMARY KEY (kind, account, part, id),
    CHECK ((body IS NULL) <> (raw IS NULL))
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX rows_due ON {schema}.rows (kind, account, due, ver) WHERE due IS NOT NULL;
-- What is or will be due, by name: operators walk it, in an order that claims do not change.
CREATE INDEX rows_open ON {schema}.rows (kind, account, part, id) WHERE due IS NOT NULL;
CREATE INDEX rows_keep ON {schema}.rows (kind, account, keep) WHERE keep IS NOT NULL;

-- What commits were answered, by the names of the commits: vers if the rows were written; else the place (from 0) of the put that
-- lost, and the row it lost to, if there was one, with the microseconds until it was due.
CREATE TABLE {schema}.ops (
    op uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    vers bigint[],
    lost integer,
    kind text, account text, part text, id text, ver bigint, tries bigint, due_in bigint, body json, raw bytea,
    CHECK ((vers IS NULL) <> (lost IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE INDEX ops_at ON {schema}.ops (at);

-- Commits of distinct names and parts, each all or none, in one transaction: one array element a put, in_of says of which commit
-- (from 1) and in_index which put of it (from 0). An in_expect of null is "absent". Times are microseconds from now.
--
-- 1. The lock of each part, in order: from here on nobody else commits to these parts.
-- 2. The rows that stand, locked: no claim and no purge moves them until the end. Neither of those waits for a lock, so nothing here
--    can wait in a circle.
-- 3. Each statement sees what was committed before it began (READ COMMITTED), so what is compared below is what stands. Under a
--    stricter isolation the server may refuse with 40001 instead, and the caller comes again.
CREATE FUNCTION {schema}.commit(
    in_ops uuid[], in_of integer[], in_index integer[],
    in_kind text[], in_account text[], in_part text[], in_id text[],
    in_expect bigint[], in_due bigint[], in_keep bigint[], in_body text[], in_raw bytea[]
) RETURNS TABLE (
    out_n integer, out_vers bigint[], out_lost integer,
    out_kind text, out_account text, out_part text, out_id text,
    out_ver bigint, out_tries bigint, out_due_in bigint, out_body bytea
) LANGUAGE plpgsql VOLATILE
SET lock_timeout = '4s' SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $commit$
DECLARE
    t timestamptz;
    fresh integer[];
    lost integer[];
    vers bigint[];
    made bigint;
BEGIN
    -- A commit that was answered is on disk, whatever the session's default.
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    -- Others' locks hold up one commit, not all that share its transaction: these then come again, each alone.
    IF cardinality(in_ops) > 1 THEN
        PERFORM set_config('lock_timeout', '200ms', true);
    END IF;

    PERFORM pg_advisory_xact_lock(k) FROM (
        SELECT DISTINCT hashtextextended(account || E'\n' || part, '{schema}'::regnamespace::oid::bigint) AS k
        FROM unnest(in_account, in_part) AS p (account, part) ORDER BY k) AS locks;
    PERFORM 1 FROM unnest(in_kind, in_account, in_part, in_id) AS p (kind, account, part, id)
        JOIN {schema}.rows AS r USING (kind, account, part, id) FOR UPDATE OF r;
    t := {schema}.clock();

    fresh := ARRAY(
        SELECT p.n::integer FROM unnest(in_ops) WITH ORDINALITY AS p (op, n)
        WHERE NOT EXISTS (SELECT 1 FROM {schema}.ops AS o WHERE o.op = p.op));
    IF cardinality(fresh) > 0 THEN
        lost := ARRAY(
            SELECT DISTINCT p.n FROM unnest(in_of, in_kind, in_account, in_part, in_id, in_expect)
                AS p (n, kind, account, part, id, expect)
            LEFT JOIN {schema}.rows AS r ON r.kind = p.kind AND r.account = p.account AND r.part = p.part AND r.id = p.id
                AND (r.keep IS NULL OR r.keep > t)
            WHERE p.n = ANY (fresh) AND r.ver IS DISTINCT FROM p.expect);
        made := 0;
        IF cardinality(lost) > 0 THEN
            INSERT INTO {schema}.ops (op, at, lost, kind, account, part, id, ver, tries, due_in, body, raw)
            SELECT DISTINCT ON (p.n) in_ops[p.n], t, p.index, r.kind, r.account, r.part, r.id, r.ver, r.tries,
                (extract(epoch FROM r.due - t) * 1000000)::bigint, r.body, r.raw
            FROM unnest(in_of, in_index, in_kind, in_account, in_part, in_id, in_expect)
                AS p (n, index, kind, account, part, id, expect)
            LEFT JOIN {schema}.rows AS r ON r.kind = p.kind AND r.account = p.account AND r.part = p.part AND r.id = p.id
                AND (r.keep IS NULL OR r.keep > t)
            WHERE p.n = ANY (lost) AND r.ver IS DISTINCT FROM p.expect
            ORDER BY p.n, p.index
            ON CONFLICT (op) DO NOTHING;
            GET DIAGNOSTICS made = ROW_COUNT;
        END IF;
        IF cardinality(lost) < cardinality(fresh) THEN
            vers := ARRAY(SELECT nextval('{schema}.versions') FROM generate_series(1, cardinality(in_of)));
            INSERT INTO {schema}.rows (kind, account, part, id, ver, tries, due, keep, body, raw)
            SELECT p.kind, p.account, p.part, p.id, p.ver, 0,
                t + p.due * interval '1 microsecond', t + p.keep * interval '1 microsecond', p.body::json, p.raw
            FROM unnest(in_of, in_kind, in_account, in_part, in_id, vers, in_due, in_keep, in_body, in_raw)
                AS p (n, kind, account, part, id, ver, due, keep, body, raw)
            WHERE p.n = ANY (fresh) AND p.n <> ALL (lost)
            ON CONFLICT (kind, account, part, id) DO UPDATE
            SET ver = excluded.ver, tries = 0, due = excluded.due, keep = excluded.keep, body = excluded.body, raw = excluded.raw;

            WITH written AS (
                INSERT INTO {schema}.ops (op, at, vers)
                SELECT in_ops[p.n], t, array_agg(p.ver ORDER BY p.ord)
                FROM unnest(in_of, vers) WITH ORDINALITY AS p (n, ver, ord)
                WHERE p.n = ANY (fresh) AND p.n <> ALL (lost)
                GROUP BY p.n
                ON CONFLICT (op) DO NOTHING RETURNING 1)
            SELECT made + count(*) INTO made FROM written;
        END IF;
        IF made <> cardinality(fresh) THEN
            RAISE EXCEPTION 'a commit of the same name was made in another part at this moment' USING ERRCODE = '40001';
        END IF;
    END IF;

    RETURN QUERY
        SELECT p.n::integer, o.vers, o.lost, o.kind, o.account, o.part, o.id, o.ver, o.tries, o.due_in,
            coalesce(o.raw, convert_to(o.body::text, 'UTF8'))
        FROM unnest(in_ops) WITH ORDINALITY AS p (op, n) JOIN {schema}.ops AS o ON o.op = p.op;
END
$commit$;

-- Takes up to in_max due rows, the longest due first; rows that another claim or a commit holds are passed over, not waited for.
--
-- in_low is where the caller's last claim found the first due row, or little below its time: the index below it holds only entries of rows
-- that have moved on, which cannot be cleaned away while an old snapshot is held open, and would all be walked again by every claim.
-- Null looks from the very beginning; callers do so now and then, so that nothing below can be forgotten.
--
-- Sorting is off because a table without statistics looks small: then any index and a sort look as good as the index whose order is
-- wanted, and every claim would read all that is due.
--
-- The last row returned has no id: its out_was_due is the time of the claim.
CREATE FUNCTION {schema}.claim(in_kind text, in_account text, in_max bigint, in_lease bigint, in_low timestamptz)
RETURNS TABLE (out_part text, out_id text, out_ver bigint, out_tries bigint, out_was_due timestamptz, out_body bytea)
LANGUAGE plpgsql VOLATILE
SET lock_timeout = '4s' SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET enable_sort = off
SET jit = off
AS $claim$
DECLARE
    t timestamptz := {schema}.clock();
    low timestamptz := coalesce(in_low, '-infinity');
BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    RETURN QUERY
        WITH picked AS MATERIALIZED (
            SELECT r.part, r.id, r.due FROM {schema}.rows AS r
            WHERE r.kind = in_kind AND r.account = in_account AND r.due >= low AND r.due <= t AND (r.keep IS NULL OR r.keep > t)
            ORDER BY r.due, r.ver LIMIT in_max FOR UPDATE SKIP LOCKED),
        numbered AS MATERIALIZED (
            SELECT p.*, nextval('{schema}.versions') AS ver FROM picked AS p)
        UPDATE {schema}.rows AS r
        SET ver = n.ver, tries = least(r.tries + 1, 4294967295), due = t + in_lease * interval '1 microsecond'
        FROM numbered AS n
        WHERE r.kind = in_kind AND r.account = in_account AND r.part = n.part AND r.id = n.id
        RETURNING r.part, r.id, r.ver, r.tries, n.due, coalesce(r.raw, convert_to(r.body::text, 'UTF8'));
    RETURN QUERY SELECT NULL::text, NULL::text, NULL::bigint, NULL::bigint, t, NULL::bytea;
END
$claim$;
